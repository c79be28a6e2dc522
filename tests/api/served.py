"""The server with its layers around methods that a test writes, over a real connection."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import grpc
from google.rpc import error_details_pb2, status_pb2
from prometheus_client import CollectorRegistry, generate_latest

from batchjobs.v1 import batch_jobs_pb2 as pb
from batchjobs.v1.batch_jobs_pb2_grpc import BatchJobsStub
from gateway.api.handlers import handlers_of
from gateway.api.health import Health
from gateway.api.interceptors import layers
from gateway.api.interceptors.receiving import Receiving
from gateway.api.interceptors.shedding import Shedding
from gateway.api.interceptors.turns import Share, Turns
from gateway.api.server import ApiServer, Limits
from gateway.api.services import Services
from gateway.api.tls import ServerTls
from gateway.identity.development import DevelopmentAuthenticator
from gateway.identity.principal import Authenticator
from gateway.service.drain import Drain
from gateway.settings import Settings
from gateway.telemetry.metrics import Metrics

SERVICE: Any = pb.DESCRIPTOR.services_by_name["BatchJobs"]
CALL_SECONDS = 20
RANKING = (("x-batchjobs-team", "ranking"),)

Method = Callable[[Any, Any], Awaitable[Any]]


@dataclass
class Served:
    """A running server; `methods` may be replaced by name at any time."""

    methods: dict[str, Method] = field(default_factory=dict)
    metrics: Metrics = field(default_factory=lambda: Metrics(CollectorRegistry()))
    drain: Drain = field(default_factory=Drain)
    health: Health = field(default_factory=Health)
    receiving: Receiving = field(default_factory=lambda: Receiving(1, lambda _call: nullcontext()))
    counted: asyncio.Event = field(default_factory=asyncio.Event)
    """Set whenever the end of a call has been counted."""
    port: int = 0
    channel: grpc.aio.Channel = None  # type: ignore[assignment]  # Set once the port is known.

    @property
    def stub(self) -> Any:
        return BatchJobsStub(self.channel)

    async def raw(self, method: str, message: bytes, metadata: tuple = RANKING) -> bytes:
        """A unary call with bytes as they are."""
        return await self.channel.unary_unary(method)(message, metadata=metadata, timeout=CALL_SECONDS)

    async def get(self, name: str = "n", metadata: tuple = RANKING) -> pb.BatchJob:
        return await self.stub.GetBatchJob(pb.GetBatchJobRequest(name=name), metadata=metadata, timeout=CALL_SECONDS)

    def gauge(self, name: str) -> float:
        """What a metric without labels says now."""
        value = self.metrics.registry.get_sample_value(name)
        assert value is not None, name
        return value

    def exposed(self) -> str:
        return generate_latest(self.metrics.registry).decode()


LIMITS = Limits.of(Settings(name="test", policy=Path(), database_url="postgresql://", insecure=True))
"""Those of the settings, where nobody says otherwise."""


@asynccontextmanager
async def serving(
    limits: Limits = LIMITS,
    *,
    most: int = 1000,
    share: Share = Share(creates=1000, others=1000, waiting=1000, alone=1000),  # noqa: B008 - frozen
    authenticator: Authenticator | None = None,
    tls: ServerTls | None = None,
    channel: Callable[[int], grpc.aio.Channel] = lambda port: grpc.aio.insecure_channel(f"127.0.0.1:{port}"),
    **methods: Method,
) -> AsyncIterator[Served]:
    """Serve the methods; with `tls` the channel has to be one of TLS too."""
    served = Served()

    def scripted(name: str) -> Method:
        async def method(request: Any, context: Any) -> Any:
            return await served.methods[name](request, context)

        return method

    served.methods.update(methods)
    count = served.metrics.rpcs.handled

    def handled(*labels: Any) -> None:
        count(*labels)
        served.counted.set()

    served.metrics.rpcs.handled = handled  # type: ignore[method-assign]  # The test listens in.
    guarded = frozenset({SERVICE.full_name})
    shedding = Shedding(most, guarded)
    served.receiving = Receiving(limits.message_bytes, shedding.at_rest)
    turns = Turns(share, lambda principal: principal.name, at_rest=shedding.at_rest)
    served.metrics.rpcs.read_in_flight(lambda: shedding.in_flight)
    served.metrics.rpcs.read_waiting(lambda: turns.waiting)
    development = DevelopmentAuthenticator(insecure=True, listeners=["127.0.0.1:0"])
    around = layers(
        metrics=served.metrics,
        drain=served.drain,
        shedding=shedding,
        receiving=served.receiving,
        turns=turns,
        authenticator=authenticator or development,
        guarded=guarded,
    )
    handler = handlers_of(SERVICE, {name: scripted(name) for name in SERVICE.methods_by_name})
    server = ApiServer(Services([(SERVICE, handler)]), around, served.health, limits)
    served.port = await server.start("127.0.0.1:0", None if tls is None else tls.credentials)
    async with channel(served.port) as served.channel:
        yield served
    await server.stop(0)


def reason_of(error: grpc.aio.AioRpcError) -> str:
    """The reason that the status details carry; "" where they carry none."""
    status = status_pb2.Status()
    for key, value in error.trailing_metadata() or ():
        if key == "grpc-status-details-bin":
            status.ParseFromString(value)
    info = error_details_pb2.ErrorInfo()
    return info.reason if any(packed.Unpack(info) for packed in status.details) else ""
