"""A call's message: read of whom is known, within the call's time, and not kept when it is refused."""

import asyncio
import gc
import weakref
from collections.abc import AsyncIterator
from itertools import islice
from typing import Any

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc
from h2.config import H2Configuration
from h2.connection import H2Connection

from api.served import LIMITS, RANKING, Served, serving
from batchjobs.v1 import batch_jobs_pb2 as pb
from gateway.api.interceptors import deadline, receiving
from gateway.api.server import LOOKAHEAD_BYTES
from gateway.errors import GatewayError, Reason
from support.caller import Refusal, refusal

METHOD = "/batchjobs.v1.BatchJobs/GetBatchJob"
CHECK = "/grpc.health.v1.Health/Check"
ADS = (("x-batchjobs-team", "ads"),)
SEARCH = (("x-batchjobs-team", "search"),)


async def half(*messages: bytes) -> AsyncIterator[bytes]:
    """A caller that sends these and then neither ends nor goes on."""
    for message in messages:
        yield message
    await asyncio.Event().wait()


async def none() -> AsyncIterator[bytes]:
    for message in ():
        yield message


async def answered(served: Served, requests: AsyncIterator[bytes], metadata: Any = RANKING) -> bytes:
    call: Any = served.channel.stream_unary(METHOD)
    return await call(requests, metadata=metadata, timeout=30)


async def refused(served: Served, requests: AsyncIterator[bytes], metadata: Any = RANKING) -> Refusal:
    return await refusal(answered(served, requests, metadata))


async def test_who_is_nobody_is_refused_before_its_message_is_there() -> None:
    async with serving() as served:
        assert (await refused(served, half(), metadata=())).reason == "NOT_AUTHENTICATED"


async def until_to_come(served: Served, many: int) -> None:
    while served.receiving.to_come != many:  # noqa: ASYNC110 - nothing tells of a call without a message but this
        await asyncio.sleep(0)


async def test_a_call_whose_message_does_not_come_takes_no_other_teams_place(monkeypatch: pytest.MonkeyPatch) -> None:
    async def get(request: pb.GetBatchJobRequest, _context: Any) -> pb.BatchJob:
        return pb.BatchJob(name=request.name)

    monkeypatch.setattr(deadline, "LONGEST_UNARY", 30)
    async with serving(most=1, GetBatchJob=get) as served:
        waits = [asyncio.create_task(refused(served, half())) for _ in range(3)]
        await until_to_come(served, 3)
        assert served.gauge("batchjobs_calls_in_flight") == 0
        assert (await served.get("n", ADS)).name == "n"
        for each in waits:
            each.cancel()


@pytest.mark.parametrize("method", ["GetBatchJob", "WatchBatchJobs"])
async def test_a_message_has_so_much_time_to_come(method: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(receiving, "SECONDS", 0.1)
    async with serving() as served:
        call: Any = served.channel.stream_stream(f"/batchjobs.v1.BatchJobs/{method}")
        late = await refusal(call(half(), metadata=RANKING, timeout=30).read())
        assert late.code == "DEADLINE_EXCEEDED"
        assert "message had not come within 0.1 s. Nothing was done" in late.message
        assert served.receiving.to_come == 0


async def test_a_deadline_that_ends_before_that_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(deadline, "LONGEST_UNARY", 0.1)
    async with serving() as served:
        late = await refused(served, half())
        assert late.code == "DEADLINE_EXCEEDED"
        assert "Nothing was done" in late.message


@pytest.mark.parametrize("method", ["GetBatchJob", "WatchBatchJobs"])
async def test_of_one_principal_so_many_messages_may_be_to_come_and_others_go_on(
    method: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def get(request: pb.GetBatchJobRequest, _context: Any) -> pb.BatchJob:
        return pb.BatchJob(name=request.name)

    monkeypatch.setattr(receiving, "MOST_BYTES", 8 * LIMITS.message_bytes)
    monkeypatch.setattr(receiving, "MOST_WAITING", 1)
    async with serving(GetBatchJob=get) as served:
        call: Any = served.channel.stream_stream(f"/batchjobs.v1.BatchJobs/{method}")
        held = [call(half(), metadata=RANKING, timeout=30) for _ in range(3)]
        await until_to_come(served, 3)
        more = await refusal(call(half(), metadata=RANKING, timeout=30).read())
        assert (more.code, more.reason) == ("RESOURCE_EXHAUSTED", "OVERLOADED")
        assert more.retry_after is not None
        assert (await served.get("n", ADS)).name == "n"
        for each in held:
            each.cancel()


async def test_a_call_in_line_goes_on_when_an_earlier_message_is_there(monkeypatch: pytest.MonkeyPatch) -> None:
    async def get(request: pb.GetBatchJobRequest, _context: Any) -> pb.BatchJob:
        return pb.BatchJob(name=request.name)

    async def later() -> AsyncIterator[bytes]:
        await go.wait()
        yield pb.GetBatchJobRequest(name="later").SerializeToString()

    go = asyncio.Event()
    monkeypatch.setattr(receiving, "MOST_BYTES", 0)
    monkeypatch.setattr(receiving, "FEWEST", 1)
    async with serving(GetBatchJob=get) as served:
        first = asyncio.create_task(answered(served, later()))
        await until_to_come(served, 1)
        second = asyncio.create_task(served.get("second"))
        await until_to_come(served, 2)
        go.set()
        assert pb.BatchJob.FromString(await first).name == "later"
        assert (await second).name == "second"


async def test_where_all_messages_are_taken_who_has_most_to_come_gives_one_up(monkeypatch: pytest.MonkeyPatch) -> None:
    async def get(request: pb.GetBatchJobRequest, _context: Any) -> pb.BatchJob:
        return pb.BatchJob(name=request.name)

    monkeypatch.setattr(receiving, "MOST_BYTES", 0)
    monkeypatch.setattr(receiving, "FEWEST", 3)
    monkeypatch.setattr(receiving, "SHARE", 1)
    async with serving(GetBatchJob=get) as served:
        tasks = []
        for metadata in (ADS, RANKING, RANKING):
            tasks.append(asyncio.create_task(refused(served, half(), metadata)))
            await until_to_come(served, len(tasks))
        assert (await served.get("n", SEARCH)).name == "n"
        gave_way = await tasks[1]
        assert (gave_way.code, gave_way.reason) == ("RESOURCE_EXHAUSTED", "OVERLOADED")
        assert gave_way.retry_after is not None
        assert served.receiving.to_come == 2
        for each in tasks:
            each.cancel()


async def test_a_check_whose_message_does_not_come_is_ended_soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(receiving, "NAMELESS_SECONDS", 0.1)
    async with serving() as served:
        call: Any = served.channel.stream_unary(CHECK)
        late = await refusal(call(half(), timeout=30))
        assert late.code == "DEADLINE_EXCEEDED"
        assert "within 0.1 s" in late.message


async def test_checks_whose_messages_do_not_come_are_few_and_keep_no_other_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(receiving, "NAMELESS_MOST", 0)
    monkeypatch.setattr(receiving, "NAMELESS_SECONDS", 30)
    monkeypatch.setattr(receiving, "FEWEST", 2)
    async with serving() as served:
        await served.health.serving()
        call: Any = served.channel.stream_unary(CHECK)
        held = [asyncio.create_task(refusal(call(half(), timeout=30))) for _ in range(5)]
        for gave_way in islice(asyncio.as_completed(held), 3):
            assert (await gave_way).reason == "OVERLOADED"
        assert served.receiving.to_come == 2
        health: Any = health_pb2_grpc.HealthStub(served.channel)
        assert (await health.Check(health_pb2.HealthCheckRequest(), timeout=20)).status
        for each in held:
            each.cancel()


async def test_a_message_of_a_check_is_short() -> None:
    async with serving() as served:
        health: Any = health_pb2_grpc.HealthStub(served.channel)
        long = await refusal(health.Check(health_pb2.HealthCheckRequest(service="x" * 5000), timeout=20))
        assert (long.code, long.reason) == ("INVALID_ARGUMENT", "INVALID_SPEC")


async def test_a_call_that_ends_without_a_message_is_told_so() -> None:
    async with serving() as served:
        empty = await refused(served, none())
        assert (empty.code, empty.reason) == ("INVALID_ARGUMENT", "INVALID_SPEC")
        assert "no message" in empty.message


async def test_the_first_message_is_the_request_whether_or_not_the_caller_ends() -> None:
    async def get(request: pb.GetBatchJobRequest, _context: Any) -> pb.BatchJob:
        return pb.BatchJob(name=request.name)

    async with serving(GetBatchJob=get) as served:
        message = pb.GetBatchJobRequest(name="n").SerializeToString()
        answer = await answered(served, half(message, b"more"))
        assert pb.BatchJob.FromString(answer).name == "n"


class Large:
    """What stands for a large request in the frames that a refusal passes."""


async def test_what_was_received_for_a_refused_call_is_let_go_of_at_once() -> None:
    left: list[weakref.ref[Large]] = []

    async def get(_request: Any, _context: Any) -> pb.BatchJob:
        large = Large()
        left.append(weakref.ref(large))
        raise GatewayError(Reason.NOT_FOUND, "It is not there.")

    async with serving(GetBatchJob=get) as served:
        gc.disable()
        try:
            for _ in range(3):
                assert (await refusal(served.get())).code == "NOT_FOUND"
            assert [each() for each in left] == [None] * 3
        finally:
            gc.enable()


async def test_a_stream_that_the_server_refuses_without_reading_is_answered() -> None:
    async with serving() as served:
        call: Any = served.channel.stream_stream("/batchjobs.v1.BatchJobs/Nothing")
        with pytest.raises(grpc.aio.AioRpcError) as error:
            await call(half(), metadata=RANKING, timeout=30).read()
        assert error.value.code() is grpc.StatusCode.UNIMPLEMENTED


async def test_no_more_of_a_message_is_taken_in_than_a_little_before_it_is_read(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The second call's message is not asked for, however long the first one's takes."""
    monkeypatch.setattr(receiving, "MOST_BYTES", 0)
    monkeypatch.setattr(receiving, "FEWEST", 1)
    async with serving() as served:
        reader, writer = await asyncio.open_connection("127.0.0.1", served.port)
        connection = H2Connection(H2Configuration(client_side=True))
        connection.initiate_connection()
        for stream in (1, 3):
            headers = [(":method", "POST"), (":scheme", "http"), (":path", METHOD), (":authority", "x")]
            connection.send_headers(
                stream, [*headers, ("content-type", "application/grpc"), ("te", "trailers"), *RANKING]
            )
            connection.send_data(stream, b"\0" + (200_000).to_bytes(4, "big"))
        left = 200_000 - 1
        while left:
            window = connection.local_flow_control_window(1)
            may = max(min(window, connection.max_outbound_frame_size, left), 0)
            left -= may
            connection.send_data(1, bytes(may))
            writer.write(connection.data_to_send())
            if not may:
                connection.receive_data(await reader.read(65536))
        assert connection.local_flow_control_window(3) <= LOOKAHEAD_BYTES
        writer.close()
        await writer.wait_closed()
