"""What listens: the API's servers, and beside them health and metrics."""

import asyncio
from contextlib import AsyncExitStack

from prometheus_client import CollectorRegistry

from gateway.api.health import Health
from gateway.api.server import ApiServer, HealthServer, Limits, ListenError
from gateway.api.services import Services
from gateway.app.calls import Around
from gateway.listening import Listening
from gateway.settings import Settings
from gateway.telemetry.exposition import MetricsListener


class Servers:
    """The API's: one for each listener."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._servers: list[ApiServer] = []
        self._ports: dict[str, int] = {}

    @property
    def api_target(self) -> str:
        """`host:port` of the API for tokens, or in plaintext, with the port that was really taken; "" for none."""
        return _target(self._settings.api_listen, self._ports.get("tokens") or self._ports.get("plaintext"))

    @property
    def mtls_target(self) -> str:
        """The same of the API for client certificates."""
        return _target(self._settings.mtls_listen, self._ports.get("mtls"))

    async def start(
        self, stack: AsyncExitStack, listening: Listening, services: Services, around: Around, health: Health
    ) -> None:
        """Serve on every listener; they are cut off when the stack ends."""
        for each in listening.listeners:
            layers = around(authenticator=each.authenticator)
            server = ApiServer(services, layers, health, Limits.of(self._settings))
            credentials = None if each.tls is None else each.tls.credentials
            self._ports[each.name] = await server.start(each.address, credentials)
            self._servers.append(server)
            stack.push_async_callback(server.stop, 0.0)

    async def stop(self, grace: float) -> None:
        """Take no new calls, let the open ones end within `grace` seconds, then cut what is left."""
        await asyncio.gather(*(server.stop(grace) for server in self._servers))


def _target(address: str | None, port: int | None) -> str:
    return f"{address.rpartition(':')[0]}:{port}" if address and port else ""


async def start_beside(
    stack: AsyncExitStack, settings: Settings, health: Health, registry: CollectorRegistry
) -> tuple[int, int]:
    """Serve health and metrics until the stack ends; the port of each.

    Health says NOT_SERVING from here on, and metrics can be read, while the rest is still starting.
    """
    await health.starting()
    server = HealthServer(health)
    health_port = await server.start(settings.health_listen)
    stack.push_async_callback(server.stop)
    host, _, port = settings.metrics_listen.rpartition(":")
    listener = MetricsListener(registry, host.strip("[]"), int(port))
    try:
        return health_port, (await stack.enter_async_context(listener)).port
    except OSError as error:
        raise ListenError.of(settings.metrics_listen) from error
