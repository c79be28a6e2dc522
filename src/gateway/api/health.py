"""The standard health service, for whoever probes: the kubelet on its own plaintext port, callers on the API's."""

from typing import Final

from grpc_health.v1 import health, health_pb2

from batchjobs.v1 import batch_jobs_pb2

SERVICES: Final = ("", batch_jobs_pb2.DESCRIPTOR.services_by_name["BatchJobs"].full_name)
"""What a probe may ask about: the server as a whole, and each service by its name."""


class Health:
    """One state for every listener: NOT_SERVING until the start is complete, and again from the drain on.

    The store is not asked at a probe: a database that is down for a minute must not restart every replica.
    """

    def __init__(self) -> None:
        self.servicer = health.aio.HealthServicer()

    async def starting(self) -> None:
        await self._set(health_pb2.HealthCheckResponse.NOT_SERVING)

    async def serving(self) -> None:
        await self._set(health_pb2.HealthCheckResponse.SERVING)

    async def draining(self) -> None:
        """Final: nothing makes it SERVING again."""
        await self.servicer.enter_graceful_shutdown()

    async def _set(self, status: int) -> None:
        for service in SERVICES:
            await self.servicer.set(service, status)
