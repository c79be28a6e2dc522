"""The gRPC servers: the API with its layers, and the plaintext health listener for probes."""

import asyncio
import errno
import socket
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import nullcontext, suppress
from dataclasses import dataclass
from functools import partial
from typing import Any, Final, Self

import grpc
from google.protobuf.descriptor import ServiceDescriptor
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection, reflection_pb2, reflection_pb2_grpc

from gateway.api.handlers import NotServed, method_paths
from gateway.api.health import Health
from gateway.api.interceptors.chain import Layer, Layered
from gateway.api.interceptors.receiving import Receiving
from gateway.api.interceptors.refusals import Refusals
from gateway.api.services import Services
from gateway.settings import Settings

MINUTE_MS: Final = 60_000
HEALTH_SERVICE: Final = health_pb2.DESCRIPTOR.services_by_name["Health"]
REFLECTION_SERVICE: Final = reflection_pb2.DESCRIPTOR.services_by_name["ServerReflection"]


ACCEPTORS: Final = 8
"""How many of gRPC's servers take the calls of one listener. Each takes one at a time off its queue, at one turn of the
event loop: where it is alone, calls wait in there, in the order in which they came, and no rule of ours can be applied
to them. The kernel spreads connections over them; the calls of one connection stay with one of them.
"""

LOOKAHEAD_BYTES: Final = 16 * 1024
"""How much of a call's message gRPC takes in before anybody waits for it: most messages whole."""

PROBE_BYTES: Final = 1024
"""The longest message of a probe."""


class ListenError(Exception):
    """An address cannot be bound; the message names it."""

    @classmethod
    def of(cls, address: str) -> Self:
        return cls(f"cannot listen on {address}: is the port taken by another process, perhaps by another gateway?")


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What one connection may ask of the server. Times are in seconds. What has no value here is a setting."""

    message_bytes: int
    """The largest message that is read; a larger one is RESOURCE_EXHAUSTED by gRPC itself."""
    metadata_bytes: int
    """The most metadata that a call may carry; more is RESOURCE_EXHAUSTED by gRPC itself."""
    streams: int
    """Calls and watches that one connection may have open at a time; gRPC holds further ones back at the caller."""
    connection_age: float
    """After how long a connection is asked to go, so that callers spread over new replicas."""
    connection_grace: float = 300.0
    """How long its calls may then still take."""
    connection_idle: float
    """After how long a connection without any call is asked to go."""
    ping_interval: float
    """How often a caller may ping; one that goes on pinging more often is cut off with `too_many_pings`."""
    handshake: float = 20.0
    """How long the TLS handshake may take."""

    @classmethod
    def of(cls, settings: Settings) -> Self:
        return cls(
            message_bytes=settings.message_bytes,
            metadata_bytes=settings.metadata_bytes,
            streams=settings.streams_per_connection,
            connection_age=settings.connection_age.total_seconds(),
            connection_idle=settings.connection_idle.total_seconds(),
            ping_interval=settings.ping_interval.total_seconds(),
        )


class ApiServer:
    """The API on one listener: the service, health, reflection, and the layers around all of them."""

    def __init__(
        self,
        services: Services,
        layers: Sequence[Layer],
        health: Health,
        limits: Limits,
    ) -> None:
        library: list[Any] = [HEALTH_SERVICE, REFLECTION_SERVICE]
        described: list[ServiceDescriptor] = [*(service for service, _ in services.every), *library]
        served = frozenset[str]().union(*(method_paths(service) for service in described))
        found: Any = _Handlers([handler for _, handler in services.every])
        health_pb2_grpc.add_HealthServicer_to_server(health.servicer, found)
        listed = [each.full_name for each in (*services.told, *library)]
        reflecting = reflection.aio.ReflectionServicer(listed)
        reflection_pb2_grpc.add_ServerReflectionServicer_to_server(reflecting, found)  # type: ignore[no-untyped-call]
        layered = Layered([*found.generic, NotServed(services.told)], layers, served)
        self._new = partial(grpc.aio.server, handlers=[layered], options=_options(limits))
        self._acceptors: list[grpc.aio.Server] = []

    async def start(self, address: str, credentials: Callable[[], grpc.ServerCredentials] | None = None) -> int:
        """Listen on `host:port` and answer the port, which differs where 0 was asked for. Credentials that change are
        asked for several times: gRPC takes each of them for one server.

        Raises:
            ListenError: the address cannot be bound.

        """
        host, _, asked = address.rpartition(":")
        port = int(asked)
        if port:
            await asyncio.to_thread(_refuse_taken, address)
        try:
            for _ in range(ACCEPTORS):
                self._acceptors.append(self._new())
                shown = None if credentials is None else credentials()
                port = await _start(self._acceptors[-1], f"{host}:{port}", shown)
        except ListenError:
            await self.stop(0)
            raise
        return port

    async def stop(self, grace: float) -> None:
        """Take no new calls, let the open ones end within `grace` seconds, then cut what is left."""
        await asyncio.gather(*(acceptor.stop(grace) for acceptor in self._acceptors))


class HealthServer:
    """Health alone, in plaintext, on a listener of its own: `Check` without `Watch`, since streams that are left open
    would take the place of probes. So would calls without a message, which have little time for that reason.
    """

    def __init__(self, health: Health) -> None:
        check = grpc.unary_unary_rpc_method_handler(
            health.servicer.Check,
            request_deserializer=health_pb2.HealthCheckRequest.FromString,
            response_serializer=health_pb2.HealthCheckResponse.SerializeToString,
        )
        handlers = grpc.method_handlers_generic_handler(HEALTH_SERVICE.full_name, {"Check": check})
        around = (Refusals(), Receiving(PROBE_BYTES, lambda _call: nullcontext()))
        layered = Layered([handlers], around, frozenset({f"/{HEALTH_SERVICE.full_name}/Check"}))
        self._server = grpc.aio.server(handlers=[layered], options=_PROBED)

    async def start(self, address: str) -> int:
        """Listen on `host:port` and answer the port; raises ListenError where it cannot be bound."""
        return await _start(self._server, address, None)

    async def stop(self) -> None:
        await self._server.stop(None)


class _Handlers:
    """Takes what the libraries would add to a server, so that the layers can be put around it."""

    def __init__(self, generic: Iterable[grpc.GenericRpcHandler]) -> None:
        self.generic = list(generic)

    def add_generic_rpc_handlers(self, handlers: Iterable[grpc.GenericRpcHandler]) -> None:
        self.generic.extend(handlers)

    def add_registered_method_handlers(self, _service: str, _handlers: Mapping[str, Any]) -> None:
        """The same methods a second time, by their names."""


async def _start(server: grpc.aio.Server, address: str, credentials: grpc.ServerCredentials | None) -> int:
    try:
        if credentials is None:
            port = server.add_insecure_port(address)
        else:
            port = server.add_secure_port(address, credentials)
    except RuntimeError as error:
        raise ListenError.of(address) from error
    await server.start()
    return port


def _refuse_taken(address: str) -> None:
    """Refuse a port that somebody listens on: as acceptors share theirs, so would two processes, and unnoticed. What
    else may be wrong with an address gRPC finds out.
    """
    host, _, port = address.rpartition(":")
    with suppress(socket.gaierror):
        for family, kind, protocol, _, place in socket.getaddrinfo(host.strip("[]"), port, type=socket.SOCK_STREAM):
            with suppress(OSError), socket.socket(family, kind, protocol) as probe:
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                try:
                    probe.bind(place)
                except OSError as error:
                    if error.errno == errno.EADDRINUSE:
                        raise ListenError.of(address) from error


_PROBED: Final[Sequence[tuple[str, Any]]] = (
    # Two processes on one port would share its calls between them unnoticed.
    ("grpc.so_reuseport", 0),
    ("grpc.max_receive_message_length", PROBE_BYTES),
    ("grpc.max_concurrent_streams", 10),
    # Who probes opens a connection each time, or opens another without noticing.
    ("grpc.max_connection_age_ms", MINUTE_MS),
    ("grpc.max_connection_age_grace_ms", 5_000),
    ("grpc.max_connection_idle_ms", 20_000),
    ("grpc.server_handshake_timeout_ms", 5_000),
)
"""What a connection to the health listener may ask for."""


def _options(limits: Limits) -> Sequence[tuple[str, Any]]:
    return (
        ("grpc.so_reuseport", 1),
        ("grpc.max_receive_message_length", limits.message_bytes),
        # So much of a message is taken before it is asked for, and no more however fast the connection is.
        ("grpc.http2.bdp_probe", 0),
        ("grpc.http2.lookahead_bytes", LOOKAHEAD_BYTES),
        # Between the first and the second gRPC would refuse at random.
        ("grpc.max_metadata_size", limits.metadata_bytes),
        ("grpc.absolute_max_metadata_size", limits.metadata_bytes),
        ("grpc.max_concurrent_streams", limits.streams),
        ("grpc.max_connection_age_ms", _ms(limits.connection_age)),
        ("grpc.max_connection_age_grace_ms", _ms(limits.connection_grace)),
        ("grpc.max_connection_idle_ms", _ms(limits.connection_idle)),
        ("grpc.server_handshake_timeout_ms", _ms(limits.handshake)),
        ("grpc.keepalive_time_ms", 2 * MINUTE_MS),
        ("grpc.keepalive_timeout_ms", 20_000),
        # Callers that hold a watch may ping this often without being cut off.
        ("grpc.http2.min_ping_interval_without_data_ms", _ms(limits.ping_interval)),
        ("grpc.http2.max_ping_strikes", 2),
        ("grpc.keepalive_permit_without_calls", 1),
    )


def _ms(seconds: float) -> int:
    return round(seconds * 1000)
