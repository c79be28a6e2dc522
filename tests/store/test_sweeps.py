"""What the loops find, and how deleted batch jobs come to their end."""

from dataclasses import replace
from datetime import timedelta

import pytest

from gateway.domain.batch_job import BatchJob
from gateway.domain.states import State
from gateway.errors import GatewayError, Reason
from gateway.store.changes import Changes
from gateway.store.creates import Creates
from gateway.store.database import Database
from gateway.store.errors import LeaseLostError
from gateway.store.lease import Lease
from gateway.store.pools import Pools
from gateway.store.reads import Reads
from gateway.store.scans import Scanning
from gateway.store.sweeps import Sweeps
from support.database import StoreTime
from support.store import OTHER_POOL, POOL, allow, create, dispatch, moved, new_batch_job, unobserved

WINDOW = timedelta(hours=24)


@pytest.fixture
async def term(database: Database, store_time: StoreTime) -> str:
    held = await Lease(database.lease, store_time.clock, holder="x", duration=timedelta(days=3650)).acquire()
    assert held is not None
    return held.term


@pytest.fixture
def sweeps(database: Database) -> Sweeps:
    return Sweeps(database.controller)


@pytest.fixture
def changes(database: Database) -> Changes:
    return Changes(database.controller, unobserved)


async def ended(database: Database, **named: object) -> BatchJob:
    """One that has ended; `vertex_name` if it has a Vertex job."""
    vertex_name = str(named.pop("vertex_name", ""))
    job = await create(database, **named)
    changed = await Changes(database.controller, unobserved).change(
        job.team, job.id, moved(State.SUCCEEDED, vertex_name=vertex_name)
    )
    assert changed is not None
    return changed.after


async def deleted(database: Database, **named: object) -> BatchJob:
    job = await ended(database, **named)
    changed = await Changes(database.controller, unobserved).change(
        job.team, job.id, lambda job, now: job.evolve(delete_time=now)
    )
    assert changed is not None
    return changed.after


async def test_pools_with_anything_open_are_found_even_if_no_policy_names_them(
    database: Database, sweeps: Sweeps
) -> None:
    await create(database, pool=OTHER_POOL)
    await ended(database, pool=POOL)
    assert await sweeps.open_pools() == (OTHER_POOL,)


async def test_active_ones_are_those_that_hold_a_slot(
    database: Database, sweeps: Sweeps, changes: Changes, term: str
) -> None:
    await create(database)
    await ended(database)
    submitting = await dispatch(database, await create(database), term)
    wished = await changes.change("ranking", submitting.id, lambda job, now: job.wish_cancel(time=now, actor="t"))
    assert wished is not None
    assert await sweeps.active(POOL) == (wished.after,)
    assert await sweeps.active(OTHER_POOL) == ()
    assert await sweeps.by_id([submitting.id, 7]) == {submitting.id: wished.after}


async def test_queue_deadlines_are_met_in_order_and_only_by_what_is_queued(
    database: Database, sweeps: Sweeps, store_time: StoreTime, term: str
) -> None:
    late = await create(database, max_queue_duration=timedelta(hours=2))
    soon = await create(database, max_queue_duration=timedelta(hours=1))
    await create(database)
    await dispatch(database, await create(database, max_queue_duration=timedelta(minutes=1)), term)
    assert await sweeps.past_deadline(10) == ()
    await store_time.advance(timedelta(hours=1))
    assert await sweeps.past_deadline(10) == (soon,)
    await store_time.advance(timedelta(hours=1))
    assert await sweeps.past_deadline(10) == (soon, late)
    assert await sweeps.past_deadline(1) == (soon,)


async def test_retention_finds_what_has_passed_its_time_until_it_is_deleted(
    database: Database, sweeps: Sweeps, changes: Changes, store_time: StoreTime
) -> None:
    job = await ended(database)
    kept = await changes.change("ranking", job.id, lambda job, now: job.evolve(expire_time=now + timedelta(days=30)))
    assert kept is not None
    assert await sweeps.past_retention(10) == ()
    await store_time.advance(timedelta(days=30))
    assert await sweeps.past_retention(10) == (kept.after,)
    await changes.change("ranking", job.id, lambda job, now: job.evolve(delete_time=now))
    assert await sweeps.past_retention(10) == ()


async def test_a_tombstone_asks_for_its_vertex_job_to_go_and_takes_no_revision_when_it_has(
    database: Database, sweeps: Sweeps, term: str
) -> None:
    await deleted(database)
    tombstone = await deleted(database, vertex_name="v/1")
    assert await sweeps.to_delete(10) == (tombstone,)
    before = await Reads(database.api).feed("ranking")
    await sweeps.vertex_deleted(term, "ranking", tombstone.id)
    assert await sweeps.to_delete(10) == ()
    assert await Reads(database.api).feed("ranking") == before


async def test_a_tombstone_is_purged_when_its_vertex_job_is_gone_and_the_resume_window_has_passed(
    database: Database, sweeps: Sweeps, store_time: StoreTime, term: str
) -> None:
    bare = await deleted(database)
    named = await deleted(database, vertex_name="v/1")
    alive = await ended(database)
    assert await sweeps.purge(term, WINDOW, 10) == 0
    await store_time.advance(WINDOW)
    assert await sweeps.purge(term, WINDOW, 10) == 1
    assert set(await sweeps.by_id([bare.id, named.id, alive.id])) == {named.id, alive.id}
    await sweeps.vertex_deleted(term, "ranking", named.id)
    assert await sweeps.purge(term, WINDOW, 10) == 1
    assert set(await sweeps.by_id([bare.id, named.id, alive.id])) == {alive.id}


async def test_a_purge_leaves_word_up_to_which_revision_resume_tokens_are_too_old(
    database: Database, sweeps: Sweeps, store_time: StoreTime, term: str
) -> None:
    tombstone = await deleted(database)
    await deleted(database, team="ads")
    await create(database)
    await store_time.advance(WINDOW)
    assert await sweeps.purge(term, WINDOW, 10) == 2
    feed = await Reads(database.api).feed("ranking")
    assert (feed.purged_revision, feed.revision) == (tombstone.revision, tombstone.revision + 1)


async def test_a_request_id_outlives_its_batch_job_and_is_kept_thirty_days(
    database: Database, sweeps: Sweeps, store_time: StoreTime, term: str
) -> None:
    creates = Creates(database, unobserved)
    new = new_batch_job(request_id="once", content_hash="same")
    await deleted(database, request_id="once", content_hash="same")
    await store_time.advance(timedelta(days=2))
    await sweeps.purge(term, WINDOW, 10)
    await store_time.advance(timedelta(days=27, hours=23))
    assert await sweeps.purge_request_ids(term, 10) == 0
    with pytest.raises(GatewayError) as refusal:
        await creates.admit(new, allow)
    assert refusal.value.reason is Reason.NOT_FOUND
    await store_time.advance(timedelta(hours=1))
    assert await sweeps.purge_request_ids(term, 10) == 1
    assert not (await creates.admit(new, allow)).replayed


async def test_a_request_id_is_kept_as_long_as_its_batch_job_however_old(
    database: Database, sweeps: Sweeps, store_time: StoreTime, term: str
) -> None:
    job = await ended(database, request_id="once", content_hash="same")
    await store_time.advance(timedelta(days=400))
    assert await sweeps.purge_request_ids(term, 10) == 0
    assert await Reads(database.api).replay("ranking", "once", "same") == job


async def test_nothing_is_purged_under_a_term_that_is_over(
    database: Database, sweeps: Sweeps, store_time: StoreTime, term: str
) -> None:
    tombstone = await deleted(database, vertex_name="v")
    await deleted(database)
    await store_time.advance(WINDOW)
    for write in (
        sweeps.purge("another", WINDOW, 10),
        sweeps.vertex_deleted("another", "ranking", tombstone.id),
        sweeps.purge_request_ids("another", 10),
    ):
        with pytest.raises(LeaseLostError):
            await write


async def test_the_census_counts_open_ones_by_shown_state_and_knows_the_oldest(
    database: Database, sweeps: Sweeps, changes: Changes, store_time: StoreTime, term: str
) -> None:
    start = store_time.now
    await create(database)
    await ended(database)
    await store_time.advance(60)
    await create(database)
    job = await dispatch(database, await create(database), term)
    await store_time.advance(60)
    await changes.change("ranking", job.id, lambda job, now: job.wish_cancel(time=now, actor="t"))
    census = {entry.state: (entry.count, entry.oldest_time - start) for entry in await sweeps.census()}
    assert census == {State.QUEUED: (2, timedelta(0)), State.CANCELLING: (1, timedelta(minutes=2))}


async def test_a_scan_reaches_back_to_the_oldest_without_a_vertex_job(
    database: Database, changes: Changes, store_time: StoreTime
) -> None:
    scanning = Scanning(database.controller)
    named = await create(database)
    await changes.change("ranking", named.id, moved(State.RUNNING, vertex_name="v"))
    assert (await scanning.horizon(POOL)).oldest_unnamed is None
    await store_time.advance(60)
    oldest = await create(database)
    await store_time.advance(60)
    await create(database)
    horizon = await scanning.horizon(POOL)
    assert (horizon.now, horizon.oldest_unnamed) == (store_time.now, oldest.create_time)
    assert await scanning.now() == store_time.now


async def test_pools_are_written_under_the_fence_and_read_by_anybody(
    database: Database, store_time: StoreTime, term: str
) -> None:
    pools = Pools(database.controller)
    probe = store_time.now + timedelta(seconds=30)
    written = await pools.write(
        term,
        POOL,
        lambda state, _: replace(state, capacity=8, gate_open=False, gate_reason="X", next_probe_time=probe),
    )
    assert (written.capacity, written.gate_open, written.update_time) == (8, False, store_time.now)
    again = await pools.write(term, POOL, lambda state, now: replace(state, others=2, last_scan_time=now))
    assert (again.capacity, again.others, again.next_probe_time) == (8, 2, probe)
    assert await Pools(database.api).all() == {POOL: again}
    with pytest.raises(LeaseLostError):
        await pools.write("another", POOL, lambda state, _: state)


async def test_a_pool_that_was_only_locked_says_nothing(database: Database, term: str) -> None:
    await dispatch(database, await create(database), term)
    assert await Pools(database.api).all() == {}
