"""What stands around every call, over real connections."""

import asyncio
import re
from datetime import timedelta

import grpc
import pytest
import structlog
from google.protobuf import empty_pb2
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc

from api.served import RANKING, Served, reason_of, serving
from batchjobs.v1 import batch_jobs_pb2 as pb
from gateway.api.call import CURRENT, principal
from gateway.api.interceptors.deadline import LONGEST_UNARY, allowed
from gateway.errors import GatewayError, Reason
from gateway.telemetry.logs import about, merge_names

GET = "/batchjobs.v1.BatchJobs/GetBatchJob"
NOT_UTF8 = b"\x0a\x02\xff\xfe"


@pytest.fixture
async def served():
    async with serving() as running:
        yield running


async def refused(call) -> grpc.aio.AioRpcError:
    with pytest.raises(grpc.aio.AioRpcError) as error:
        await call
    return error.value


def total(served: Served, what: str) -> float:
    return sum(float(count) for count in re.findall(rf"grpc_server_{what}_total\{{.*\}} (\S+)", served.exposed()))


async def handled(served: Served) -> dict[tuple[str, str], float]:
    """How often each (method, code) was counted, once all that began was: a caller has its answer a moment before."""
    while total(served, "started") != total(served, "handled"):
        served.counted.clear()
        await served.counted.wait()
    pattern = r'grpc_server_handled_total\{grpc_code="(\w+)",grpc_method="(\w+)".*\} (\S+)'
    return {(method, code): float(count) for code, method, count in re.findall(pattern, served.exposed())}


async def test_a_call_reaches_its_method_with_its_principal(served):
    async def get(request, _context):
        return pb.BatchJob(name=request.name, creator=principal().name)

    served.methods["GetBatchJob"] = get
    job = await served.get("teams/ranking/batchJobs/1")
    assert (job.name, job.creator) == ("teams/ranking/batchJobs/1", "dev:ranking")
    assert await handled(served) == {("GetBatchJob", "OK"): 1}


async def test_a_message_that_cannot_be_written_is_no_defect(served, monkeypatch):
    monkeypatch.setattr("gateway.api.interceptors.refusals.log", None)

    async def watch(_request, _context):
        raise grpc.aio.InternalError("Failed grpc_call_start_batch: 10")

    served.methods["WatchBatchJob"] = watch
    stream = served.stub.WatchBatchJob(pb.WatchBatchJobRequest(name="n"), metadata=RANKING, timeout=20)
    error = await refused(stream.read())
    assert error.code() is grpc.StatusCode.UNAVAILABLE
    assert await handled(served) == {("WatchBatchJob", "Unavailable"): 1}


async def test_a_message_that_nobody_is_there_to_read_is_a_call_that_was_left(served, monkeypatch):
    monkeypatch.setattr("gateway.api.interceptors.refusals.log", None)
    left, tried = asyncio.Event(), asyncio.Event()

    async def watch(_request, _context):
        tried.set()
        try:
            await left.wait()
        except asyncio.CancelledError:
            raise grpc.aio.InternalError("Failed grpc_call_start_batch: 10") from None

    served.methods["WatchBatchJob"] = watch
    stream = served.stub.WatchBatchJob(pb.WatchBatchJobRequest(name="n"), metadata=RANKING, timeout=20)
    await tried.wait()
    stream.cancel()
    assert await handled(served) == {("WatchBatchJob", "Cancelled"): 1}


@pytest.mark.parametrize("message", [NOT_UTF8, b"\xff", b"\x0a\xff\xff\xff\xff\x0f", b"\x08", b"not a protobuf"])
async def test_bytes_that_are_no_message_are_invalid_argument(served, message):
    error = await refused(served.raw(GET, message))
    assert (error.code(), reason_of(error)) == (grpc.StatusCode.INVALID_ARGUMENT, "INVALID_SPEC")
    assert "valid protobuf" in error.details()


async def test_a_message_that_nests_too_deep_is_invalid_argument(served):
    inner = b""
    for _ in range(400):
        value = b"\x2a" + _varint(len(inner)) + inner  # Value.struct_value
        entry = b"\x0a\x01k\x12" + _varint(len(value)) + value
        inner = b"\x0a" + _varint(len(entry)) + entry
    parameters = b"\x52" + _varint(len(inner)) + inner  # BatchJob.model_parameters
    message = b"\x12" + _varint(len(parameters)) + parameters
    error = await refused(served.raw("/batchjobs.v1.BatchJobs/CreateBatchJob", message))
    assert error.code() is grpc.StatusCode.INVALID_ARGUMENT


@pytest.mark.parametrize("message", [NOT_UTF8, b"\xff"])
@pytest.mark.parametrize("method", ["/grpc.health.v1.Health/Check", "/batchjobs.v1.BatchJobs/WatchBatchJob"])
async def test_streams_and_library_services_take_broken_messages_as_calmly(served, method, message):
    error = await refused(served.raw(method, message))
    assert error.code() is grpc.StatusCode.INVALID_ARGUMENT


async def test_broken_reflection_requests_are_invalid_argument(served):
    call = served.channel.stream_stream("/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo")(timeout=20)
    await call.write(b"\xff")
    await call.done_writing()
    error = await refused(call.read())
    assert error.code() is grpc.StatusCode.INVALID_ARGUMENT


@pytest.mark.parametrize("method", ["/batchjobs.v1.BatchJobs/Nope", "/other.Service/Get", "/x/y"])
async def test_a_method_that_nobody_serves_says_what_is_served(served, method):
    error = await refused(served.raw(method, b"anything", metadata=()))
    assert (error.code(), reason_of(error)) == (grpc.StatusCode.UNIMPLEMENTED, "NOT_SERVED")
    assert "batchjobs.v1.BatchJobs" in error.details()


async def test_unknown_methods_share_one_name_in_the_metrics(served):
    """Callers could otherwise make as many time series as they can think of names."""
    for number in range(5):
        await refused(served.raw(f"/made.up/Method{number}", b""))
    assert await handled(served) == {("unknown", "Unimplemented"): 5}


async def test_a_caller_without_a_name_is_refused_and_counted(served):
    error = await refused(served.get(metadata=()))
    assert (error.code(), reason_of(error)) == (grpc.StatusCode.UNAUTHENTICATED, "NOT_AUTHENTICATED")
    assert await handled(served) == {("GetBatchJob", "Unauthenticated"): 1}


async def test_a_refusal_carries_its_details_and_pushback(served):
    async def get(_request, _context):
        raise GatewayError(Reason.OVERLOADED, "Wait a little.", retry_after=timedelta(seconds=3))

    served.methods["GetBatchJob"] = get
    error = await refused(served.get())
    assert (error.code(), error.details()) == (grpc.StatusCode.RESOURCE_EXHAUSTED, "Wait a little.")
    assert reason_of(error) == "OVERLOADED"
    assert ("grpc-retry-pushback-ms", "3000") in list(error.trailing_metadata())


async def test_a_defect_is_logged_once_with_its_stack_and_is_not_unknown(served):
    async def get(_request, _context):
        raise RuntimeError("secret detail")

    served.methods["GetBatchJob"] = get
    with structlog.testing.capture_logs() as logs:
        error = await refused(served.get(metadata=(*RANKING, ("x-request-id", "call-1"))))
    assert error.code() is grpc.StatusCode.UNAVAILABLE
    assert "secret detail" not in error.details()
    assert "call-1" in error.details()
    assert ("grpc-retry-pushback-ms", "-1") in list(error.trailing_metadata())
    assert [entry["event"] for entry in logs if entry.get("exc_info")] == ["call failed"]


async def test_every_call_is_one_log_line_with_its_names(served):
    async def get(_request, _context):
        about(team="ranking")
        raise GatewayError(Reason.NOT_FOUND, "It is not there.")

    served.methods["GetBatchJob"] = get
    with structlog.testing.capture_logs(processors=[merge_names]) as logs:
        await refused(served.get(metadata=(*RANKING, ("x-request-id", "call-2"))))
        await handled(served)
    [line] = logs
    assert (
        line.items()
        >= {
            "event": "rpc",
            "method": "batchjobs.v1.BatchJobs/GetBatchJob",
            "code": "NOT_FOUND",
            "reason": "NOT_FOUND",
            "rpc_id": "call-2",
            "principal": "dev:ranking",
            "team": "ranking",
        }.items()
    )
    assert line["seconds"] >= 0


async def test_an_id_that_is_no_plain_one_is_not_taken_over(served):
    async def get(_request, _context):
        return pb.BatchJob(name=CURRENT.get().rpc_id)

    served.methods["GetBatchJob"] = get
    made = await served.get(metadata=(*RANKING, ("x-request-id", 'x" injected')))
    assert re.fullmatch("[0-9a-f]{32}", made.name)


async def test_a_deadline_shorter_than_the_work_is_answered_by_the_server(served, monkeypatch):
    """The work is cancelled before the caller stops waiting, so that the caller reads our sentence."""
    monkeypatch.setattr("gateway.api.interceptors.deadline.allowed", lambda _remaining, **_: 0.01)
    cancelled = asyncio.Event()

    async def get(_request, _context):
        try:
            await asyncio.Event().wait()
        finally:
            cancelled.set()

    served.methods["GetBatchJob"] = get
    error = await refused(served.get())
    assert error.code() is grpc.StatusCode.DEADLINE_EXCEEDED
    assert "request_id" in error.details()
    assert cancelled.is_set()
    assert await handled(served) == {("GetBatchJob", "DeadlineExceeded"): 1}


@pytest.mark.parametrize(
    ("remaining", "unary", "expected"),
    [
        (None, True, LONGEST_UNARY),
        (None, False, None),
        (10.0, True, 9.8),
        (1.0, True, 0.9),
        (-1.0, True, 0.0),
        (500.0, True, LONGEST_UNARY),
        (500.0, False, 499.8),
    ],
)
def test_deadlines_are_shaved(remaining, unary, expected):
    assert allowed(remaining, unary=unary) == (None if expected is None else pytest.approx(expected))


async def test_a_caller_that_goes_away_is_counted_as_cancelled(served):
    entered, left = asyncio.Event(), asyncio.Event()

    async def get(_request, _context):
        entered.set()
        try:
            await asyncio.Event().wait()
        finally:
            left.set()

    served.methods["GetBatchJob"] = get
    call = asyncio.ensure_future(served.get())
    await entered.wait()
    call.cancel()
    await left.wait()
    await asyncio.gather(call, return_exceptions=True)
    assert await handled(served) == {("GetBatchJob", "Cancelled"): 1}


async def test_a_stream_passes_the_same_layers(served):
    async def watch(request, context):
        for number in range(3):
            await context.write(pb.WatchEvent(resume_token=f"{request.name}-{number}"))
        raise GatewayError(Reason.DRAINING, "Come again.")

    served.methods["WatchBatchJob"] = watch
    call = served.stub.WatchBatchJob(pb.WatchBatchJobRequest(name="n"), metadata=RANKING, timeout=20)
    assert [(await call.read()).resume_token for _ in range(3)] == ["n-0", "n-1", "n-2"]
    error = await refused(call.read())
    assert reason_of(error) == "DRAINING"
    assert await handled(served) == {("WatchBatchJob", "Unavailable"): 1}


async def test_a_draining_replica_refuses_calls_and_still_answers_probes(served):
    async def delete(_request, _context):
        return empty_pb2.Empty()

    served.methods["DeleteBatchJob"] = delete
    await served.health.serving()
    served.drain.begin()
    error = await refused(served.stub.DeleteBatchJob(pb.DeleteBatchJobRequest(name="n"), metadata=RANKING, timeout=20))
    assert (error.code(), reason_of(error)) == (grpc.StatusCode.UNAVAILABLE, "DRAINING")
    health = health_pb2_grpc.HealthStub(served.channel)
    answer = await health.Check(health_pb2.HealthCheckRequest(service="batchjobs.v1.BatchJobs"), timeout=20)
    assert answer.status == health_pb2.HealthCheckResponse.SERVING


async def test_health_knows_each_service_by_name(served):
    health = health_pb2_grpc.HealthStub(served.channel)
    await served.health.starting()
    for name in ("", "batchjobs.v1.BatchJobs"):
        answer = await health.Check(health_pb2.HealthCheckRequest(service=name), timeout=20)
        assert answer.status == health_pb2.HealthCheckResponse.NOT_SERVING
    error = await refused(health.Check(health_pb2.HealthCheckRequest(service="nobody"), timeout=20))
    assert error.code() is grpc.StatusCode.NOT_FOUND


async def test_reflection_lists_what_is_served(served):
    stub = reflection_pb2_grpc.ServerReflectionStub(served.channel)
    call = stub.ServerReflectionInfo(timeout=20)
    await call.write(reflection_pb2.ServerReflectionRequest(list_services=""))
    answer = await call.read()
    assert {service.name for service in answer.list_services_response.service} == {
        "batchjobs.v1.BatchJobs",
        "grpc.health.v1.Health",
        "grpc.reflection.v1alpha.ServerReflection",
    }
    await call.done_writing()
    assert await call.read() is grpc.aio.EOF
    assert await handled(served) == {("ServerReflectionInfo", "OK"): 1}


async def test_a_message_that_is_too_large_is_resource_exhausted(served):
    error = await refused(served.raw(GET, b"\x0a" + _varint(5_000_000) + b"x" * 5_000_000))
    assert error.code() is grpc.StatusCode.RESOURCE_EXHAUSTED


def _varint(number: int) -> bytes:
    out = bytearray()
    while number > 0x7F:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes([*out, number])


async def test_health_lists_what_may_be_asked_for(served):
    await served.health.serving()
    stub = health_pb2_grpc.HealthStub(served.channel)
    ask = served.channel.unary_unary(
        "/grpc.health.v1.Health/List", response_deserializer=health_pb2.HealthListResponse.FromString
    )
    listed = await ask(b"", timeout=20)
    for name, state in listed.statuses.items():
        asked = await stub.Check(health_pb2.HealthCheckRequest(service=name), timeout=20)
        assert asked.status == state.status
    assert set(listed.statuses) >= {"", "batchjobs.v1.BatchJobs"}
