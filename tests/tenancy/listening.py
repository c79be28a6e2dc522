"""All that a gateway says to others than its callers: log lines of every level, metrics and spans."""

import io
import json
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import structlog
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from gateway.telemetry import logs
from gateway.telemetry.open_telemetry import OpenTelemetryTraces


@dataclass
class Listening:
    """What was said so far."""

    stream: io.StringIO = field(default_factory=io.StringIO)
    exporter: InMemorySpanExporter = field(default_factory=InMemorySpanExporter)

    @property
    def traces(self) -> OpenTelemetryTraces:
        return OpenTelemetryTraces(SimpleSpanProcessor(self.exporter), installation="test", version="1")

    @property
    def log(self) -> str:
        return self.stream.getvalue()

    @property
    def lines(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.log.splitlines()]

    @property
    def spans(self) -> str:
        return "\n".join(span.to_json() for span in self.exporter.get_finished_spans())


@contextmanager
def listening(level: str = "DEBUG") -> Iterator[Listening]:
    """Listen to this process as its log would be written, down to that level."""
    root = logging.getLogger()
    handlers, before, heard = root.handlers[:], root.level, Listening()
    logs.configure(heard.stream, level=level)
    try:
        yield heard
    finally:
        structlog.reset_defaults()
        root.handlers[:] = handlers
        root.setLevel(before)
