"""Callers who are known by their client certificate, as the TLS layer itself reports it."""

from collections.abc import Callable
from dataclasses import replace
from typing import Final

from gateway.identity.advice import TOKEN_HEADER
from gateway.identity.bearer import Tokens
from gateway.identity.forwarded import FORWARDED_HEADER, forwarded_principal
from gateway.identity.names import MTLS, MTLS_DNS, is_dns_name, is_spiffe_id, only
from gateway.identity.principal import Evidence, Principal, Transport
from gateway.identity.refusal import Cause, refused

_WITHOUT: Final = f"This gateway takes no tokens: leave `{TOKEN_HEADER}` out; your client certificate says who you are."
_BY_REST: Final = (
    "This gateway takes no tokens, and over REST nothing else says who calls. Call it over gRPC, with a client "
    "certificate, or have those who run it name the issuer of your tokens (GATEWAY_ISSUERS)."
)


class CertificateAuthenticator:
    """For a listener that demands client certificates. A token that comes along must verify, and then is the principal:
    a bad one never falls back to the certificate.

    Args:
        tokens: judges tokens; None where no issuer is configured, and then a token is refused.
        dns_names: whether a certificate without a SPIFFE id may name its holder by its one DNS name.
        is_trusted_proxy: whether a peer of this name forwards others' calls. Such a peer calls for nobody else than the
            one whom it forwards, never for itself.

    """

    def __init__(
        self,
        tokens: Tokens | None,
        *,
        dns_names: bool = False,
        is_trusted_proxy: Callable[[str], bool] = lambda _name: False,
    ) -> None:
        self._tokens = tokens
        self._dns_names = dns_names
        self._is_trusted_proxy = is_trusted_proxy

    async def authenticate(self, evidence: Evidence) -> Principal:
        """The token's principal where there is or must be a token, the one that a trusted proxy forwards, or the
        certificate's.
        """
        if evidence.forwarded or any(key == TOKEN_HEADER for key, _ in evidence.metadata):
            return await self._by_token(evidence)
        peer = self._peer(evidence)
        if peer is None:
            raise refused(Cause.NO_NAME_IN_CERTIFICATE, self._what_is_needed())
        if not self._is_trusted_proxy(peer.name):
            return peer
        return forwarded_principal([value for key, value in evidence.metadata if key == FORWARDED_HEADER])

    async def _by_token(self, evidence: Evidence) -> Principal:
        if self._tokens is None:
            raise refused(Cause.NO_TOKENS_HERE, _BY_REST if evidence.forwarded else _WITHOUT)
        return await self._tokens.authenticate(replace(evidence, peer=lambda: self._address(evidence)))

    def _address(self, evidence: Evidence) -> str | None:
        """The peer's address, where the peer calls for itself."""
        peer = self._peer(evidence)
        return None if peer is not None and self._is_trusted_proxy(peer.name) else evidence.peer()

    def _peer(self, evidence: Evidence) -> Principal | None:
        return certificate_principal(evidence.transport(), dns_names=self._dns_names)

    def _what_is_needed(self) -> str:
        also = " or, without any URI, exactly one DNS name" if self._dns_names else ""
        instead = "" if self._tokens is None else ", or send a token"
        return (
            "Your client certificate does not say who you are: it needs exactly one URI among its subject alternative "
            f"names, a SPIFFE id such as spiffe://corp.example/ns/ranking/sa/batch{also}. Have one issued with "
            f"that{instead}."
        )


def certificate_principal(transport: Transport, *, dns_names: bool) -> Principal | None:
    """`mtls:` and the certificate's SPIFFE id; where it has no URI at all and DNS names count, `mtls-dns:` and its one;
    None where it names nobody.

    gRPC reports a SPIFFE id only for a certificate with exactly one URI; URIs and DNS names it reports apart, so that
    a DNS entry that reads like a URI is none.
    """
    spiffe = only(transport.get("peer_spiffe_id"))
    if spiffe is not None and is_spiffe_id(spiffe):
        return Principal(MTLS + spiffe)
    if dns_names and not transport.get("peer_uri"):
        name = (only(transport.get("peer_dns")) or "").lower()
        if is_dns_name(name):
            return Principal(MTLS_DNS + name)
    return None
