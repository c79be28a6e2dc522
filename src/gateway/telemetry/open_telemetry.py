"""Traces by OpenTelemetry. Imported only where a collector is named: its library belongs to the extra `traces`."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import datetime
from hashlib import sha256
from typing import Final

from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.sdk.trace.id_generator import RandomIdGenerator
from opentelemetry.sdk.trace.sampling import Decision, ParentBased, TraceIdRatioBased
from opentelemetry.trace import Link, NonRecordingSpan, SpanContext, SpanKind, Status, StatusCode, TraceFlags
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from gateway.telemetry.tracing import Attribute, Headers, Kind

PREFIX: Final = "batchjobs."
SEND_SECONDS: Final = 5
_THEIRS: Final = {
    "rpc_system": "rpc.system",
    "rpc_service": "rpc.service",
    "rpc_method": "rpc.method",
    "rpc_code": "rpc.grpc.status_code",
}
_KINDS: Final = {Kind.INTERNAL: SpanKind.INTERNAL, Kind.SERVER: SpanKind.SERVER, Kind.CLIENT: SpanKind.CLIENT}
_PROPAGATOR: Final = TraceContextTextMapPropagator()
_FORCED: Final[ContextVar[SpanContext | None]] = ContextVar("forced", default=None)


class OpenTelemetryTraces:
    """Spans go to `processor`.

    Args:
        processor: sends them on.
        installation: whose batch jobs they are; two installations never share a trace.
        version: of the gateway.
        share: how many of all traces are kept, from 0 to 1. Whether one is kept follows from its id, so all replicas
            agree on a batch job's; a caller's own decision about its trace goes before.

    """

    on = True

    def __init__(self, processor: SpanProcessor, *, installation: str, version: str, share: float = 1.0) -> None:
        resource = Resource.create(
            {"service.name": "batch-jobs-gateway", "service.namespace": installation, "service.version": version}
        )
        self._installation = installation
        self._share = TraceIdRatioBased(share)
        self._provider = TracerProvider(
            resource=resource, sampler=ParentBased(self._share), id_generator=_Ids(), shutdown_on_exit=False
        )
        self._provider.add_span_processor(processor)
        self._tracer = self._provider.get_tracer("gateway", version)

    @contextmanager
    def span(
        self,
        name: str,
        *,
        about: str = "",
        kind: Kind = Kind.INTERNAL,
        headers: Headers | None = None,
        **more: Attribute,
    ) -> Iterator["_Span"]:
        """As the interface says."""
        parent: Context | None = None
        if about:
            parent = trace.set_span_in_context(NonRecordingSpan(self._whole(about)))
        elif headers is not None:
            parent = _PROPAGATOR.extract(headers)
        with self._tracer.start_as_current_span(
            name,
            context=parent,
            kind=_KINDS[kind],
            attributes=_named({"batch_job": about, **more} if about else more),
            links=_links() if about else (),
            record_exception=False,
            set_status_on_exception=False,
        ) as made:
            yield _Span(made, self)

    def record(self, name: str, about: str, begin: datetime, end: datetime, **more: Attribute) -> None:
        """As the interface says."""
        parent = trace.set_span_in_context(NonRecordingSpan(self._whole(about)))
        made = self._tracer.start_span(
            name,
            context=parent,
            attributes=_named({"batch_job": about, **more}),
            links=_links(),
            start_time=_nanoseconds(begin),
        )
        made.end(_nanoseconds(end))

    def whole(self, about: str, begin: datetime, end: datetime, **more: Attribute) -> None:
        """As the interface says."""
        token = _FORCED.set(self._whole(about))
        try:
            made = self._tracer.start_span(
                "batch job",
                context=Context(),
                attributes=_named({"batch_job": about, **more}),
                start_time=_nanoseconds(begin),
            )
        finally:
            _FORCED.reset(token)
        made.end(_nanoseconds(end))

    def close(self) -> None:
        """As the interface says."""
        self._provider.shutdown()

    def _whole(self, batch_job: str) -> SpanContext:
        """The span that `whole` will make, or another replica: the same for everybody who knows the name."""
        digest = sha256(f"{self._installation}/{batch_job}".encode()).digest()
        trace_id = int.from_bytes(digest[:16], "big")
        kept = self._share.should_sample(None, trace_id, "").decision is not Decision.DROP
        flags = TraceFlags(TraceFlags.SAMPLED if kept else TraceFlags.DEFAULT)
        return SpanContext(trace_id, int.from_bytes(digest[16:24], "big"), is_remote=True, trace_flags=flags)


class _Span:
    """What is under way, as the interface shows it."""

    def __init__(self, made: trace.Span, traces: OpenTelemetryTraces) -> None:
        self._made, self._traces = made, traces

    def note(self, **attributes: Attribute) -> None:
        self._made.set_attributes(_named(attributes))

    def about(self, batch_job: str) -> None:
        self._made.add_link(self._traces._whole(batch_job))  # noqa: SLF001 - they are one

    def failed(self, code: str) -> None:
        self._made.set_status(Status(StatusCode.ERROR, code))


class _Ids(RandomIdGenerator):
    """Random ids, but for the one span of a batch job whose ids follow from its name."""

    def generate_trace_id(self) -> int:
        forced = _FORCED.get()
        return super().generate_trace_id() if forced is None else forced.trace_id

    def generate_span_id(self) -> int:
        forced = _FORCED.get()
        return super().generate_span_id() if forced is None else forced.span_id


def to_collector(endpoint: str, *, installation: str, version: str, share: float) -> OpenTelemetryTraces:
    """Traces that are sent in batches, by a thread, to a collector that takes OTLP over gRPC at `endpoint`, a URL."""
    from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter

    exporter = OTLPSpanExporter(endpoint=endpoint, timeout=SEND_SECONDS)
    processor = BatchSpanProcessor(exporter, export_timeout_millis=SEND_SECONDS * 1000)
    return OpenTelemetryTraces(processor, installation=installation, version=version, share=share)


def _links() -> list[Link]:
    current = trace.get_current_span().get_span_context()
    return [Link(current)] if current.is_valid else []


def _named(attributes: dict[str, Attribute]) -> dict[str, Attribute]:
    """Under OpenTelemetry's own names where it has some, else with a prefix of ours."""
    return {_THEIRS.get(key, PREFIX + key): value for key, value in attributes.items()}


def _nanoseconds(moment: datetime) -> int:
    return round(moment.timestamp() * 1_000_000) * 1000
