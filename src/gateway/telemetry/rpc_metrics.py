"""What the gRPC server did, under the names that gRPC dashboards expect."""

from collections.abc import Callable
from functools import cache

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from gateway.telemetry import buckets

_METHOD = ("grpc_type", "grpc_service", "grpc_method")


class RpcMetrics:
    """Counts every call, refusals by any interceptor included. Only methods that exist here get names of their own."""

    def __init__(self, registry: CollectorRegistry) -> None:
        started = Counter("grpc_server_started_total", "RPCs that reached the server.", _METHOD, registry=registry)
        handled = Counter(
            "grpc_server_handled_total",
            "RPCs that the server ended, whatever the outcome, by canonical code.",
            (*_METHOD, "grpc_code"),
            registry=registry,
        )
        handling = Histogram(
            "grpc_server_handling_seconds",
            "How long unary RPCs took on the server, in seconds.",
            _METHOD,
            buckets=buckets.CALL,
            registry=registry,
        )
        # Kept by their labels, of which there are few: the library looks them up under a lock at every call.
        self._started, self._handled = cache(started.labels), cache(handled.labels)
        self._handling = cache(handling.labels)
        self._in_flight = Gauge(
            "batchjobs_calls_in_flight", "Unary calls that this replica is working on.", registry=registry
        )
        self._waiting = Gauge(
            "batchjobs_calls_waiting",
            "Calls and watches that wait for their turn, their team having as many under way as it may.",
            registry=registry,
        )
        self._watches = Gauge("batchjobs_watches", "Watch streams that are open on this replica.", registry=registry)

    def started(self, kind: str, service: str, method: str) -> None:
        """Count a call of `kind` "unary" or "server_stream"."""
        self._started(kind, service, method).inc()

    def handled(self, kind: str, service: str, method: str, code: str, seconds: float) -> None:
        """Count the end of a call; `code` is the canonical name in the usual spelling, "OK" or "NotFound"."""
        self._handled(kind, service, method, code).inc()
        if kind == "unary":
            self._handling(kind, service, method).observe(seconds)

    def read_in_flight(self, count: Callable[[], int]) -> None:
        """Have `count` asked for the calls in flight whenever somebody wants to know."""
        self._in_flight.set_function(count)

    def read_waiting(self, count: Callable[[], int]) -> None:
        """Have `count` asked for the calls that wait for their team's turn whenever somebody wants to know."""
        self._waiting.set_function(count)

    def watch_opened(self) -> None:
        self._watches.inc()

    def watch_closed(self) -> None:
        self._watches.dec()
