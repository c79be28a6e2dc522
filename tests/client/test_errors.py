"""What a failed call says is read in full, whatever it holds."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta

import grpc
import pytest
from google.protobuf.any_pb2 import Any as AnyMessage
from google.rpc import error_details_pb2 as details_pb2
from google.rpc import status_pb2
from hypothesis import given
from hypothesis import strategies as st

from batchjobs.client import Forbidden, Unavailable
from batchjobs.client._failure import Failure, decode
from batchjobs.client._retry import Patience, pause, repeat
from batchjobs.v1 import batch_jobs_pb2_grpc
from batchjobs.v1.batch_jobs_pb2 import CreateBatchJobRequest, GetBatchJobRequest
from client.scripted import Gateway, Refusal

Code = grpc.StatusCode


class EndedCall(grpc.RpcError):
    """An error with chosen trailers, for those that no well-meaning server sends."""

    def __init__(self, code: Code, trailers: tuple[tuple[str, str | bytes], ...] = ()) -> None:
        super().__init__()
        self._code, self._trailers = code, trailers

    def code(self) -> Code:
        return self._code

    def details(self) -> str:
        return "No."

    def trailing_metadata(self) -> tuple[tuple[str, str | bytes], ...]:
        return self._trailers


async def failure_of(gateway: Gateway, refusal: Refusal) -> Failure:
    gateway.script["CreateBatchJob"] = [refusal]
    async with grpc.aio.insecure_channel(gateway.endpoint) as channel:
        with pytest.raises(grpc.RpcError) as caught:
            await batch_jobs_pb2_grpc.BatchJobsStub(channel).CreateBatchJob(CreateBatchJobRequest())
    return decode(caught.value)


async def test_every_kind_of_detail_becomes_a_sentence(gateway: Gateway) -> None:
    violation = details_pb2.BadRequest.FieldViolation
    refusal = Refusal(
        Code.INVALID_ARGUMENT,
        "Not like this.",
        "INVALID_SPEC",
        details=(
            details_pb2.BadRequest(
                field_violations=[
                    violation(field="batch_job.model", description="must be given", reason="REQUIRED"),
                    violation(field="batch_job.labels", description="too many"),
                ]
            ),
            details_pb2.PreconditionFailure(
                violations=[
                    details_pb2.PreconditionFailure.Violation(
                        type="REGION_MISMATCH", subject="gs://a", description="is in EU"
                    )
                ]
            ),
            details_pb2.QuotaFailure(
                violations=[details_pb2.QuotaFailure.Violation(subject="teams/ranking", description="50 of 50 used")]
            ),
            details_pb2.ResourceInfo(resource_name="teams/ranking/batchJobs/1", description="took the id"),
        ),
        retry_after=timedelta(seconds=2.5),
        pushback="1500",
    )
    failure = await failure_of(gateway, refusal)
    assert failure.sentences() == [
        "Not like this.",
        "  batch_job.model: must be given (REQUIRED)",
        "  batch_job.labels: too many",
        "  gs://a: is in EU (REGION_MISMATCH)",
        "  teams/ranking: 50 of 50 used",
        "  teams/ranking/batchJobs/1: took the id",
        "  Try again in 2.5 s.",
    ]
    assert (failure.reason, failure.domain) == ("INVALID_SPEC", "batchjobs.gateway")
    assert failure.pushback == timedelta(seconds=1.5)


async def test_what_the_message_says_is_not_said_twice(gateway: Gateway) -> None:
    violation = details_pb2.BadRequest.FieldViolation
    faults = [
        violation(field="batch_job.model", description="It is empty.", reason="MODEL_MISSING"),
        violation(field="request_id", description="It is too long.", reason="REQUEST_ID_FORM"),
        violation(description="2 more are left out.", reason="MORE_VIOLATIONS"),
    ]
    refusal = Refusal(
        Code.UNAVAILABLE,
        "batch_job.model: It is empty. And 3 more. Try again in 3 s, teams/ranking.",
        details=(
            details_pb2.BadRequest(field_violations=faults),
            details_pb2.ResourceInfo(resource_name="teams/ranking", description="It is not there."),
        ),
        retry_after=timedelta(seconds=3),
    )
    assert (await failure_of(gateway, refusal)).sentences() == [
        "batch_job.model: It is empty. And 3 more. Try again in 3 s, teams/ranking.",
        "  request_id: It is too long. (REQUEST_ID_FORM)",
        "  2 more are left out. (MORE_VIOLATIONS)",
    ]


async def test_the_synchronous_client_s_error_reads_the_same(gateway: Gateway) -> None:
    refusal = Refusal(Code.NOT_FOUND, "Gone.", "NOT_FOUND")
    expected = await failure_of(gateway, refusal)
    gateway.script["GetBatchJob"] = [refusal]

    def call() -> None:
        with grpc.insecure_channel(gateway.endpoint) as channel:
            batch_jobs_pb2_grpc.BatchJobsStub(channel).GetBatchJob(GetBatchJobRequest())

    with pytest.raises(grpc.RpcError) as caught:
        await asyncio.to_thread(call)
    assert decode(caught.value) == expected


@given(st.binary(max_size=60), st.sampled_from(["-1", "x", "", "1e3", "9" * 30, "17"]))
def test_garbage_in_the_trailers_is_never_an_error_of_ours(garbage: bytes, pushback: str) -> None:
    packed = AnyMessage(type_url="type.googleapis.com/google.rpc.ErrorInfo", value=garbage)
    for value in (garbage, status_pb2.Status(details=[packed]).SerializeToString()):
        trailers = (("grpc-status-details-bin", value), ("grpc-retry-pushback-ms", pushback))
        failure = decode(EndedCall(Code.UNAVAILABLE, trailers))
        assert failure.code is Code.UNAVAILABLE
        assert failure.pushback is not None
        assert (failure.pushback >= timedelta()) == (pushback == "17")


def test_only_what_waiting_can_help_is_repeated() -> None:
    for code in Code:
        repeated = pause(Failure(code, ""), 0, 0.5) is not None
        assert repeated == (code in {Code.UNAVAILABLE, Code.DEADLINE_EXCEEDED, Code.CANCELLED})
    assert pause(Failure(Code.RESOURCE_EXHAUSTED, "", "OVERLOADED"), 0, 0.5) is not None
    assert pause(Failure(Code.RESOURCE_EXHAUSTED, "", "QUOTA_EXCEEDED"), 0, 0.5) is None
    soon = Failure(Code.RESOURCE_EXHAUSTED, "", "QUOTA_EXCEEDED", retry_after=timedelta(seconds=2))
    assert pause(soon, 0, 0.0) == 2


def test_a_stream_is_opened_again_after_anything_but_a_refusal() -> None:
    """Proxies and dying processes cut long streams in ways of their own, and a watch only reads."""
    cut = {Code.UNAVAILABLE, Code.DEADLINE_EXCEEDED, Code.CANCELLED, Code.UNKNOWN, Code.INTERNAL, Code.ABORTED}
    for code in Code:
        again = pause(Failure(code, ""), 0, 0.5, stream=True) is not None
        assert again == (code in cut | {Code.DATA_LOSS})


def test_the_gateway_s_own_word_on_when_to_come_back_is_obeyed() -> None:
    asked = Failure(Code.UNAVAILABLE, "", retry_after=timedelta(seconds=9), pushback=timedelta(seconds=3))
    assert pause(asked, 5, 0.0) == 3
    assert pause(Failure(Code.UNAVAILABLE, "", retry_after=timedelta(seconds=9)), 5, 0.0) == 9
    assert pause(asked, 5, 1.0) == 3.75, "never earlier, and not with everybody else"
    assert pause(Failure(Code.UNAVAILABLE, "", pushback=timedelta(milliseconds=-1)), 0, 0.5) is None


@given(st.integers(0, 5000), st.floats(0, 1))
def test_without_its_word_pauses_grow_and_stay_bounded(attempt: int, spread: float) -> None:
    seconds = pause(Failure(Code.UNAVAILABLE, ""), attempt, spread)
    assert seconds is not None
    assert 0.125 <= seconds <= 8
    assert seconds <= 0.25 * 2 ** min(attempt, 10)


class Clock:
    """Time that passes only by sleeping."""

    def __init__(self) -> None:
        self.time, self.slept = 1000.0, list[float]()

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.time += seconds

    def now(self) -> float:
        return self.time


def patience(clock: Clock, budget: float, *, stream: bool = False) -> Patience:
    return Patience(budget, stream=stream, sleep=clock.sleep, now=clock.now)


def fails(*errors: EndedCall) -> Callable[[float], Awaitable[str]]:
    waiting = list(errors)

    async def send(seconds: float) -> str:
        assert seconds > 0
        if waiting:
            raise waiting.pop(0)
        return "done"

    return send


async def test_a_call_is_repeated_until_it_is_answered() -> None:
    clock = Clock()
    pushback = (("grpc-retry-pushback-ms", "1500"),)
    send = fails(EndedCall(Code.UNAVAILABLE, pushback), EndedCall(Code.DEADLINE_EXCEEDED, pushback))
    assert await repeat(send, patience(clock, 10)) == "done"
    assert len(clock.slept) == 2
    assert all(1.5 <= seconds <= 1.875 for seconds in clock.slept)


async def test_patience_ends_before_a_wait_that_would_outlast_it() -> None:
    clock = Clock()
    send = fails(*[EndedCall(Code.UNAVAILABLE, (("grpc-retry-pushback-ms", "4000"),))] * 9)
    with pytest.raises(Unavailable) as caught:
        await repeat(send, patience(clock, 11))
    assert len(clock.slept) == 2
    assert clock.time <= 1011
    assert caught.value.outcome_unknown


async def test_an_attempt_never_gets_more_than_the_time_that_is_left() -> None:
    clock, timeouts = Clock(), list[float]()

    async def send(seconds: float) -> str:
        timeouts.append(seconds)
        clock.time += seconds
        raise EndedCall(Code.DEADLINE_EXCEEDED, (("grpc-retry-pushback-ms", "1000"),))

    with pytest.raises(Unavailable):
        await repeat(send, patience(clock, 30))
    assert timeouts[0] == 20
    assert timeouts[1] <= 9
    assert clock.time <= 1030


async def test_an_unclear_attempt_is_remembered_when_a_later_one_is_refused() -> None:
    send = fails(EndedCall(Code.UNAVAILABLE), EndedCall(Code.PERMISSION_DENIED))
    with pytest.raises(Forbidden) as caught:
        await repeat(send, patience(Clock(), 10))
    assert caught.value.outcome_unknown


async def test_a_plain_refusal_leaves_nothing_unknown() -> None:
    with pytest.raises(Forbidden) as caught:
        await repeat(fails(EndedCall(Code.PERMISSION_DENIED)), patience(Clock(), 10))
    assert not caught.value.outcome_unknown


async def test_an_answer_gives_the_whole_patience_back() -> None:
    clock = Clock()
    bearing = patience(clock, 5)
    unavailable = Failure(Code.UNAVAILABLE, "", pushback=timedelta(seconds=3))
    await bearing.bear(unavailable)
    bearing.heard()
    clock.time += 3600
    await bearing.bear(unavailable)
    with pytest.raises(Unavailable):
        await bearing.bear(unavailable)


async def test_what_fails_right_after_every_answer_is_tried_ever_less_often() -> None:
    """Streams that are cut as soon as they are open must not become a storm; one that lived is opened at once."""
    clock = Clock()
    bearing = patience(clock, 60, stream=True)
    for _ in range(12):
        await bearing.bear(Failure(Code.UNAVAILABLE, ""))
        clock.time += 0.1
        bearing.heard()
    assert clock.slept[-1] >= 4
    clock.time += 60
    bearing.heard()
    await bearing.bear(Failure(Code.UNAVAILABLE, ""))
    assert clock.slept[-1] <= 0.25
