"""Traces: one for each batch job over all that is done for it, linked to the calls about it, and nothing when off."""

import json
import subprocess
import sys
from collections import defaultdict
from datetime import UTC, datetime, timedelta

import grpc
import pytest
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import StatusCode

from batchjobs.v1 import batch_jobs_pb2 as pb
from gateway.settings import SettingsError
from gateway.telemetry.open_telemetry import OpenTelemetryTraces
from gateway.telemetry.tracing import OFF, open_traces
from support.caller import ENDS, batch_job, refusal
from support.gateway import Gateway, StartGateway
from vertex_emulator import Fault, FaultKind

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
TRACEPARENT = f"00-{TRACE}-00f067aa0ba902b7-01"
QUICK = {"poll_interval": "100ms", "emulator": {"pending_seconds": 0.5, "run_seconds": 2.0}}
START = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)


class Collected:
    """Every span that has ended."""

    def __init__(self, share: float = 1.0, installation: str = "test") -> None:
        self._exporter = InMemorySpanExporter()
        processor = SimpleSpanProcessor(self._exporter)
        self.traces = OpenTelemetryTraces(processor, installation=installation, version="1", share=share)

    @property
    def spans(self) -> tuple[ReadableSpan, ...]:
        return self._exporter.get_finished_spans()

    def named(self, name: str) -> list[ReadableSpan]:
        return [span for span in self.spans if span.name == name]

    def one(self, name: str) -> ReadableSpan:
        (span,) = self.named(name)
        return span


@pytest.fixture
def collected() -> Collected:
    return Collected()


async def run_to_its_end(gateway: Gateway, **fields: str) -> pb.BatchJob:
    caller = gateway.caller("ranking")
    job = await caller.create(batch_job(**fields))
    return await caller.watch(job.name).until(*ENDS)


def by_id(span: ReadableSpan) -> int:
    return span.get_span_context().trace_id


async def test_all_that_is_done_for_a_batch_job_is_one_trace(start_gateway: StartGateway, collected: Collected):
    gateway = await start_gateway(traces=collected.traces, **QUICK)
    job = await run_to_its_end(gateway)
    whole = collected.one("batch job")
    trace = [span for span in collected.spans if by_id(span) == by_id(whole)]
    names = {span.name for span in trace}
    assert {
        "create",
        "dispatch",
        "submit",
        "vertex create",
        "follow",
        "queued",
        "submitting",
        "pending",
        "running",
    } <= names
    assert whole.parent is None
    below = {span.name for span in trace if span.parent and span.parent.span_id == whole.get_span_context().span_id}
    assert {"create", "dispatch", "submit", "queued", "running"} <= below
    submit = collected.one("submit")
    assert collected.one("vertex create").parent.span_id == submit.get_span_context().span_id
    assert whole.attributes["batchjobs.state"] == "SUCCEEDED"
    named = {span.attributes.get("batchjobs.batch_job") for span in trace if not span.name.startswith("vertex")}
    assert named == {job.name}
    assert whole.start_time < submit.start_time < whole.end_time


async def test_what_was_followed_is_linked_to_the_list_that_showed_it(
    start_gateway: StartGateway, collected: Collected
):
    gateway = await start_gateway(traces=collected.traces, **QUICK)
    await run_to_its_end(gateway)
    await gateway.app.stop()  # The last poll is under way.
    polls = {span.get_span_context().span_id: span for span in collected.named("poll")}
    lists = {span.parent.span_id for span in collected.named("vertex list") if span.parent}
    for follow in collected.named("follow"):
        (link,) = follow.links
        assert link.context.span_id in polls.keys() & lists


async def test_a_call_belongs_to_its_callers_trace_and_is_linked_to_the_batch_jobs(
    start_gateway: StartGateway, collected: Collected
):
    gateway = await start_gateway(traces=collected.traces, **QUICK)
    caller = gateway.caller("ranking")
    caller.metadata = (*caller.metadata, ("traceparent", TRACEPARENT))
    job = await caller.create()
    await caller.get(job.name)
    create, read = (collected.one(f"batchjobs.v1.BatchJobs/{method}") for method in ("CreateBatchJob", "GetBatchJob"))
    assert by_id(create) == by_id(read) == int(TRACE, 16)
    made = collected.one("create")
    for call in (create, read):
        assert [link.context.trace_id for link in call.links] == [by_id(made)]
        assert call.attributes["rpc.method"] in call.name
        assert call.attributes["rpc.grpc.status_code"] == 0
        assert call.attributes["batchjobs.team"] == "ranking"
    assert [link.context.trace_id for link in made.links] == [int(TRACE, 16)]


async def test_a_refusal_is_an_answer_and_a_failed_call_to_vertex_is_a_failure(
    start_gateway: StartGateway, collected: Collected
):
    gateway = await start_gateway(traces=collected.traces, **QUICK)
    await refusal(gateway.caller("ranking").create(batch_job(region="europe-west4")))
    refused = collected.one("batchjobs.v1.BatchJobs/CreateBatchJob")
    assert refused.status.status_code is StatusCode.UNSET
    assert refused.attributes["batchjobs.reason"] == "REGION_MISMATCH"
    assert collected.named("create") == []

    gateway.emulator.faults.add(Fault("CreateBatchPredictionJob", FaultKind.STATUS, code="INVALID_ARGUMENT"))
    await run_to_its_end(gateway)
    failed = collected.one("vertex create")
    assert (failed.status.status_code, failed.status.description) == (StatusCode.ERROR, "INVALID_ARGUMENT")


async def test_nothing_secret_and_nobody_stands_in_a_span(start_gateway: StartGateway, collected: Collected):
    """Sources, destinations, labels, display names, principals and Vertex's sentences stay in the store and the log."""
    gateway = await start_gateway(traces=collected.traces, **QUICK)
    caller = gateway.caller("ranking")
    caller.metadata = (*caller.metadata, ("authorization", "Bearer hidden"), ("baggage", "who=hidden"))
    spec = batch_job(display_name="hidden", labels={"who": "hidden"})
    spec.model_parameters.update({"seed": "hidden"})
    job = await caller.create(spec, request_id="hidden")
    await caller.watch(job.name).until(*ENDS)
    text = json.dumps([json.loads(span.to_json()) for span in collected.spans])
    assert job.name in text
    for secret in ("hidden", "gs://", "dev:ranking", "rows.jsonl"):
        assert secret not in text


async def test_replicas_agree_on_a_batch_jobs_trace_and_installations_do_not():
    def trace_of(collected: Collected) -> int:
        collected.traces.record("queued", "teams/a/batchJobs/1", START, START + timedelta(seconds=5))
        return by_id(collected.one("queued"))

    assert trace_of(Collected()) == trace_of(Collected()) != trace_of(Collected(installation="another"))


def test_a_share_of_traces_is_kept_whole():
    """Half of the batch jobs have every span, the other half none."""
    collected = Collected(share=0.5)
    for number in range(200):
        name = f"teams/a/batchJobs/{number}"
        with collected.traces.span("dispatch", about=name):
            pass
        collected.traces.record("queued", name, START, START)
        collected.traces.whole(name, START, START)
    kept = defaultdict(int)
    for span in collected.spans:
        kept[by_id(span)] += 1
    assert set(kept.values()) == {3}
    assert 60 < len(kept) < 140


async def test_health_has_no_spans(start_gateway: StartGateway, collected: Collected):
    from grpc_health.v1 import health_pb2, health_pb2_grpc

    gateway = await start_gateway(role="api", traces=collected.traces)
    await health_pb2_grpc.HealthStub(gateway.channel).Check(health_pb2.HealthCheckRequest())
    assert collected.spans == ()


def test_without_an_endpoint_nothing_is_imported():
    program = """
import sys, gateway.app
from gateway.telemetry.tracing import open_traces
assert not open_traces("", installation="a", version="1", share=1).on
print([name for name in sys.modules if name.startswith(("opentelemetry.sdk", "opentelemetry.exporter"))])
"""
    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == "[]"


def test_off_every_span_is_the_same_nothing():
    with OFF.span("one") as one, OFF.span("two", about="teams/a/batchJobs/1") as two:
        assert one is two
        one.note(pool="p")
        one.about("teams/a/batchJobs/1")
        one.failed("UNKNOWN")
    OFF.record("queued", "teams/a/batchJobs/1", START, START)
    OFF.whole("teams/a/batchJobs/1", START, START)
    OFF.close()


def test_an_endpoint_without_the_library_is_a_sentence(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delitem(sys.modules, "gateway.telemetry.open_telemetry")
    monkeypatch.setitem(sys.modules, "opentelemetry.sdk.trace", None)
    with pytest.raises(SettingsError, match="the extra `traces`"):
        open_traces("http://collector:4317", installation="a", version="1", share=1)


async def test_spans_reach_a_collector_over_the_wire(start_gateway: StartGateway):
    """A collector in this process, which takes OTLP over gRPC as any other does."""
    from opentelemetry.proto.collector.trace.v1 import trace_service_pb2 as service
    from opentelemetry.proto.collector.trace.v1.trace_service_pb2_grpc import add_TraceServiceServicer_to_server

    received: list[str] = []

    class Collector:
        async def Export(self, request, _context):  # noqa: N802 - OTLP's name
            received.extend(span.name for r in request.resource_spans for s in r.scope_spans for span in s.spans)
            return service.ExportTraceServiceResponse()

    server = grpc.aio.server()
    add_TraceServiceServicer_to_server(Collector(), server)
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    try:
        gateway = await start_gateway(role="api", traces_endpoint=f"http://127.0.0.1:{port}")
        await gateway.caller("ranking").create()
        await gateway.app.stop()
        assert {"create", "batchjobs.v1.BatchJobs/CreateBatchJob"} <= set(received)
    finally:
        await server.stop(None)
