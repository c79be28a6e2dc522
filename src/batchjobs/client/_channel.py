"""The connection to a gateway: where it may be, how it is secured, and how gRPC is set up for it."""

import ipaddress
import json
from collections.abc import Sequence
from typing import Final

import grpc

SERVICE_CONFIG: Final = json.dumps({"loadBalancingConfig": [{"round_robin": {}}]})
"""Calls go to the replicas of a name in turn, so that one that shuts down is left for another at the next try."""

OPTIONS: Final[Sequence[tuple[str, str | int]]] = (
    # Repeated by this client, under a request id and with the caller told; never behind its back.
    ("grpc.enable_retries", 0),
    ("grpc.service_config", SERVICE_CONFIG),
    ("grpc.initial_reconnect_backoff_ms", 200),
    ("grpc.max_reconnect_backoff_ms", 2000),
    ("grpc.max_receive_message_length", 64 << 20),  # A full page of a list.
    # A watch sends nothing, and must still notice that the other end has gone without a word.
    ("grpc.keepalive_time_ms", 60_000),
    ("grpc.keepalive_timeout_ms", 20_000),
    ("grpc.http2.max_pings_without_data", 0),
    ("grpc.primary_user_agent", "batchjobs-python"),
)


def on_this_machine(endpoint: str) -> bool:
    """Whether what is sent there stays on this machine.

    Raises:
        ValueError: the endpoint is neither HOST:PORT nor unix:PATH.
    """
    if endpoint.startswith("unix:"):
        return True
    host, colon, port = endpoint.rpartition(":")
    if not colon or not host or not port.isascii() or not port.isdigit() or "/" in host:
        raise ValueError(f"The endpoint {endpoint!r} is neither HOST:PORT nor unix:PATH.")
    try:
        return ipaddress.ip_address(host.removeprefix("[").removesuffix("]")).is_loopback
    except ValueError:
        return host == "localhost"


def check_endpoint(endpoint: str) -> None:
    """Raise ValueError where the endpoint is neither HOST:PORT nor unix:PATH."""
    on_this_machine(endpoint)


def open_channel(endpoint: str, credentials: grpc.ChannelCredentials | None) -> grpc.aio.Channel:
    """A channel in TLS, or in plaintext where there are no credentials."""
    # A proxy from the environment has no business between this machine and itself.
    options = (*OPTIONS, ("grpc.enable_http_proxy", 0 if on_this_machine(endpoint) else 1))
    if credentials is None:
        return grpc.aio.insecure_channel(endpoint, options=options)
    # Channels of one process share connections by their arguments, which say nothing of a renewed certificate.
    return grpc.aio.secure_channel(endpoint, credentials, options=(*options, ("grpc.use_local_subchannel_pool", 1)))
