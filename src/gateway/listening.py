"""The API's listeners: where each is, what it serves TLS with, and how it knows its callers."""

import asyncio
from collections.abc import Coroutine
from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Any

from gateway.clock import Clock
from gateway.identity.development import DevelopmentAuthenticator
from gateway.identity.principal import Authenticator
from gateway.settings import Settings
from gateway.telemetry.identity_metrics import IdentityMetrics

if TYPE_CHECKING:
    from gateway.api.tls import ServerTls
    from gateway.identity.key_source import KeySource

Work = tuple[str, Coroutine[Any, Any, None]]
"""A name, and what runs as long as the process does."""


@dataclass(frozen=True, slots=True)
class Listener:
    """One address of the API."""

    name: str
    """`plaintext`, `tokens` or `mtls`, as metrics and logs call it."""
    address: str
    authenticator: Authenticator
    tls: "ServerTls | None" = None


@dataclass(frozen=True, slots=True)
class Listening:
    """All listeners, and what keeps their certificates and their issuers' keys up to date."""

    listeners: tuple[Listener, ...]
    keys: "tuple[KeySource, ...]" = ()

    def background(self) -> list[Work]:
        """What is to run in the background."""
        watched = [(f"certificate {each.name}", each.tls.run()) for each in self.listeners if each.tls is not None]
        return [*watched, *((f"keys {each.alias}", each.run()) for each in self.keys)]


async def open_listeners(settings: Settings, *, clock: Clock, metrics: IdentityMetrics) -> Listening:
    """What the settings ask for, with every file read and judged.

    Raises:
        DevelopmentIdentityRefusedError: `insecure` with a listener that others can reach.
        CertificateError, IssuersError: a file is missing or holds what cannot be used.

    """
    if settings.insecure:
        development = DevelopmentAuthenticator(insecure=True, listeners=settings.listeners)
        return Listening((Listener("plaintext", settings.api_listen or "", development),))
    # Cryptography is loaded only where it is needed, and while the event loop goes on.
    secured = await asyncio.to_thread(import_module, "gateway.secured")
    opened: Listening = await secured.open_secured(settings, clock, metrics)
    return opened
