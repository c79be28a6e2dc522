"""Taking a slot: counted again under the locks, charged in the same commit, settled when the slot comes free."""

import asyncio
from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from gateway.domain.batch_job import AttemptOutcome, BatchJob, Spec
from gateway.domain.fair_share import Contender
from gateway.domain.level import Shift
from gateway.domain.shares import Share, Standing
from gateway.domain.states import State
from gateway.store.changes import Changes
from gateway.store.database import Database
from gateway.store.dispatches import Dispatches, Untaken
from gateway.store.errors import LeaseLostError
from gateway.store.lease import Lease
from gateway.store.model import Changed
from gateway.store.reads import Reads
from support.blocking import holding, team_lock
from support.database import StoreTime
from support.store import OTHER_POOL, POOL, SPEC, create, dispatch, moved, take_order, unobserved


@pytest.fixture
async def term(database: Database, store_time: StoreTime) -> str:
    held = await Lease(database.lease, store_time.clock, holder="x", duration=timedelta(days=365)).acquire()
    assert held is not None
    return held.term


@pytest.fixture
def dispatches(database: Database) -> Dispatches:
    return Dispatches(database.controller, unobserved)


async def share_of(dispatches: Dispatches, team: str = "ranking") -> Share:
    """The account as the next pass of dispatch reads it; the team has something open."""
    return next(c.share for c in (await dispatches.snapshot({})).contenders if c.team == team)


async def test_a_take_records_the_attempt_and_what_it_went_by(
    database: Database, dispatches: Dispatches, term: str, store_time: StoreTime
) -> None:
    job = await create(database)
    await store_time.advance(30)
    taken = await dispatches.take(take_order(job, term, attempt_id="a1", capacity=8, limit=2))
    assert isinstance(taken, Changed)
    after = taken.after
    assert (after.state, after.submit_time, after.revision) == (State.SUBMITTING, store_time.now, 2)
    assert after.attempt is not None
    assert (after.attempt.id, after.attempt.number, after.attempt.term) == ("a1", 1, term)
    assert (after.attempt.capacity, after.attempt.team_limit, after.attempt.time) == (8, 2, store_time.now)
    assert await Reads(database.api).get("ranking", job.id) == after


async def test_two_takes_of_the_last_slot_of_a_pool_get_one(
    database: Database, dispatches: Dispatches, term: str, database_url: str
) -> None:
    """Two teams, so that no team's lock helps: the pool's lock comes first, and the count after it."""
    jobs = [await create(database, team=team) for team in ("ads", "ranking")]
    await dispatch(database, await create(database, team="first"), term)
    async with holding(database_url, "SELECT 1 FROM pools FOR UPDATE") as holder:
        both = [asyncio.create_task(dispatches.take(take_order(job, term, capacity=2))) for job in jobs]
        await holder.until_blocked(2)
    outcomes = await asyncio.gather(*both)
    assert [each for each in outcomes if not isinstance(each, Changed)] == [Untaken.POOL_FULL]


async def test_two_takes_of_a_team_s_last_slot_in_two_pools_get_one(
    database: Database, dispatches: Dispatches, term: str, database_url: str
) -> None:
    jobs = [await create(database, pool=pool) for pool in (POOL, OTHER_POOL)]
    async with team_lock(database_url) as holder:
        both = [asyncio.create_task(dispatches.take(take_order(job, term, limit=1))) for job in jobs]
        await holder.until_blocked(2)
    outcomes = await asyncio.gather(*both)
    assert [each for each in outcomes if not isinstance(each, Changed)] == [Untaken.TEAM_LIMIT]


async def test_a_slot_counts_from_after_the_wait_for_the_locks(
    database: Database, dispatches: Dispatches, term: str, database_url: str, store_time: StoreTime
) -> None:
    job = await create(database)
    async with team_lock(database_url) as holder:
        taking = asyncio.create_task(dispatches.take(take_order(job, term)))
        await holder.until_blocked()
        await store_time.advance(7)
    taken = await taking
    assert isinstance(taken, Changed)
    assert taken.after.submit_time == store_time.now


async def test_every_active_state_holds_its_slot_and_a_wish_to_cancel_frees_none(
    database: Database, dispatches: Dispatches, term: str
) -> None:
    changes = Changes(database.controller, unobserved)
    for state in (State.SUBMITTING, State.PENDING, State.RUNNING, State.PAUSED):
        job = await dispatch(database, await create(database), term)
        if state is not State.SUBMITTING:
            await changes.change("ranking", job.id, moved(state, vertex_name=f"v/{state}"))
        await changes.change("ranking", job.id, lambda job, now: job.wish_cancel(time=now, actor="t"))
    last = await create(database)
    assert await dispatches.take(take_order(last, term, capacity=4)) is Untaken.POOL_FULL
    assert await dispatches.take(take_order(last, term, limit=4)) is Untaken.TEAM_LIMIT
    assert isinstance(await dispatches.take(take_order(last, term, capacity=5, limit=5)), Changed)


async def test_only_what_is_queued_is_taken_and_only_in_its_pool(
    database: Database, dispatches: Dispatches, term: str
) -> None:
    job = await create(database)
    assert await dispatches.take(take_order(job, term, pool=OTHER_POOL)) is Untaken.NOT_QUEUED
    assert await dispatches.take(take_order(job, term, id=1)) is Untaken.NOT_QUEUED
    assert await dispatches.take(take_order(job, term, team="nobody")) is Untaken.NOT_QUEUED
    await Changes(database.api, unobserved).change("ranking", job.id, moved(State.CANCELLED))
    assert await dispatches.take(take_order(job, term)) is Untaken.NOT_QUEUED


async def test_nothing_is_taken_under_a_term_that_is_over(
    database: Database, dispatches: Dispatches, term: str
) -> None:
    job = await create(database)
    with pytest.raises(LeaseLostError):
        await dispatches.take(take_order(job, "another"))
    with pytest.raises(LeaseLostError):
        await dispatches.level("another", [])
    assert await Reads(database.api).get("ranking", job.id) == job


async def test_a_dispatch_is_charged_at_once_and_the_end_puts_in_what_was_used(
    database: Database, dispatches: Dispatches, term: str, store_time: StoreTime
) -> None:
    job = await dispatch(database, await create(database), term, charge=1800.0, weight=2.0)
    await create(database)
    assert await share_of(dispatches) == Share(1800.0)
    changes = Changes(database.controller, unobserved)
    await changes.change("ranking", job.id, moved(State.RUNNING, vertex_name="v"))
    await store_time.advance(600)
    await changes.change("ranking", job.id, moved(State.SUCCEEDED))
    assert await share_of(dispatches) == Share(300.0, mean_run=600.0)


async def test_what_is_put_back_pays_its_time_and_says_nothing_of_run_times(
    database: Database, dispatches: Dispatches, term: str, store_time: StoreTime
) -> None:
    job = await dispatch(database, await create(database), term, charge=3600.0)
    await store_time.advance(20)
    changes = Changes(database.controller, unobserved)
    await changes.change("ranking", job.id, moved(State.QUEUED))
    assert await share_of(dispatches) == Share(20.0)
    again = await dispatch(database, job, term, charge=3600.0, attempt_id="second")
    assert again.attempt_count == 2
    await store_time.advance(5)
    await changes.change("ranking", job.id, moved(State.FAILED))
    await create(database)
    assert await share_of(dispatches) == Share(25.0)


async def test_what_is_adopted_from_the_queue_is_charged_for_what_it_uses(
    database: Database, dispatches: Dispatches, term: str, store_time: StoreTime
) -> None:
    job = await create(database)
    changes = Changes(database.controller, unobserved)
    await changes.change("ranking", job.id, moved(State.RUNNING, vertex_name="v"))
    await store_time.advance(100)
    await changes.change("ranking", job.id, moved(State.SUCCEEDED))
    await create(database)
    assert await share_of(dispatches) == Share(100.0, mean_run=100.0)


async def test_levelling_adds_differences_and_remembers_standings(
    database: Database, dispatches: Dispatches, term: str
) -> None:
    await create(database)
    await create(database, team="ads")
    await dispatches.level(term, [Shift(POOL, "ranking", 500.0, Standing.CONTENDING)])
    both = [Shift(POOL, "ads", 20.0, Standing.BLOCKED), Shift(POOL, "ranking", -120.0, Standing.IDLE)]
    await dispatches.level(term, both)
    assert await share_of(dispatches) == Share(380.0, standing=Standing.IDLE)
    assert await share_of(dispatches, "ads") == Share(20.0, standing=Standing.BLOCKED)


async def test_a_snapshot_counts_every_pool_and_reads_one_head_and_as_many_as_slots_are_free(
    database: Database, dispatches: Dispatches, term: str
) -> None:
    low = [await create(database, spec=with_priority(10)) for _ in range(3)]
    high = [await create(database, spec=with_priority(90)) for _ in range(2)]
    await dispatch(database, low[0], term)
    oldest = await create(database, team="ads", pool=OTHER_POOL)
    await create(database, team="ads", pool=OTHER_POOL)
    snapshot = await dispatches.snapshot({POOL: 4, OTHER_POOL: 0})
    by_key = {(c.pool, c.team): c for c in snapshot.contenders}
    ranking = by_key[POOL, "ranking"]
    assert (ranking.active, ranking.backlogged) == (1, True)
    assert [head.id for head in ranking.heads] == [high[0].id, high[1].id, low[1].id]
    assert [head.id for head in by_key[OTHER_POOL, "ads"].heads] == [oldest.id]
    assert (snapshot.active_in(POOL), snapshot.active_of("ranking")) == (1, 1)
    assert await Reads(database.api).active_by_team() == {"ranking": 1}
    explained = await Reads(database.api).contenders(POOL, 100)
    queue = [high[0].id, high[1].id, low[1].id, low[2].id]
    assert [[head.id for head in c.heads] for c in explained] == [[oldest.id], queue]


async def test_a_snapshot_is_of_one_moment(database: Database, dispatches: Dispatches, database_url: str) -> None:
    """It is held up between its counts and its heads, and another batch job goes to the front of the queue."""
    first = await create(database)
    async with holding(database_url, "LOCK TABLE shares IN ACCESS EXCLUSIVE MODE") as holder:
        looking = asyncio.create_task(dispatches.snapshot({POOL: 8}))
        await holder.until_blocked()
        await create(database, spec=with_priority(100))
    (contender,) = (await looking).contenders
    assert [head.id for head in contender.heads] == [first.id]


async def test_a_probe_offers_each_team_s_least_refused(database: Database, dispatches: Dispatches, term: str) -> None:
    """Always the same head would shut a pool for ever."""
    often, never = await create(database, spec=with_priority(90)), await create(database)
    changes = Changes(database.controller, unobserved)
    await dispatch(database, often, term)
    await changes.change("ranking", often.id, refused)
    contenders: tuple[Contender, ...] = await dispatches.probes(POOL)
    assert [[(head.id, head.refusals) for head in c.heads] for c in contenders] == [[(never.id, 0)]]
    await changes.change("ranking", never.id, moved(State.CANCELLED))
    assert [[(head.id, head.refusals) for head in c.heads] for c in await dispatches.probes(POOL)] == [[(often.id, 1)]]


def refused(job: BatchJob, now: datetime) -> BatchJob:
    assert job.attempt is not None
    attempt = replace(job.attempt, outcome=AttemptOutcome.REFUSED, outcome_time=now)
    return job.move(State.QUEUED, time=now, reason="REFUSED", actor="t", attempts=(attempt,))


def with_priority(priority: int) -> Spec:
    return replace(SPEC, priority=priority)
