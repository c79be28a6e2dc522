"""Who may reach a process and how it knows them: the rules between the settings of its listeners.

Without `insecure` callers come over TLS and prove who they are. With it nobody does, and nobody else can reach it.
"""

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from gateway.settings import Settings

SECURE: Final = (
    "callers come over TLS and prove who they are, by a token (issuers) or a client certificate (mtls_listen, "
    "tls_client_ca); to try things out on this machine, use `gateway dev` or insecure"
)

_FOR_MTLS: Final = "is for mtls_listen, which is not set"


def exposure(settings: "Settings") -> dict[str, tuple[bool, str]]:
    """By setting: whether something is wrong with it, and what."""
    return _open(settings) if settings.insecure else _secured(settings)


def _open(settings: "Settings") -> dict[str, tuple[bool, str]]:
    """That every listener is on loopback is the development authenticator's to insist on."""
    secured = (
        settings.tls_certificate,
        settings.tls_key,
        settings.tls_client_ca,
        settings.issuers,
        settings.mtls_listen,
    )
    return {
        "insecure": (any(secured), "believes every caller, and TLS or issuers are set: take one of the two out"),
        "api_listen": (not settings.api_listen, "is needed with insecure"),
    }


def _secured(settings: "Settings") -> dict[str, tuple[bool, str]]:
    needed = f"is needed: {SECURE}"
    nowhere = not settings.api_listen and not settings.mtls_listen
    return {
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
        "mtls_dns_names": (settings.mtls_dns_names and not settings.mtls_listen, _FOR_MTLS),
    }
