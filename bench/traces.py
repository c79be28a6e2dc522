"""What a span costs while nobody collects traces, and while somebody does."""

import time
from pathlib import Path

from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from bench.rows import Row, median
from gateway.telemetry.open_telemetry import OpenTelemetryTraces
from gateway.telemetry.tracing import OFF, Kind, Traces

SPANS = 20_000
ROUNDS = 5


async def rows(_folder: Path) -> list[Row]:
    """Microseconds for one span as the calls to Vertex have it. A batch job has about ten on its way, a call of the API
    none while traces are off.
    """
    collecting = OpenTelemetryTraces(BatchSpanProcessor(InMemorySpanExporter()), installation="bench", version="0")
    try:
        off, on = (median([microseconds(traces) for _ in range(ROUNDS)]) for traces in (OFF, collecting))
    finally:
        collecting.close()
    return [
        Row.at_most("a span while traces are off", off, 5.0, "µs", digits=2),
        Row("  while they are collected", f"{on:.0f} µs"),
    ]


def microseconds(traces: Traces) -> float:
    began = time.perf_counter()
    for _ in range(SPANS):
        with traces.span("vertex get", kind=Kind.CLIENT, pool="corp-ml/us-central1"):
            pass
    return (time.perf_counter() - began) / SPANS * 1_000_000
