"""The client's watches: each state once, to the end, through every kind of interruption."""

import asyncio
from contextlib import aclosing
from datetime import timedelta

import grpc
import pytest
from google.protobuf.timestamp_pb2 import Timestamp

from batchjobs.client import (
    BatchJob,
    Changed,
    Client,
    Deleted,
    Forbidden,
    NotFound,
    ResumeTokenExpired,
    StartedOver,
    Synced,
    TeamEvent,
    Unavailable,
)
from batchjobs.client import _watch as watching
from batchjobs.v1 import batch_jobs_pb2 as pb
from client.scripted import NAME, Gateway, Refusal, State, batch_job, live

Code = grpc.StatusCode
DRAINING = Refusal(Code.UNAVAILABLE, "Watch again.", "DRAINING", retry_after=timedelta(milliseconds=1), pushback="1")
EXPIRED = Refusal(Code.OUT_OF_RANGE, "The token is too old.", "RESUME_TOKEN_EXPIRED")
HEARTBEAT = pb.WatchEvent(heartbeat=pb.WatchEvent.Heartbeat(time=Timestamp(seconds=1)), synced=True)


def at(state: int, revision: int, **fields: object) -> pb.WatchEvent:
    return pb.WatchEvent(batch_job=batch_job(state, revision=revision, **fields), synced=True)


def gone(number: int, revision: int, token: str) -> pb.WatchEvent:
    deleted = pb.WatchEvent.Deleted(name=f"teams/ranking/batchJobs/{number}", revision=revision)
    return pb.WatchEvent(deleted=deleted, resume_token=token, synced=True)


async def states(client: Client) -> list[tuple[int, int]]:
    return [(job.state, job.revision) async for job in client.watch(NAME)]


async def test_a_watch_that_is_cut_off_goes_on_and_tells_no_state_twice(gateway: Gateway, client: Client) -> None:
    gateway.script["WatchBatchJob"] = [
        [at(State.QUEUED, 1), at(State.RUNNING, 4), DRAINING],
        [DRAINING],
        [at(State.RUNNING, 4)],
        [HEARTBEAT, at(State.RUNNING, 4), Refusal(Code.INTERNAL, "RST_STREAM")],
        [at(State.SUCCEEDED, 9)],
    ]
    assert await states(client) == [(State.QUEUED, 1), (State.RUNNING, 4), (State.SUCCEEDED, 9)]
    assert len(gateway.asked) == 5


async def test_an_older_state_is_not_told_after_a_newer_one(gateway: Gateway, client: Client) -> None:
    """But an end always is: a database that was restored counts its revisions from an earlier one."""
    gateway.script["WatchBatchJob"] = [
        [at(State.RUNNING, 40), DRAINING],
        [at(State.QUEUED, 7), at(State.SUCCEEDED, 12)],
    ]
    assert await states(client) == [(State.RUNNING, 40), (State.SUCCEEDED, 12)]


async def test_why_it_waits_is_told_when_it_changes(gateway: Gateway, client: Client) -> None:
    """Position and reason do not raise the revision; the time when they were worked out is no news."""

    def waits(position: int, second: int) -> pb.WatchEvent:
        why = BatchJob.Waiting(reason=pb.POOL_FULL, position=position, as_of_time=Timestamp(seconds=second))
        return at(State.QUEUED, 1, waiting=why)

    gateway.script["WatchBatchJob"] = [[waits(3, 1), DRAINING], [waits(3, 5), waits(2, 8), at(State.SUCCEEDED, 2)]]
    told = [job.waiting.position async for job in client.watch(NAME)]
    assert told == [3, 2, 0]


@pytest.mark.parametrize("end", ["SUCCEEDED", "PARTIALLY_SUCCEEDED", "FAILED", "CANCELLED", "EXPIRED"])
async def test_a_watch_ends_at_every_end(gateway: Gateway, client: Client, end: str) -> None:
    gateway.script["WatchBatchJob"] = [[at(State.RUNNING, 1), at(State.Value(end), 2), asyncio.Event()]]
    assert await states(client) == [(State.RUNNING, 1), (State.Value(end), 2)]


async def test_a_watch_ends_at_an_end_that_this_version_does_not_know(gateway: Gateway, client: Client) -> None:
    gateway.script["WatchBatchJob"] = [[at(State.RUNNING, 1), at(77, 2, end_time=Timestamp(seconds=5))]]
    assert await states(client) == [(State.RUNNING, 1), (77, 2)]


async def test_a_watch_outlives_a_restart_of_the_gateway(gateway: Gateway, client: Client) -> None:
    gateway.script["WatchBatchJob"] = [
        [at(State.RUNNING, 1), asyncio.Event()],
        [at(State.RUNNING, 1), at(State.SUCCEEDED, 2)],
    ]
    async with aclosing(client.watch(NAME)) as changes:
        assert (await anext(changes)).state == State.RUNNING
        await gateway.stop()
        await gateway.start()
        assert (await anext(changes)).state == State.SUCCEEDED


async def test_a_silent_stream_is_given_up_for_another(
    gateway: Gateway, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A proxy may hold a connection open whose gateway has long gone."""
    gateway.script["WatchBatchJob"] = [[at(State.RUNNING, 1), asyncio.Event()], *[[at(State.SUCCEEDED, 2)]] * 100]
    async with aclosing(client.watch(NAME)) as changes:
        assert (await anext(changes)).state == State.RUNNING
        monkeypatch.setattr(watching, "SILENCE_SECONDS", 0.2)
        assert (await anext(changes)).state == State.SUCCEEDED


async def test_a_deleted_batch_job_is_not_found(gateway: Gateway, client: Client) -> None:
    gateway.script["WatchBatchJob"] = [
        [at(State.RUNNING, 1), pb.WatchEvent(deleted=pb.WatchEvent.Deleted(name=NAME))],
        [at(State.RUNNING, 1), Refusal(Code.NOT_FOUND, "It was deleted.", "NOT_FOUND")],
    ]
    for _ in range(2):
        with pytest.raises(NotFound):
            await client.wait(NAME)
    assert len(gateway.asked) == 2


async def test_a_right_that_is_taken_away_ends_the_watch(gateway: Gateway, client: Client) -> None:
    gateway.script["WatchBatchJob"] = [[at(State.RUNNING, 1), Refusal(Code.PERMISSION_DENIED, "No.", "TEAM_FORBIDDEN")]]
    with pytest.raises(Forbidden):
        await client.wait(NAME)


async def test_a_gateway_that_stays_away_ends_the_watch(gateway: Gateway) -> None:
    gateway.script["WatchBatchJob"] = [[at(State.RUNNING, 1), DRAINING]] + [[DRAINING]] * 1000
    async with Client(gateway.endpoint, team="ranking", insecure=True, timeout=0.05) as client:
        with pytest.raises(Unavailable):
            await client.wait(NAME)


async def test_a_watch_that_is_left_is_closed_at_the_gateway(gateway: Gateway, client: Client) -> None:
    gateway.script["WatchBatchJob"] = [[at(State.RUNNING, 1), asyncio.Event()]]
    async with aclosing(client.watch(NAME)) as changes:
        await anext(changes)
    await gateway.stopped_watching.wait()


async def test_a_waiting_caller_can_be_cancelled(gateway: Gateway, client: Client) -> None:
    gateway.script["WatchBatchJob"] = [[at(State.RUNNING, 1), asyncio.Event()]]
    waiting = asyncio.ensure_future(client.wait(NAME))
    await gateway.began_watching.wait()
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    await gateway.stopped_watching.wait()


async def told(client: Client, how_many: int, token: str = "") -> list[TeamEvent]:
    async with aclosing(client.watch_team(token)) as events:
        return [await anext(events) for _ in range(how_many)]


def brief(events: list[TeamEvent]) -> list[object]:
    """What a test compares: (number, state) of a change, the number of a deletion, or the kind of event."""
    short: list[object] = []
    for event in events:
        match event:
            case Changed(job):
                short.append((int(job.name.rpartition("/")[2]), job.state))
            case Deleted(name):
                short.append(int(name.rpartition("/")[2]))
            case _:
                short.append(type(event))
    return short


def tokens(gateway: Gateway) -> list[str]:
    return [request.resume_token for request in gateway.requests("WatchBatchJobs")]


async def test_a_team_s_watch_tells_what_is_live_then_synced_then_changes(gateway: Gateway, client: Client) -> None:
    gateway.script["WatchBatchJobs"] = [
        [
            live("", State.RUNNING, 1),
            live("", State.QUEUED, 2),
            pb.WatchEvent(resume_token="t2", synced=True),
            HEARTBEAT,
            live("t3", State.SUCCEEDED, 1, revision=3),
            gone(1, 4, "t4"),
            asyncio.Event(),
        ]
    ]
    events = await told(client, 5)
    assert brief(events) == [(1, State.RUNNING), (2, State.QUEUED), Synced, (1, State.SUCCEEDED), 1]
    assert [event.resume_token for event in events] == ["", "", "t2", "t3", "t4"]
    assert gateway.requests("WatchBatchJobs")[0].parent == "teams/ranking"


async def test_the_message_that_completes_the_present_state_is_told_before_synced(
    gateway: Gateway, client: Client
) -> None:
    gateway.script["WatchBatchJobs"] = [[live("t1", State.RUNNING, 1), asyncio.Event()]]
    assert brief(await told(client, 2)) == [(1, State.RUNNING), Synced]


async def test_a_team_s_watch_goes_on_from_its_last_token(gateway: Gateway, client: Client) -> None:
    """Also from one that came without an event, and past messages without one."""
    gateway.script["WatchBatchJobs"] = [
        [live("t1", State.RUNNING, 1), pb.WatchEvent(resume_token="t5", synced=True), HEARTBEAT, DRAINING],
        [DRAINING],
        [live("t6", State.SUCCEEDED, 1, revision=6), Refusal(Code.UNKNOWN, "Stream removed")],
        [live("t7", State.QUEUED, 7), asyncio.Event()],
    ]
    assert brief(await told(client, 4)) == [(1, State.RUNNING), Synced, (1, State.SUCCEEDED), (7, State.QUEUED)]
    assert tokens(gateway) == ["", "t5", "t5", "t6"]


async def test_a_team_s_watch_goes_on_where_an_earlier_one_stopped(gateway: Gateway, client: Client) -> None:
    gateway.script["WatchBatchJobs"] = [[live("t9", State.SUCCEEDED, 4), asyncio.Event()]]
    assert brief(await told(client, 2, "t8")) == [(4, State.SUCCEEDED), Synced]
    assert tokens(gateway) == ["t8"]


async def test_a_token_that_is_no_longer_good_starts_over_and_says_so(gateway: Gateway, client: Client) -> None:
    gateway.script["WatchBatchJobs"] = [[EXPIRED], [live("t20", State.RUNNING, 4), asyncio.Event()]]
    events = await told(client, 3, "t8")
    assert brief(events) == [StartedOver, (4, State.RUNNING), Synced]
    assert isinstance(events[0], StartedOver)
    assert "too old" in events[0].why
    assert tokens(gateway) == ["t8", ""]


async def test_a_token_may_expire_in_the_middle_and_the_new_state_is_marked_again(
    gateway: Gateway, client: Client
) -> None:
    gateway.script["WatchBatchJobs"] = [
        [live("t1", State.RUNNING, 1), DRAINING],
        [EXPIRED],
        [live("", State.QUEUED, 2), pb.WatchEvent(resume_token="t9", synced=True), asyncio.Event()],
    ]
    events = brief(await told(client, 5))
    assert events == [(1, State.RUNNING), Synced, StartedOver, (2, State.QUEUED), Synced]


async def test_a_first_state_that_was_told_by_half_starts_over(gateway: Gateway, client: Client) -> None:
    """What ended meanwhile is not told again, and the caller would believe it alive for ever."""
    gateway.script["WatchBatchJobs"] = [
        [live("", State.RUNNING, 1), DRAINING],
        [live("t5", State.RUNNING, 2), asyncio.Event()],
    ]
    assert brief(await told(client, 4)) == [(1, State.RUNNING), StartedOver, (2, State.RUNNING), Synced]


async def test_a_gateway_that_refuses_an_empty_token_is_not_asked_for_ever(gateway: Gateway, client: Client) -> None:
    gateway.script["WatchBatchJobs"] = [[EXPIRED]]
    with pytest.raises(ResumeTokenExpired):
        await told(client, 1)


async def test_a_team_s_watch_outlives_a_restart_of_the_gateway(gateway: Gateway, client: Client) -> None:
    gateway.script["WatchBatchJobs"] = [
        [live("t1", State.RUNNING, 1), asyncio.Event()],
        [live("t2", State.SUCCEEDED, 1, revision=2), asyncio.Event()],
    ]
    async with aclosing(client.watch_team()) as events:
        assert brief([await anext(events), await anext(events)]) == [(1, State.RUNNING), Synced]
        await gateway.stop()
        await gateway.start()
        assert brief([await anext(events)]) == [(1, State.SUCCEEDED)]
    assert tokens(gateway) == ["", "t1"]


async def test_a_refused_team_watch_is_not_opened_again(gateway: Gateway, client: Client) -> None:
    gateway.script["WatchBatchJobs"] = [[Refusal(Code.PERMISSION_DENIED, "No.", "TEAM_FORBIDDEN")]]
    with pytest.raises(Forbidden):
        await told(client, 1)
    assert len(gateway.asked) == 1
