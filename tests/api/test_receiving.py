"""A call's message: read of whom is known, within the call's time, and not kept when it is refused."""

import asyncio
import gc
import weakref
from collections.abc import AsyncIterator
from typing import Any

import grpc
import pytest

from api.served import RANKING, Served, serving
from batchjobs.v1 import batch_jobs_pb2 as pb
from gateway.api.interceptors import deadline
from gateway.errors import GatewayError, Reason
from support.caller import Refusal, refusal

METHOD = "/batchjobs.v1.BatchJobs/GetBatchJob"


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


async def test_a_message_that_does_not_come_counts_as_a_call_and_has_the_time_of_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(deadline, "LONGEST_UNARY", 0.2)
    async with serving(most=1) as served:
        waits = asyncio.ensure_future(refused(served, half()))
        while served.gauge("batchjobs_calls_in_flight") != 1:  # noqa: ASYNC110 - nothing tells of a call without a message but the metric
            await asyncio.sleep(0)
        assert (await refusal(served.get())).reason == "OVERLOADED"
        late = await waits
        assert late.code == "DEADLINE_EXCEEDED"
        assert "Nothing was done" in late.message


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
