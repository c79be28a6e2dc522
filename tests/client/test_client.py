"""The client's calls over a real connection: what is sent, how often, and what comes of it."""

import asyncio
import json
from contextlib import aclosing
from datetime import timedelta

import grpc
import pytest
from google.protobuf.empty_pb2 import Empty

from batchjobs.client import (
    BatchJob,
    BatchJobsError,
    Client,
    GcsDestination,
    GcsSource,
    NotEnded,
    NotFound,
    PolicyViolation,
    QuotaExceeded,
    RequestIdReused,
    Security,
    TeamUsage,
    Unavailable,
)
from batchjobs.client import _channel as channels
from batchjobs.client import _retry as retry
from batchjobs.v1 import batch_jobs_pb2 as pb
from client.scripted import NAME, Gateway, Refusal, State, batch_job

Code = grpc.StatusCode
SPEC = BatchJob(
    model="flash",
    gcs_source=GcsSource(uri="gs://in/a.jsonl"),
    gcs_destination=GcsDestination(output_uri_prefix="gs://out/x"),
)
AWAY = Refusal(Code.UNAVAILABLE, "The database restarts.", "STORE_UNAVAILABLE", pushback="1")
DRAINING = Refusal(Code.UNAVAILABLE, "Call again.", "DRAINING", retry_after=timedelta(milliseconds=1), pushback="1")
BUSY = Refusal(Code.RESOURCE_EXHAUSTED, "Busy.", "OVERLOADED", retry_after=timedelta(milliseconds=1), pushback="1")
LATE = Refusal(Code.DEADLINE_EXCEEDED, "Too late.", pushback="1")


async def test_a_create_is_sent_under_one_request_id_however_often(gateway: Gateway, client: Client) -> None:
    gateway.script["CreateBatchJob"] = [AWAY, LATE, BUSY, DRAINING, batch_job()]
    answer = await client.create(SPEC)
    assert answer == batch_job()
    requests = gateway.requests("CreateBatchJob")
    assert len(requests) == 5
    assert len({request.SerializeToString(deterministic=True) for request in requests}) == 1
    assert requests[0].batch_job == SPEC
    assert requests[0].parent == "teams/ranking"
    assert len(requests[0].request_id) == 36


async def test_two_creates_are_two(gateway: Gateway, client: Client) -> None:
    gateway.script["CreateBatchJob"] = [batch_job(), batch_job()]
    await client.create(SPEC)
    await client.create(SPEC)
    first, second = gateway.requests("CreateBatchJob")
    assert first.request_id != second.request_id


async def test_the_caller_s_request_id_is_the_one_that_is_sent(gateway: Gateway, client: Client) -> None:
    gateway.script["CreateBatchJob"] = [AWAY, batch_job()]
    await client.create(SPEC, request_id="nightly")
    assert [request.request_id for request in gateway.requests("CreateBatchJob")] == ["nightly", "nightly"]


async def test_a_validation_takes_no_request_id(gateway: Gateway, client: Client) -> None:
    gateway.script["CreateBatchJob"] = [batch_job(name="")]
    await client.create(SPEC, validate_only=True)
    (request,) = gateway.requests("CreateBatchJob")
    assert (request.request_id, request.validate_only) == ("", True)


async def test_a_create_that_hangs_is_sent_again_under_its_id(
    gateway: Gateway, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The deadline is each attempt's: a lost answer must not use up all of the caller's time."""
    monkeypatch.setattr(retry, "ATTEMPT_SECONDS", 0.3)
    gateway.script["CreateBatchJob"] = [asyncio.Event(), *[batch_job()] * 100]
    await client.create(SPEC)
    first, second, *more = gateway.requests("CreateBatchJob")
    assert all(request == first for request in (second, *more))


async def test_a_negative_pushback_stops_a_create_and_its_id_is_told(gateway: Gateway, client: Client) -> None:
    gateway.script["CreateBatchJob"] = [Refusal(Code.UNAVAILABLE, "Unclear.", "STORE_UNAVAILABLE", pushback="-1")]
    with pytest.raises(Unavailable) as caught:
        await client.create(SPEC)
    (request,) = gateway.requests("CreateBatchJob")
    assert caught.value.outcome_unknown
    assert caught.value.request_id == request.request_id
    assert request.request_id in "".join(caught.value.__notes__)


@pytest.mark.parametrize(("code", "reason"), [(Code.RESOURCE_EXHAUSTED, "OVERLOADED"), (Code.UNAVAILABLE, "DRAINING")])
async def test_what_was_turned_away_before_it_began_is_known_not_to_be_done(
    gateway: Gateway, client: Client, code: grpc.StatusCode, reason: str
) -> None:
    gateway.script["CreateBatchJob"] = [Refusal(code, "In an hour.", reason, pushback="3600000")]
    with pytest.raises(Unavailable) as caught:
        await client.create(SPEC)
    assert not caught.value.outcome_unknown


async def test_a_quota_says_which_how_much_and_for_how_long(gateway: Gateway, client: Client) -> None:
    quota = pb_quota("queued_jobs", 50, 50)
    refusal = Refusal(
        Code.RESOURCE_EXHAUSTED, "Full.", "QUOTA_EXCEEDED", (quota,), timedelta(hours=2), pushback="7200000"
    )
    gateway.script["CreateBatchJob"] = [refusal]
    with pytest.raises(QuotaExceeded) as caught:
        await client.create(SPEC)
    error = caught.value
    assert (error.quota, error.limit, error.used, error.retry_after) == ("queued_jobs", 50, 50, timedelta(hours=2))
    assert len(gateway.asked) == 1, "two hours are longer than the call may take"


def pb_quota(name: str, limit: int, used: int) -> object:
    from google.rpc import error_details_pb2

    violation = error_details_pb2.QuotaFailure.Violation(
        subject="teams/ranking", quota_id=name, quota_value=limit, quota_dimensions={"used": str(used)}
    )
    return error_details_pb2.QuotaFailure(violations=[violation])


async def test_a_quota_that_waiting_does_not_free_has_no_time(gateway: Gateway, client: Client) -> None:
    refusal = Refusal(
        Code.RESOURCE_EXHAUSTED, "None.", "QUOTA_EXCEEDED", (pb_quota("jobs_per_day", 0, 0),), pushback="-1"
    )
    gateway.script["CreateBatchJob"] = [refusal]
    with pytest.raises(QuotaExceeded) as caught:
        await client.create(SPEC)
    assert caught.value.retry_after is None


async def test_every_call_is_repeated_where_it_may_be(gateway: Gateway, client: Client) -> None:
    page = pb.ListBatchJobsResponse(batch_jobs=[batch_job()])
    for method, answer in (
        ("GetBatchJob", batch_job()),
        ("ListBatchJobs", page),
        ("CancelBatchJob", batch_job(State.CANCELLING)),
        ("DeleteBatchJob", Empty()),
        ("GetTeamUsage", TeamUsage(name="teams/ranking/usage")),
    ):
        gateway.script[method] = [AWAY, BUSY, LATE, answer]
    assert (await client.get(NAME)).name == NAME
    assert [one.name async for one in client.list()] == [NAME]
    assert (await client.cancel(NAME)).state == State.CANCELLING
    await client.delete(NAME)
    assert (await client.usage()).name == "teams/ranking/usage"
    assert len(gateway.asked) == 20
    assert gateway.requests("GetTeamUsage")[0].name == "teams/ranking/usage"


async def test_each_wait_is_told(gateway: Gateway) -> None:
    told = list[tuple[str, float]]()
    gateway.script["GetBatchJob"] = [AWAY, DRAINING, batch_job()]
    listening = Client(
        gateway.endpoint,
        team="ranking",
        insecure=True,
        on_retry=lambda error, seconds: told.append((error.reason, seconds)),
    )
    async with listening as client:
        await client.get(NAME)
    assert [reason for reason, _ in told] == ["STORE_UNAVAILABLE", "DRAINING"]
    assert all(0.001 <= seconds <= 0.00125 for _, seconds in told)


async def test_a_delete_whose_answer_was_lost_is_done_when_nothing_is_there(gateway: Gateway, client: Client) -> None:
    gone = Refusal(Code.NOT_FOUND, "No such batch job.", "NOT_FOUND")
    gateway.script["DeleteBatchJob"] = [AWAY, gone]
    await client.delete(NAME)
    gateway.script["DeleteBatchJob"] = [gone]
    with pytest.raises(NotFound):
        await client.delete(NAME)


async def test_a_delete_that_never_began_does_not_count_as_done(gateway: Gateway, client: Client) -> None:
    gateway.script["DeleteBatchJob"] = [DRAINING, Refusal(Code.NOT_FOUND, "No such batch job.", "NOT_FOUND")]
    with pytest.raises(NotFound):
        await client.delete(NAME)


@pytest.mark.parametrize(
    ("refusal", "kind"),
    [
        (Refusal(Code.FAILED_PRECONDITION, reason="NOT_ENDED"), NotEnded),
        (Refusal(Code.ALREADY_EXISTS, reason="REQUEST_ID_REUSED"), RequestIdReused),
        (Refusal(Code.PERMISSION_DENIED, reason="POLICY_VIOLATION"), PolicyViolation),
    ],
    ids=lambda value: getattr(value, "reason", ""),
)
async def test_a_refusal_is_never_repeated(
    gateway: Gateway, client: Client, refusal: Refusal, kind: type[BatchJobsError]
) -> None:
    gateway.script["DeleteBatchJob"] = [refusal]
    with pytest.raises(kind):
        await client.delete(NAME)
    assert len(gateway.asked) == 1


async def test_a_list_fetches_a_page_only_when_it_is_needed(gateway: Gateway, client: Client) -> None:
    gateway.script["ListBatchJobs"] = [
        pb.ListBatchJobsResponse(batch_jobs=[batch_job(display_name="one"), batch_job()], next_page_token="more"),
        pb.ListBatchJobsResponse(next_page_token="still"),
        pb.ListBatchJobsResponse(batch_jobs=[batch_job(display_name="last")]),
    ]
    async with aclosing(client.list(filter="state = RUNNING", page_size=2)) as listed:
        assert (await anext(listed)).display_name == "one"
        await anext(listed)
        assert len(gateway.asked) == 1
        assert (await anext(listed)).display_name == "last", "an empty page is not the end"
        with pytest.raises(StopAsyncIteration):
            await anext(listed)
    assert [request.page_token for request in gateway.requests("ListBatchJobs")] == ["", "more", "still"]
    assert {request.filter for request in gateway.requests("ListBatchJobs")} == {"state = RUNNING"}


async def test_an_id_belongs_to_the_client_s_team_and_a_full_name_to_its_own(gateway: Gateway) -> None:
    gateway.script["GetBatchJob"] = [batch_job()] * 3
    async with Client(gateway.endpoint, team="ranking", insecure=True) as client:
        await client.get("174873600000012345")
    async with Client(gateway.endpoint, insecure=True) as client:
        await client.get(NAME)
        with pytest.raises(ValueError, match="without its team"):
            await client.get("174873600000012345")
        with pytest.raises(ValueError, match="about a team"):
            await client.usage()
    assert [(request.name, metadata["x-batchjobs-team"]) for _, request, metadata in gateway.asked] == [
        (NAME, "ranking")
    ] * 2


async def test_operators_list_every_team(gateway: Gateway) -> None:
    gateway.script["ListBatchJobs"] = [pb.ListBatchJobsResponse()]
    async with Client(gateway.endpoint, team="operator", insecure=True) as client:
        assert [one async for one in client.list(all_teams=True)] == []
    ((_, request, metadata),) = gateway.asked
    assert request.parent == "teams/-"
    assert metadata["x-batchjobs-team"] == "operator"


async def test_without_a_gateway_a_call_ends_in_the_time_it_was_given() -> None:
    async with Client("127.0.0.1:1", team="ranking", insecure=True, timeout=0.05) as client:
        with pytest.raises(Unavailable):
            await client.get(NAME)


async def test_a_call_goes_through_once_the_gateway_is_back(gateway: Gateway) -> None:
    waits = asyncio.Event()
    async with Client(
        gateway.endpoint, team="ranking", insecure=True, on_retry=lambda _error, _seconds: waits.set()
    ) as client:
        gateway.script["GetBatchJob"] = [batch_job()]
        await gateway.stop()
        getting = asyncio.ensure_future(client.get(NAME))
        await waits.wait()
        await gateway.start()
        assert (await getting).name == NAME


async def test_create_and_wait_answers_the_end(gateway: Gateway, client: Client) -> None:
    done = batch_job(State.PARTIALLY_SUCCEEDED, revision=3)
    gateway.script["CreateBatchJob"] = [batch_job(revision=1)]
    gateway.script["WatchBatchJob"] = [
        [pb.WatchEvent(batch_job=batch_job(State.RUNNING, revision=2)), pb.WatchEvent(batch_job=done)]
    ]
    assert await client.create_and_wait(SPEC) == done


async def test_a_create_that_answers_an_ended_batch_job_needs_no_watch(gateway: Gateway, client: Client) -> None:
    gateway.script["CreateBatchJob"] = [batch_job(State.SUCCEEDED)]
    assert (await client.create_and_wait(SPEC, request_id="nightly")).state == State.SUCCEEDED
    assert len(gateway.asked) == 1


async def test_grpc_repeats_nothing_behind_the_client_s_back(gateway: Gateway, monkeypatch: pytest.MonkeyPatch) -> None:
    """Not even where a service config asks for it: the caller would not be told, and the deadline not be its own."""
    policy = {
        "maxAttempts": 5,
        "initialBackoff": "0.01s",
        "maxBackoff": "0.01s",
        "backoffMultiplier": 1,
        "retryableStatusCodes": ["ABORTED"],
    }
    config = json.dumps({"methodConfig": [{"name": [{}], "retryPolicy": policy}]})
    options = [(name, config if name == "grpc.service_config" else value) for name, value in channels.OPTIONS]
    monkeypatch.setattr(channels, "OPTIONS", options)
    gateway.script["CreateBatchJob"] = [Refusal(Code.ABORTED, "No.")] * 5
    async with Client(gateway.endpoint, team="ranking", insecure=True) as client:
        with pytest.raises(Unavailable):
            await client.create(SPEC)
    assert len(gateway.asked) == 1


def test_a_client_is_told_at_once_what_is_wrong_with_its_address() -> None:
    for endpoint in ("nowhere", "a:b", "http://a:1", ":1", "dns:///a:1/x"):
        with pytest.raises(ValueError, match="neither HOST:PORT nor unix:PATH"):
            Client(endpoint, insecure=True)
    with pytest.raises(ValueError, match="is not a team"):
        Client("127.0.0.1:1", team="Ranking", insecure=True)
    for proof in ({"credentials": grpc.ssl_channel_credentials()}, {"security": Security(token_file="token")}):
        with pytest.raises(ValueError, match="plaintext"):
            Client("127.0.0.1:1", insecure=True, **proof)  # type: ignore[arg-type]  # Each by its own name.
    with pytest.raises(ValueError, match="not both"):
        Client("127.0.0.1:1", credentials=grpc.ssl_channel_credentials(), security=Security())


async def test_a_client_that_is_not_entered_says_so() -> None:
    with pytest.raises(RuntimeError, match="async with"):
        await Client("127.0.0.1:1", team="ranking", insecure=True).get(NAME)
