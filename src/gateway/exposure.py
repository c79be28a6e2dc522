"""Who may reach a process and how it knows them: the rules between the settings of its listeners.

Without `insecure` callers come over TLS and prove who they are. With it nobody does, and nobody else can reach it.
"""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

from gateway.conflicts import Conflict
from gateway.setting_types import is_loopback

if TYPE_CHECKING:
    from gateway.settings import Settings

SECURE: Final = (
    "callers come over TLS and prove who they are, by a token (issuers) or a client certificate (mtls_listen, "
    "tls_client_ca); to try things out on this machine, use `gateway dev` or insecure"
)

_FOR_MTLS: Final = "is for mtls_listen, which is not set"
_FOR_TOKENS: Final = "is for callers with tokens, and issuers is not set"
_FOR_LOOPBACK: Final = "can be reached from elsewhere, and insecure is for loopback only: listen on 127.0.0.1 or [::1]"
_BY_SPIFFE: Final = "write `mtls:` and the proxy's SPIFFE id"
_PLAINTEXT: Final = ("api_listen", "health_listen", "metrics_listen")


def exposure(settings: "Settings") -> Iterator[Conflict]:
    """What is wrong between these settings."""
    found = _open(settings) if settings.insecure else _secured(settings)
    yield from (Conflict(setting, says, ("insecure",)) for setting, says in found)
    unknown = [name for name in settings.trusted_proxies if name.startswith("mtls-dns:")]
    if unknown and not settings.mtls_dns_names:
        says = f"{', '.join(unknown)}: nobody is known by that name without mtls_dns_names; set it too, or {_BY_SPIFFE}"
        yield Conflict("trusted_proxies", says, ("mtls_dns_names",))


def _open(settings: "Settings") -> Iterator[tuple[str, str]]:
    if any(
        (
            settings.tls_certificate,
            settings.tls_key,
            settings.tls_client_ca,
            settings.issuers,
            settings.mtls_listen,
        )
    ):
        yield "insecure", "believes every caller, and TLS or issuers are set: take one of the two out"
    if not settings.api_listen:
        yield "api_listen", "is needed with insecure"
    for setting in _PLAINTEXT:
        address = getattr(settings, setting)
        if address and not is_loopback(address):
            yield setting, _FOR_LOOPBACK


def _secured(settings: "Settings") -> Iterator[tuple[str, str]]:
    needed = f"is needed: {SECURE}"
    nowhere = not settings.api_listen and not settings.mtls_listen
    wrong = {
        "tls_certificate": (not settings.tls_certificate, needed),
        "tls_key": (not settings.tls_key, needed),
        "issuers": (
            bool(settings.api_listen) and not settings.issuers,
            "is needed for api_listen, whose callers have tokens; or set api_listen to nothing, and mtls_listen",
        ),
        "tls_client_ca": (bool(settings.mtls_listen) and not settings.tls_client_ca, "is needed for mtls_listen"),
        "mtls_listen": (
            nowhere or (bool(settings.tls_client_ca) and not settings.mtls_listen),
            "is needed with tls_client_ca, and where api_listen is set to nothing",
        ),
        "trusted_proxies": (bool(settings.trusted_proxies) and not settings.mtls_listen, _FOR_MTLS),
        "rest_proxies": (bool(settings.rest_proxies) and not settings.issuers, _FOR_TOKENS),
        "mtls_dns_names": (settings.mtls_dns_names and not settings.mtls_listen, _FOR_MTLS),
    }
    return ((setting, says) for setting, (holds, says) in wrong.items() if holds)
