"""Creates: idempotent, judged under the team's lock, many in one commit."""

import asyncio
from datetime import date, timedelta

import asyncpg
import pytest

from gateway.domain.batch_job import BatchJob, Spec
from gateway.domain.states import State
from gateway.errors import GatewayError, Reason
from gateway.store.changes import Changes
from gateway.store.creates import GROUP, Creates
from gateway.store.database import Database
from gateway.store.model import Usage
from gateway.store.reads import Reads
from support.blocking import team_lock
from support.database import StoreTime
from support.store import allow, at_most_queued, create, moved, new_batch_job, unobserved


async def admitted(database: Database, **changes: object) -> BatchJob:
    return (await Creates(database, unobserved).admit(new_batch_job(**changes), allow)).job


async def test_a_create_is_queued_and_read_back_as_it_was_made(database: Database, store_time: StoreTime) -> None:
    job = await admitted(database, max_queue_duration=timedelta(hours=2), source_bytes=7)
    assert job.state is State.QUEUED
    assert job.create_time == store_time.now
    assert job.queue_deadline == store_time.now + timedelta(hours=2)
    assert [entry.state for entry in job.transitions] == [State.QUEUED]
    assert await Reads(database.api).get("ranking", job.id) == job


async def test_ids_are_ordered_by_time_and_have_18_or_19_digits(database: Database, store_time: StoreTime) -> None:
    first = await create(database)
    second = await create(database)
    await store_time.advance(0.001)
    third = await create(database, team="ads")
    assert first.id < second.id < third.id < 2**63
    assert {len(str(job.id)) for job in (first, second, third)} <= {18, 19}


async def test_two_creates_of_two_replicas_never_pass_a_quota_of_one(database: Database, database_url: str) -> None:
    """Each waits for the lock before it counts: a statement that did both would count from before its wait."""
    await create(database, team="ranking")
    first, second = Creates(database, unobserved), Creates(database, unobserved)
    async with team_lock(database_url) as holder:
        both = [asyncio.create_task(replica.admit(new_batch_job(), at_most_queued(2))) for replica in (first, second)]
        await holder.until_blocked(2)
    outcomes = await asyncio.gather(*both, return_exceptions=True)
    refusals = [each for each in outcomes if isinstance(each, GatewayError)]
    assert [refusal.reason for refusal in refusals] == [Reason.QUOTA_EXCEEDED]
    assert (await Reads(database.api).usage("ranking")).queued_jobs == 2


async def test_times_are_read_after_the_wait_for_the_lock(
    database: Database, database_url: str, store_time: StoreTime
) -> None:
    await create(database)
    async with team_lock(database_url) as holder:
        waiting = asyncio.create_task(create(database))
        await holder.until_blocked()
        await store_time.advance(5)
    assert (await waiting).create_time == store_time.now


async def test_creates_that_wait_meanwhile_share_commits_and_each_has_its_own_verdict(
    database: Database, database_url: str
) -> None:
    """The second group meets the quota in its midst; the third is refused as a whole."""
    await create(database)
    committed: list[BatchJob] = []
    creates = Creates(database, lambda _, after: committed.append(after))
    room = GROUP - 4
    decide = at_most_queued(1 + 1 + room)
    async with team_lock(database_url) as holder:
        first = asyncio.create_task(creates.admit(new_batch_job(), decide))
        await holder.until_blocked()
        others = [asyncio.create_task(creates.admit(new_batch_job(), decide)) for _ in range(GROUP + 6)]
        await asyncio.sleep(0)
    outcomes = await asyncio.gather(first, *others, return_exceptions=True)
    assert [isinstance(each, GatewayError) for each in outcomes] == [False] * (1 + room) + [True] * 10
    rows = await stored(database_url, "SELECT count(DISTINCT xmin::text) AS commits FROM batch_jobs")
    assert rows[0]["commits"] == 1 + 1 + 1
    assert [job.revision for job in committed] == list(range(2, room + 3))


async def stored(url: str, query: str) -> list[dict[str, object]]:
    connection = await asyncpg.connect(url)
    try:
        return [dict(row) for row in await connection.fetch(query)]
    finally:
        await connection.close()


async def test_too_many_waiting_creates_are_refused_at_once(database: Database, database_url: str) -> None:
    await create(database)
    creates = Creates(database, unobserved, max_waiting=2)
    async with team_lock(database_url) as holder:
        running = asyncio.create_task(creates.admit(new_batch_job(), allow))
        await holder.until_blocked()
        waiting = [asyncio.create_task(creates.admit(new_batch_job(), allow)) for _ in range(2)]
        await asyncio.sleep(0)
        with pytest.raises(GatewayError) as refusal:
            await creates.admit(new_batch_job(), allow)
        await creates.admit(new_batch_job(team="ads"), allow)
    assert refusal.value.reason is Reason.OVERLOADED
    assert refusal.value.retry_after is not None
    await asyncio.gather(running, *waiting)


async def test_the_same_request_id_makes_one_batch_job_within_a_group_and_across_replicas(
    database: Database, database_url: str
) -> None:
    await create(database)
    transactions: list[str] = []
    database.api._timed = lambda op, *_: transactions.append(op)
    replicas = [Creates(database, unobserved) for _ in range(2)]
    new = new_batch_job(request_id="once", content_hash="same")
    async with team_lock(database_url) as holder:
        tasks = [asyncio.create_task(replica.admit(new, allow)) for replica in replicas for _ in range(5)]
        await holder.until_blocked(2)
    answers = await asyncio.gather(*tasks)
    assert len({answer.job.id for answer in answers}) == 1
    assert [answer.replayed for answer in answers].count(False) == 1
    assert transactions == ["create", "create"]


async def test_a_replay_gets_the_current_state_and_costs_no_quota(database: Database) -> None:
    creates = Creates(database, unobserved)
    new = new_batch_job(request_id="once", content_hash="same")
    made = (await creates.admit(new, at_most_queued(1))).job
    await Changes(database.api, unobserved).change("ranking", made.id, moved(State.CANCELLED))
    await create(database)
    replayed = await creates.admit(new, at_most_queued(1))
    assert replayed.replayed
    assert replayed.job.state is State.CANCELLED


async def test_a_replay_is_answered_without_the_team_lock(database: Database, database_url: str) -> None:
    made = await create(database, request_id="once", content_hash="same")
    async with team_lock(database_url):
        assert await Reads(database.api).replay("ranking", "once", "same") == made
        assert await Reads(database.api).replay("ranking", "never", "same") is None


async def test_other_content_under_the_same_request_id_is_refused(database: Database) -> None:
    await create(database, request_id="once", content_hash="same")
    with pytest.raises(GatewayError) as before_the_lock:
        await Reads(database.api).replay("ranking", "once", "other")
    with pytest.raises(GatewayError) as under_the_lock:
        await create(database, request_id="once", content_hash="other")
    assert before_the_lock.value.reason is under_the_lock.value.reason is Reason.REQUEST_ID_REUSED


async def test_another_team_may_use_the_same_request_id(database: Database) -> None:
    first = await create(database, request_id="once", content_hash="same")
    second = await create(database, team="ads", request_id="once", content_hash="other")
    assert first.id != second.id


async def test_a_replay_after_delete_is_not_found(database: Database) -> None:
    job = await create(database, request_id="once", content_hash="same")
    changes = Changes(database.api, unobserved)
    await changes.change("ranking", job.id, moved(State.CANCELLED))
    await changes.change("ranking", job.id, lambda job, now: job.evolve(delete_time=now))
    for replay in (
        Reads(database.api).replay("ranking", "once", "same"),
        create(database, request_id="once", content_hash="same"),
    ):
        with pytest.raises(GatewayError) as refusal:
            await replay
        assert refusal.value.reason is Reason.NOT_FOUND


async def test_validating_takes_nothing(database: Database) -> None:
    creates = Creates(database, unobserved)

    def charge(usage: Usage, now: object) -> Usage:
        return Usage(queued_jobs=usage.queued_jobs + 1, bucket_used=usage.bucket_used + 1)

    preview = await creates.validate(new_batch_job(request_id="once", content_hash="same"), charge)
    assert (preview.id, preview.state) == (0, State.QUEUED)
    assert await Reads(database.api).usage("ranking") == Usage()
    assert await Reads(database.api).replay("ranking", "once", "same") is None
    with pytest.raises(GatewayError):
        await creates.validate(new_batch_job(), at_most_queued(0))


async def test_bucket_and_day_counters_live_on_the_team_and_pass_from_one_candidate_to_the_next(
    database: Database, store_time: StoreTime
) -> None:
    def count(usage: Usage, now: object) -> Usage:
        return Usage(
            bucket_used=usage.bucket_used + 1,
            bucket_time=store_time.now,
            day=date(2026, 3, 2),
            day_jobs=usage.day_jobs + 1,
            day_input_bytes=usage.day_input_bytes + 10,
        )

    creates = Creates(database, unobserved)
    await asyncio.gather(*(creates.admit(new_batch_job(), count) for _ in range(3)))
    assert await Reads(database.api).usage("ranking") == Usage(
        queued_jobs=3, bucket_used=3, bucket_time=store_time.now, day=date(2026, 3, 2), day_jobs=3, day_input_bytes=30
    )


async def test_a_caller_that_gave_up_before_its_turn_leaves_nothing_behind(
    database: Database, database_url: str
) -> None:
    await create(database)
    creates = Creates(database, unobserved)
    async with team_lock(database_url) as holder:
        running = asyncio.create_task(creates.admit(new_batch_job(), allow))
        await holder.until_blocked()
        waiting = asyncio.create_task(creates.admit(new_batch_job(), allow))
        await asyncio.sleep(0)
        waiting.cancel()
        await asyncio.wait([waiting])
    await running
    await creates.close()
    assert (await Reads(database.api).usage("ranking")).queued_jobs == 2


async def test_a_candidate_that_the_database_cannot_store_breaks_only_its_own_create(
    database: Database, database_url: str
) -> None:
    await create(database)
    creates = Creates(database, unobserved)
    broken = Spec(model="a\0b", source=new_batch_job().spec.source, destination=new_batch_job().spec.destination)
    async with team_lock(database_url) as holder:
        running = asyncio.create_task(creates.admit(new_batch_job(), allow))
        await holder.until_blocked()
        group = [asyncio.create_task(creates.admit(new_batch_job(**c), allow)) for c in ({}, {"spec": broken}, {})]
        await asyncio.sleep(0)
    await running
    outcomes = await asyncio.gather(*group, return_exceptions=True)
    assert [isinstance(each, Exception) for each in outcomes] == [False, True, False]


async def test_no_sql_of_the_store_reads_another_clock(database: Database) -> None:
    """Every time comes from `store_clock()`, so that a test, and nothing else, can move it."""
    from importlib import resources

    texts = [path.read_text() for path in (resources.files("gateway.store") / "sql").iterdir()]
    for word in ("now()", "current_timestamp", "clock_timestamp", "localtimestamp", "statement_timestamp"):
        assert not [text for text in texts if word in text.lower()]
