"""The connection to one Vertex endpoint: how a dead one is noticed, and the last look before a request goes out."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, Final

import grpc

from gateway.domain.batch_job import PoolId

TCP_USER_TIMEOUT_SECONDS: Final = 20.0
"""How long bytes may stay unacknowledged before the kernel drops the connection. It is part of the settling time T."""

KEEPALIVE_SECONDS: Final = 30.0

last_look: ContextVar[Callable[[], float] | None] = ContextVar("last_look", default=None)
"""Asked directly before a request goes out: the seconds it may take, or TooLateError, and it is not sent."""


class NoCredentialsError(Exception):
    """No credentials for Google Cloud on this machine, or none that can be read."""


@contextmanager
def looking(look: Callable[[], float]) -> Iterator[None]:
    """Have calls that are started inside look before they go out."""
    token = last_look.set(look)
    try:
        yield
    finally:
        last_look.reset(token)


def host_of(pool: PoolId, endpoint: str = "") -> str:
    """The endpoint's host: the policy's, or Vertex's own for the region."""
    if endpoint:
        return endpoint
    return "aiplatform.googleapis.com" if pool.region == "global" else f"{pool.region}-aiplatform.googleapis.com"


def channel_options(tcp_user_timeout: float = TCP_USER_TIMEOUT_SECONDS) -> list[tuple[str, Any]]:
    """Options under which nothing is sent twice and nothing lingers.

    gRPC sets the socket's TCP_USER_TIMEOUT from the keepalive timeout, so the bytes of a dead connection are given up
    after it instead of being retransmitted for a quarter of an hour.
    """
    return [
        ("grpc.keepalive_time_ms", int(KEEPALIVE_SECONDS * 1000)),
        ("grpc.keepalive_timeout_ms", int(tcp_user_timeout * 1000)),
        ("grpc.keepalive_permit_without_calls", 0),
        ("grpc.http2.max_pings_without_data", 0),
        # Neither gRPC's own retries nor those of a service config found in DNS: a create is sent once.
        ("grpc.enable_retries", 0),
        ("grpc.service_config_disable_resolution", 1),
        ("grpc.max_receive_message_length", 64 * 1024 * 1024),
    ]


class LastLook(grpc.aio.UnaryUnaryClientInterceptor):
    """Asks `last_look` and starts the call without an await in between.

    Google's client and gRPC's interceptors each hand a call to a task of its own; a process that is stopped between two
    of them would go on later with the whole timeout it was given before. The timeout is therefore measured here, at
    the end of that way, where gRPC makes an absolute deadline of it.
    """

    async def intercept_unary_unary(self, continuation: Any, client_call_details: Any, request: Any) -> Any:
        look = last_look.get()
        if look is not None:
            client_call_details = client_call_details._replace(timeout=look())
        return await continuation(client_call_details, request)


def emulator_channel(target: str, tcp_user_timeout: float = TCP_USER_TIMEOUT_SECONDS) -> grpc.aio.Channel:
    """A plaintext channel to `host:port`, for an emulator only."""
    return grpc.aio.insecure_channel(target, options=channel_options(tcp_user_timeout), interceptors=[LastLook()])


def google_credentials() -> Any:
    """Google's default credentials of this machine. Reads files and may ask the metadata server: blocks.

    Raises:
        NoCredentialsError: there are none, or they cannot be read.

    """
    import google.auth
    from google.auth.exceptions import GoogleAuthError

    try:
        credentials, _ = google.auth.default(scopes=["https://www.googleapis.com/auth/cloud-platform"])
    except (GoogleAuthError, OSError) as error:
        raise NoCredentialsError(str(error)) from error
    return credentials


def google_channel(host: str, credentials: Any, tcp_user_timeout: float = TCP_USER_TIMEOUT_SECONDS) -> grpc.aio.Channel:
    """A TLS channel to one of Google's endpoints."""
    from google.cloud.aiplatform_v1.services.job_service.transports.grpc_asyncio import JobServiceGrpcAsyncIOTransport

    return JobServiceGrpcAsyncIOTransport.create_channel(
        host, credentials=credentials, options=channel_options(tcp_user_timeout), interceptors=[LastLook()]
    )
