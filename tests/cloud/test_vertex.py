"""The Vertex client, over real gRPC connections: to the emulator, and to a peer that speaks bare frames."""

import asyncio
import socket
import struct
from collections.abc import AsyncIterator, Awaitable
from contextlib import asynccontextmanager, closing, suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import grpc
import pytest
from prometheus_client import CollectorRegistry

from gateway.cloud import vertex_wire
from gateway.cloud.vertex import VertexClients, VertexConfig, VertexPool
from gateway.cloud.vertex_channel import host_of
from gateway.cloud.vertex_errors import Code, TooLateError, VertexError
from gateway.cloud.vertex_wire import NewVertexJob
from gateway.domain.batch_job import BigQueryDestination, BigQuerySource, GcsDestination, GcsSource, PoolId
from gateway.domain.states import State
from gateway.domain.vertex_job import Output, Rows, Status
from gateway.telemetry.metrics import Metrics
from support.driven_time import DrivenTime
from vertex_emulator import BucketCheck, ClockKind, Emulator, EmulatorConfig, Fault, FaultKind

POOL = PoolId("corp-ml", "us-central1")
CREATE = "CreateBatchPredictionJob"
LIST = "ListBatchPredictionJobs"
WANTED = NewVertexJob(
    display_name="nightly",
    model="publishers/google/models/gemini-2.5-flash",
    source=GcsSource("gs://ranking-in/rows.jsonl"),
    destination=GcsDestination("gs://ranking-out/nightly"),
    labels={"batchjobs_gateway": "test", "batchjobs_id": "123", "own": "x"},
    model_parameters={"temperature": 0.25, "thinkingConfig": {"includeThoughts": True}},
)


class Setting:
    """An emulator on a driven clock, and clients of it in step."""

    def __init__(self, emulator: Emulator) -> None:
        self.emulator = emulator
        self.clock = DrivenTime(emulator.driven_clock)
        self.registry = CollectorRegistry()
        self.clients = VertexClients(
            VertexConfig(emulator_target=emulator.target), clock=self.clock, metrics=Metrics(self.registry)
        )

    async def pool(self, pool: PoolId = POOL) -> VertexPool:
        return await self.clients.pool(pool)

    async def create(self, wanted: NewVertexJob = WANTED, *, seconds: float = 20.0) -> Any:
        vertex, deadline = await self.pool(), self.clock.boottime() + seconds
        return await vertex.create(wanted, deadline=deadline, send_by=lambda: deadline)

    def creates(self) -> list[Any]:
        return self.emulator.calls.of(CREATE)


@pytest.fixture
async def setting(tmp_path: Path) -> AsyncIterator[Setting]:
    (tmp_path / "ranking-in").mkdir()
    (tmp_path / "ranking-out").mkdir()
    (tmp_path / "ranking-in" / "rows.jsonl").write_text(
        '{"request": {"contents": [{"role": "user", "parts": [{"text": "hello"}]}]}}\n'
    )
    config = EmulatorConfig(buckets=tmp_path, clock=ClockKind.DRIVEN, bucket_check=BucketCheck.OFF, page_size_limit=2)
    async with Emulator(config) as emulator:
        made = Setting(emulator)
        yield made
        await made.clients.close()


async def fails(call: Awaitable[Any]) -> VertexError:
    with pytest.raises(VertexError) as raised:
        await call
    return raised.value


async def test_a_create_carries_everything_that_was_asked_for(setting: Setting) -> None:
    made = await setting.create()

    sent = setting.creates()[0].request
    assert sent.parent == "projects/corp-ml/locations/us-central1"
    job = sent.batch_prediction_job
    assert (job.display_name, job.model, dict(job.labels)) == (WANTED.display_name, WANTED.model, dict(WANTED.labels))
    assert (job.input_config.instances_format, list(job.input_config.gcs_source.uris)) == (
        "jsonl",
        ["gs://ranking-in/rows.jsonl"],
    )
    assert job.output_config.predictions_format == "jsonl"
    assert job.output_config.gcs_destination.output_uri_prefix == "gs://ranking-out/nightly"
    assert job.model_parameters.struct_value["temperature"] == 0.25
    assert job.model_parameters.struct_value["thinkingConfig"]["includeThoughts"] is True
    assert made.state is State.PENDING
    assert made.source_uri == "gs://ranking-in/rows.jsonl"
    assert made.destination_uri == "gs://ranking-out/nightly"
    assert made.labels == WANTED.labels


async def test_tables_are_asked_for_as_tables() -> None:
    wanted = replace(WANTED, source=BigQuerySource("bq://p.d.in"), destination=BigQueryDestination("bq://p.d.out"))

    wire = vertex_wire.encode(wanted)

    assert wire.input_config.instances_format == wire.output_config.predictions_format == "bigquery"
    read = vertex_wire.decode(wire)
    assert (read.source_uri, read.destination_uri) == ("bq://p.d.in", "bq://p.d.out")


async def test_an_ended_job_is_read_with_rows_output_and_times(setting: Setting) -> None:
    made = await setting.create()
    await setting.clock.advance(60)

    read = await (await setting.pool()).get(made.name)

    assert read.state is State.SUCCEEDED
    assert read.rows == Rows(1, 0, 0)
    assert read.output
    assert str(read.output.gcs_directory).startswith("gs://ranking-out/nightly/prediction-model-")
    assert read.start_time
    assert read.end_time
    assert read.create_time < read.start_time <= read.end_time <= read.update_time


@pytest.mark.parametrize(
    ("number", "state"),
    [
        (1, State.PENDING),  # QUEUED
        (2, State.PENDING),
        (3, State.RUNNING),
        (4, State.SUCCEEDED),
        (5, State.FAILED),
        (6, State.CANCELLING),
        (7, State.CANCELLED),
        (8, State.PAUSED),
        (9, State.EXPIRED),
        (10, State.RUNNING),  # UPDATING
        (11, State.PARTIALLY_SUCCEEDED),
        (0, State.RUNNING),
        (99, State.RUNNING),  # not known to anybody yet
    ],
)
def test_every_state_of_vertex_has_a_state_here(number: int, state: State) -> None:
    """What this version does not know counts as running: it holds its slot until an end is seen."""
    assert vertex_wire.decode(_wire(state=number)).state is state


@pytest.mark.parametrize("number", [9, 11])
def test_the_end_falls_back_to_the_last_update(number: int) -> None:
    read = vertex_wire.decode(_wire(state=number, update_time={"seconds": 1_800_000_000}))
    assert read.end_time == read.update_time


def test_what_vertex_does_not_know_is_none() -> None:
    stats = {"successful_count": 7, "failed_count": -1, "incomplete_count": -1}
    assert vertex_wire.decode(_wire(completion_stats=stats)).rows == Rows(7, None, None)
    bare = vertex_wire.decode(_wire())
    assert (bare.rows, bare.output, bare.error, bare.end_time, bare.start_time) == (None, None, None, None, None)


def test_errors_and_tables_are_read() -> None:
    read = vertex_wire.decode(
        _wire(
            error={"code": 3, "message": "no"},
            partial_failures=[{"code": 5, "message": "row"}],
            output_info={"bigquery_output_dataset": "bq://p.d", "bigquery_output_table": "out"},
        )
    )
    assert read.error == Status(3, "no")
    assert read.partial_failures == (Status(5, "row"),)
    assert read.output == Output(bigquery_table="bq://p.d.out")


def _wire(**fields: Any) -> Any:
    from google.cloud.aiplatform_v1 import types

    state = fields.pop("state", 2)
    wire = types.BatchPredictionJob(name="projects/1/locations/r/batchPredictionJobs/5", **fields)
    types.BatchPredictionJob.pb(wire).state = state
    return wire


async def test_a_create_past_its_deadline_is_not_sent(setting: Setting) -> None:
    assert isinstance(await fails(setting.create(seconds=0)), TooLateError)
    assert setting.creates() == []


async def test_a_process_that_stops_on_the_way_to_the_wire_does_not_send(setting: Setting) -> None:
    """The time passes after `create` has begun: between there and the wire lie two tasks of others' making."""
    vertex, deadline = await setting.pool(), setting.clock.boottime() + 20
    await vertex.list_running()
    creating = asyncio.ensure_future(vertex.create(WANTED, deadline=deadline, send_by=lambda: deadline))
    await asyncio.sleep(0)
    setting.clock._now = setting.clock._now.replace(minute=5)

    assert isinstance(await fails(creating), TooLateError)
    assert setting.creates() == []


async def test_the_right_to_send_is_asked_for_at_the_last_moment(setting: Setting) -> None:
    vertex, deadline = await setting.pool(), setting.clock.boottime() + 20
    lost_at = [deadline]
    creating = asyncio.ensure_future(vertex.create(WANTED, deadline=deadline, send_by=lambda: lost_at[0]))
    await asyncio.sleep(0)
    lost_at[0] = 0.0

    assert isinstance(await fails(creating), TooLateError)
    assert setting.creates() == []


async def test_grpc_drops_a_call_whose_deadline_has_passed_before_it_is_sent(setting: Setting) -> None:
    """What remains after the last look is gRPC's own: an absolute deadline, which it checks before it writes."""
    async with grpc.aio.insecure_channel(setting.emulator.target) as channel:
        call = channel.unary_unary(f"/google.cloud.aiplatform.v1.JobService/{CREATE}")
        with pytest.raises(grpc.aio.AioRpcError) as raised:
            await call(b"", timeout=-1)
    assert raised.value.code() is grpc.StatusCode.DEADLINE_EXCEEDED
    assert setting.creates() == []


async def test_a_create_that_hangs_ends_at_its_deadline_and_is_not_the_servers_word(setting: Setting) -> None:
    setting.emulator.faults.add(Fault(CREATE, FaultKind.HANG))
    creating = asyncio.ensure_future(setting.create(seconds=3600))
    await setting.emulator.calls.wait_for(lambda call: call.method == CREATE)

    await setting.clock.advance(3600)

    error = await fails(creating)
    assert (error.code, error.from_server) == (Code.DEADLINE_EXCEEDED, False)
    assert len(setting.creates()) == 1


@pytest.mark.parametrize("code", ["RESOURCE_EXHAUSTED", "INVALID_ARGUMENT", "PERMISSION_DENIED", "UNAVAILABLE"])
async def test_nothing_is_ever_sent_twice(setting: Setting, code: str) -> None:
    """Google's client and gRPC itself retry some of these for some methods unless they are told not to."""
    setting.emulator.faults.add(Fault(CREATE, FaultKind.STATUS, code=code, message="no"))

    error = await fails(setting.create())

    assert (error.code.name, error.message, error.from_server) == (code, "no", True)
    assert len(setting.creates()) == 1


async def test_the_reason_of_a_refusal_is_kept(setting: Setting) -> None:
    fault = Fault(CREATE, FaultKind.STATUS, code="PERMISSION_DENIED", message="off", reason="SERVICE_DISABLED")
    setting.emulator.faults.add(fault)
    assert (await fails(setting.create())).reason == "SERVICE_DISABLED"


async def test_a_message_over_our_own_limit_is_not_the_servers_refusal(setting: Setting) -> None:
    """The code is that of Vertex's "no capacity", though Vertex has made the job."""
    setting.emulator.capacity.limit = None
    clients = VertexClients(
        VertexConfig(emulator_target=setting.emulator.target), clock=setting.clock, metrics=Metrics(CollectorRegistry())
    )
    vertex = await clients.pool(POOL)
    vertex._client = _with_small_messages(setting.emulator.target)
    deadline = setting.clock.boottime() + 20

    error = await fails(vertex.create(WANTED, deadline=deadline, send_by=lambda: deadline))

    assert (error.code, error.from_server) == (Code.RESOURCE_EXHAUSTED, False)
    assert setting.creates()[0].code == "OK"
    await vertex._client.transport.close()
    await clients.close()


def _with_small_messages(target: str) -> Any:
    from google.cloud.aiplatform_v1.services.job_service import JobServiceAsyncClient
    from google.cloud.aiplatform_v1.services.job_service.transports.grpc_asyncio import JobServiceGrpcAsyncIOTransport

    channel = grpc.aio.insecure_channel(target, options=[("grpc.max_receive_message_length", 20)])
    return JobServiceAsyncClient(transport=JobServiceGrpcAsyncIOTransport(host=target, channel=channel))


@pytest.mark.parametrize(
    ("answer", "code", "from_server"),
    [
        ("reset 11", Code.RESOURCE_EXHAUSTED, False),  # ENHANCE_YOUR_CALM
        ("reset 12", Code.PERMISSION_DENIED, False),  # INADEQUATE_SECURITY
        ("reset 7", Code.UNAVAILABLE, False),  # REFUSED_STREAM
        ("http 403", Code.PERMISSION_DENIED, False),
        ("http 401", Code.UNAUTHENTICATED, False),
        ("http 503", Code.UNAVAILABLE, False),
        ("close", Code.UNAVAILABLE, False),
        (
            "goaway",
            Code.UNAVAILABLE,
            False,
        ),  # gRPC would send it again by itself: nobody has processed it, says the peer
        ("status 8", Code.RESOURCE_EXHAUSTED, True),
        ("status 7", Code.PERMISSION_DENIED, True),
    ],
)
async def test_only_vertex_itself_can_refuse(answer: str, code: Code, from_server: bool) -> None:
    """Resets and plain HTTP answers become codes that look like Vertex's own, but say nothing about the request."""
    requests: list[int] = []
    async with peer(answer, requests) as target:
        clock = DrivenTime()
        clients = VertexClients(VertexConfig(emulator_target=target), clock=clock, metrics=Metrics(CollectorRegistry()))
        vertex, deadline = await clients.pool(POOL), clock.boottime() + 20

        error = await fails(vertex.create(WANTED, deadline=deadline, send_by=lambda: deadline))
        await clients.close()

    assert (error.code, error.from_server) == (code, from_server)
    assert len(requests) == 1


@asynccontextmanager
async def peer(answer: str, requests: list[int]) -> AsyncIterator[str]:
    """An HTTP/2 peer that answers every request in one way."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with closing(writer), suppress(asyncio.IncompleteReadError, ConnectionError):
            writer.write(_frame(4, 0, 0))
            await reader.readexactly(24)
            while True:
                head = await reader.readexactly(9)
                await reader.readexactly(int.from_bytes(head[:3], "big"))
                kind, flags, stream = head[3], head[4], int.from_bytes(head[5:], "big")
                if kind == 4 and not flags & 1:
                    writer.write(_frame(4, 1, 0))
                if kind == 1:
                    requests.append(stream)
                    writer.write(_answer(answer, stream))
                    if answer in {"close", "goaway"}:
                        break

    serving: list[asyncio.Task[None]] = []
    server = await asyncio.start_server(
        lambda reader, writer: serving.append(asyncio.create_task(serve(reader, writer))), "127.0.0.1", 0
    )
    async with server:
        yield "{}:{}".format(*server.sockets[0].getsockname())
        for each in serving:
            each.cancel()
        await asyncio.gather(*serving, return_exceptions=True)


def _frame(kind: int, flags: int, stream: int, payload: bytes = b"") -> bytes:
    return struct.pack(">I", len(payload))[1:] + bytes([kind, flags]) + struct.pack(">I", stream) + payload


def _answer(answer: str, stream: int) -> bytes:
    what, _, value = answer.partition(" ")
    if what == "reset":
        return _frame(3, 0, stream, struct.pack(">I", int(value)))
    if what == "goaway":
        return _frame(7, 0, 0, struct.pack(">II", 0, 0))
    if what == "http":
        return _frame(1, 5, stream, _header(b":status", value.encode()))
    if what == "status":
        fields = {b":status": b"200", b"content-type": b"application/grpc", b"grpc-status": value.encode()}
        return _frame(1, 5, stream, b"".join(_header(*field) for field in fields.items()))
    return b""


def _header(key: bytes, value: bytes) -> bytes:
    return b"\x00" + bytes([len(key)]) + key + bytes([len(value)]) + value


async def test_a_list_has_all_pages(setting: Setting) -> None:
    made = [(await setting.create()).id for _ in range(5)]

    listed = await (await setting.pool()).list_running()

    assert {each.id for each in listed} == set(made)
    assert len(setting.emulator.calls.of(LIST)) == 3


async def test_a_list_with_a_failed_page_is_no_list(setting: Setting) -> None:
    """The second page is held until its fault is in place: the first two jobs must not pass for all of them."""
    for _ in range(5):
        await setting.create()
    vertex, calls = await setting.pool(), setting.emulator.calls
    setting.emulator.faults.add(Fault(LIST, FaultKind.LATE_ANSWER, seconds=1))
    listing = asyncio.ensure_future(vertex.list_running())
    await calls.wait_for(lambda call: call.method == LIST and call.took_effect is not None)
    setting.emulator.faults.add(Fault(LIST, FaultKind.STATUS, code="UNAVAILABLE"))
    await setting.clock.advance(1)

    assert (await fails(listing)).code is Code.UNAVAILABLE
    assert [call.code for call in calls.of(LIST)] == ["OK", "UNAVAILABLE"]


async def test_the_running_list_leaves_out_what_has_ended_and_a_scan_does_not(setting: Setting) -> None:
    vertex = await setting.pool()
    old = await setting.create()
    await setting.clock.advance(60)
    since = setting.clock.now()
    young = await setting.create()

    assert [each.id for each in await vertex.list_running()] == [young.id]
    assert {each.id for each in await vertex.list_created_since(old.create_time)} == {old.id, young.id}
    assert [each.id for each in await vertex.list_created_since(since)] == [young.id]


async def test_a_cancel_is_asked_for(setting: Setting) -> None:
    made, vertex = await setting.create(), await setting.pool()
    await vertex.cancel(made.name)
    await setting.clock.advance(60)
    assert (await vertex.get(made.name)).state is State.CANCELLED


async def test_a_delete_is_followed_to_its_end(setting: Setting) -> None:
    made, vertex = await setting.create(), await setting.pool()
    await setting.clock.advance(60)

    deleting = asyncio.ensure_future(vertex.delete(made.name))
    await setting.emulator.calls.wait_for(lambda call: call.method == "DeleteBatchPredictionJob" and call.code == "OK")
    while not deleting.done():
        setting.clock.slept.clear()
        await setting.clock.advance(1)
        await asyncio.wait({deleting, asyncio.ensure_future(setting.clock.slept.wait())}, return_when="FIRST_COMPLETED")

    assert await deleting is True
    assert (await fails(vertex.get(made.name))).code is Code.NOT_FOUND


async def test_every_call_is_counted_with_its_code(setting: Setting) -> None:
    setting.emulator.faults.add(Fault(CREATE, FaultKind.STATUS, code="RESOURCE_EXHAUSTED"))
    await fails(setting.create())
    await setting.create()

    def count(code: str) -> float | None:
        labels = {"method": "create", "region": "us-central1", "code": code}
        return setting.registry.get_sample_value("batchjobs_vertex_request_seconds_count", labels)

    assert (count("RESOURCE_EXHAUSTED"), count("OK")) == (1.0, 1.0)


async def test_the_bytes_of_a_dead_connection_are_given_up(setting: Setting) -> None:
    """The kernel would retransmit a create for a quarter of an hour: long after T, when it counts as absent."""
    await (await setting.pool()).list_running()

    port = int(setting.emulator.target.rsplit(":", 1)[1])
    assert [each for each in _user_timeouts(port) if each] == [20_000]


def _user_timeouts(port: int) -> list[int]:
    """TCP_USER_TIMEOUT of every socket of this process that is connected to the port."""
    found = []
    for entry in Path("/proc/self/fd").iterdir():
        with suppress(OSError):
            if not str(entry.readlink()).startswith("socket:"):
                continue
            with socket.socket(fileno=socket.dup(int(entry.name))) as each:
                if each.family in {socket.AF_INET, socket.AF_INET6} and each.getpeername()[1] == port:
                    found.append(each.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT))
    return found


def test_endpoints_follow_the_region() -> None:
    assert host_of(PoolId("p", "europe-west4")) == "europe-west4-aiplatform.googleapis.com"
    assert host_of(PoolId("p", "global")) == "aiplatform.googleapis.com"
    assert host_of(PoolId("p", "eu"), "aiplatform.eu.rep.googleapis.com") == "aiplatform.eu.rep.googleapis.com"
