"""The standard health service, for whoever probes: the kubelet on its own plaintext port, callers on the API's."""

from typing import Any, Final

import grpc
from grpc_health.v1 import health, health_pb2

from batchjobs.v1 import batch_jobs_pb2

messages: Any = health_pb2
"""The library's types do not know all of its messages."""

READINESS: Final = ("", batch_jobs_pb2.DESCRIPTOR.services_by_name["BatchJobs"].full_name)
"""What a probe may ask about whether callers are served: the server as a whole, and each service by its name."""

LIVENESS: Final = "live"
"""What it may ask about whether the process works at all."""


class Servicer(health.aio.HealthServicer):
    """The library's, and the one method of the service that it leaves out."""

    def __init__(self) -> None:
        super().__init__()
        self._states: dict[str, int] = {}

    async def set(self, service: str, status: int) -> None:
        self._states[service] = status
        await super().set(service, status)

    async def List(self, _request: Any, _context: grpc.aio.ServicerContext[Any, Any]) -> Any:  # noqa: N802 - its name
        """Every state that there is, by what it is asked for as."""
        states = {name: health_pb2.HealthCheckResponse(status=status) for name, status in self._states.items()}
        return messages.HealthListResponse(statuses=states)


class Health:
    """One state for every listener: NOT_SERVING until the start is complete, and again from the drain on.

    `live` is SERVING all the while: a replica that waits for its schema or drains must not be restarted for it. The
    store is not asked at a probe: a database that is down for a minute must not restart every replica.
    """

    def __init__(self) -> None:
        self.servicer = Servicer()
        self._final = False

    async def starting(self) -> None:
        await self.servicer.set(LIVENESS, health_pb2.HealthCheckResponse.SERVING)
        await self._set(health_pb2.HealthCheckResponse.NOT_SERVING)

    async def serving(self) -> None:
        if not self._final:
            await self._set(health_pb2.HealthCheckResponse.SERVING)

    async def draining(self) -> None:
        """Final: nothing makes it SERVING again."""
        self._final = True
        await self._set(health_pb2.HealthCheckResponse.NOT_SERVING)

    async def _set(self, status: int) -> None:
        for service in READINESS:
            await self.servicer.set(service, status)
