"""The listeners with TLS, and the authenticators behind them. Imports cryptography, so it is loaded only for these."""

from collections.abc import Iterable
from pathlib import Path

from gateway.api.certificates import TlsFiles
from gateway.api.tls import ServerTls
from gateway.clock import Clock
from gateway.identity.advice import Advice
from gateway.identity.bearer import Tokens
from gateway.identity.certificates import CertificateAuthenticator
from gateway.identity.issuers import IssuersError, load_issuers
from gateway.identity.jwt_verifier import JwtVerifier
from gateway.identity.key_fetch import reader_of
from gateway.identity.key_set import KeySetError
from gateway.identity.key_source import FETCH_INTERVAL, LOOK_INTERVAL, FetchError, KeySource
from gateway.identity.one_holder import OneHolder
from gateway.identity.rest_proxies import RestProxies
from gateway.identity.signers import TrustedIssuer
from gateway.identity.throttle import Throttle
from gateway.identity.verified import VerifiedTokens
from gateway.listening import Listener, Listening
from gateway.policy.match import compile_glob
from gateway.settings import Settings
from gateway.telemetry.identity_metrics import IdentityMetrics


async def open_secured(settings: Settings, clock: Clock, metrics: IdentityMetrics) -> Listening:
    """The listener that takes tokens and the one that demands client certificates, as far as the settings have them."""
    issuers = await trusted_issuers(settings.issuers, clock=clock, metrics=metrics)
    throttle = Throttle(clock, settings.refused_identities_per_minute)
    advice = Advice(each.rules for each in issuers)
    by_rest = RestProxies(settings.rest_proxies)
    tokens = Tokens(JwtVerifier(issuers), VerifiedTokens(clock), throttle, advice, by_rest) if issuers else None
    listeners: list[Listener] = []
    if settings.api_listen and tokens is not None:
        tls = await _tls("tokens", settings, None, clock, metrics)
        listeners.append(Listener("tokens", settings.api_listen, tokens, tls))
    if settings.mtls_listen:
        tls = await _tls("mtls", settings, settings.tls_client_ca, clock, metrics)
        trusted = tuple(compile_glob(pattern) for pattern in settings.trusted_proxies)
        authenticator = CertificateAuthenticator(
            tokens,
            dns_names=settings.mtls_dns_names,
            is_trusted_proxy=lambda name: any(glob.matches(name) for glob in trusted),
        )
        listeners.append(Listener("mtls", settings.mtls_listen, authenticator, tls))
    return Listening(tuple(listeners), tuple(each.keys for each in issuers))


async def trusted_issuers(path: Path | None, *, clock: Clock, metrics: IdentityMetrics) -> tuple[TrustedIssuer, ...]:
    """The issuers of the file. Keys in files are read now; those behind a URL may come later.

    Raises:
        IssuersError: the issuers file or a JWKS file cannot be used, or two issuers of one name hold the same key.

    """
    if path is None:
        return ()
    found, one_holder = [], OneHolder()
    for alias, rules in load_issuers(path).items():
        interval = LOOK_INTERVAL if rules.jwks_file else FETCH_INTERVAL
        keys = KeySource(
            alias,
            rules.algorithms,
            reader_of(rules),
            clock=clock,
            observer=metrics,
            interval=interval,
            changed=one_holder.look,
        )
        found.append(TrustedIssuer(alias, rules, keys))
    await _read_files(found)
    one_holder.watch(found)
    return tuple(found)


async def _read_files(issuers: Iterable[TrustedIssuer]) -> None:
    for each in issuers:
        if each.rules.jwks_file is None:
            continue
        try:
            await each.keys.first()
        except (FetchError, KeySetError) as error:
            raise IssuersError(f"issuer {each.alias}: jwks_file {each.rules.jwks_file}: {error}") from error


async def _tls(
    listener: str, settings: Settings, client_ca: Path | None, clock: Clock, metrics: IdentityMetrics
) -> ServerTls:
    if settings.tls_certificate is None or settings.tls_key is None:
        raise AssertionError("settings without TLS are refused before")
    files = TlsFiles(settings.tls_certificate, settings.tls_key, client_ca)
    return await ServerTls.open(listener, files, clock=clock, observer=metrics)
