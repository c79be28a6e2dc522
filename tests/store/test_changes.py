"""The one write path: guarded, revisions without gaps, the fence where it is asked for and nowhere else."""

import asyncio
from datetime import datetime, timedelta

import pytest

from gateway.domain.batch_job import BatchJob
from gateway.domain.states import State
from gateway.errors import GatewayError, Reason
from gateway.store.changes import Changes
from gateway.store.database import Database
from gateway.store.errors import LeaseLostError, StoreBusyError
from gateway.store.lease import Held, Lease
from gateway.store.model import Changed
from gateway.store.reads import Reads
from support.blocking import team_lock
from support.database import StoreTime
from support.store import create, dispatch, moved, unobserved


def leave(_job: BatchJob, _now: datetime) -> None:
    """A guard that does not match."""


@pytest.fixture
async def lease(database: Database, store_time: StoreTime) -> Lease:
    return Lease(database.lease, store_time.clock, holder="one", duration=timedelta(seconds=10))


@pytest.fixture
async def held(lease: Lease) -> Held:
    taken = await lease.acquire()
    assert taken is not None
    return taken


async def test_a_change_is_written_with_the_next_revision_and_told_once(
    database: Database, store_time: StoreTime
) -> None:
    other, job = await create(database), await create(database)
    told: list[tuple[BatchJob | None, BatchJob]] = []
    changes = Changes(database.controller, lambda before, after: told.append((before, after)))
    await store_time.advance(60)
    changed = await changes.change("ranking", job.id, moved(State.RUNNING, vertex_name="v"))
    assert isinstance(changed, Changed)
    assert changed.before == job
    assert (changed.after.state, changed.after.revision, changed.after.update_time) == (
        State.RUNNING,
        3,
        store_time.now,
    )
    assert changed.after.transitions[-1].revision == 3
    assert told == [(job, changed.after)]
    assert await changes.read("ranking", job.id) == changed.after
    assert await changes.read("ranking", other.id) == other


async def test_a_guard_that_does_not_match_takes_no_revision(database: Database) -> None:
    job = await create(database)
    told: list[BatchJob] = []
    changes = Changes(database.controller, lambda _, after: told.append(after))
    assert await changes.change("ranking", job.id, leave) is None
    assert await changes.change("ranking", 1, moved(State.CANCELLED)) is None
    assert await changes.change("nobody", job.id, moved(State.CANCELLED)) is None
    assert (await Reads(database.api).feed("ranking")).revision == 1
    assert told == []


async def test_another_team_cannot_change_a_batch_job_by_its_id(database: Database) -> None:
    job = await create(database)
    await create(database, team="ads")
    assert await Changes(database.controller, unobserved).change("ads", job.id, moved(State.CANCELLED)) is None
    assert await Reads(database.api).get("ads", job.id) is None


async def test_revisions_have_no_gaps_however_many_write_at_once(database: Database) -> None:
    jobs = [await create(database) for _ in range(8)]
    changes = Changes(database.api, unobserved)
    mixed = [
        changes.change("ranking", job.id, moved(State.CANCELLED) if i % 2 else leave) for i, job in enumerate(jobs)
    ]
    await asyncio.gather(*mixed, *(create(database) for _ in range(8)))
    page = await Reads(database.api).changes("ranking", 0, 100)
    assert page.through == 8 + 4 + 8
    assert sorted(job.revision for job in page.jobs) == [r for r in range(1, 21) if r not in {2, 4, 6, 8}]
    every = sorted(entry.revision for job in page.jobs for entry in job.transitions)
    assert every == list(range(1, 21))


async def test_a_change_decides_on_the_row_as_it_is_after_the_wait(
    database: Database, database_url: str, store_time: StoreTime
) -> None:
    """Both see QUEUED before they wait; only the first may cancel it."""
    job = await create(database)
    seen: list[tuple[State, datetime]] = []

    def cancel_queued(job: BatchJob, now: datetime) -> BatchJob | None:
        seen.append((job.state, now))
        return job.move(State.CANCELLED, time=now, reason="X", actor="t") if job.state is State.QUEUED else None

    changes = Changes(database.api, unobserved)
    async with team_lock(database_url) as holder:
        both = [asyncio.create_task(changes.change("ranking", job.id, cancel_queued)) for _ in range(2)]
        await holder.until_blocked(2)
        await store_time.advance(30)
    outcomes = await asyncio.gather(*both)
    assert sorted(outcome is None for outcome in outcomes) == [False, True]
    assert seen == [(State.QUEUED, store_time.now), (State.CANCELLED, store_time.now)]


async def test_the_fence_lets_nothing_through_once_the_term_has_expired(
    database: Database, store_time: StoreTime, held: Held
) -> None:
    """Nobody has taken over yet. A busy old leader could otherwise put a takeover off for ever."""
    job = await create(database)
    await store_time.advance(10)
    with pytest.raises(LeaseLostError):
        await Changes(database.controller, unobserved).change("ranking", job.id, moved(State.CANCELLED), term=held.term)
    assert await Reads(database.api).get("ranking", job.id) == job


async def test_the_fence_lets_nothing_through_under_another_term(
    database: Database, store_time: StoreTime, lease: Lease, held: Held
) -> None:
    job = await create(database)
    await store_time.advance(10)
    new = await lease.acquire()
    assert new is not None
    changes = Changes(database.controller, unobserved)
    with pytest.raises(LeaseLostError):
        await changes.change("ranking", job.id, moved(State.CANCELLED), term=held.term)
    assert await changes.change("ranking", job.id, moved(State.CANCELLED), term=new.term) is not None


async def test_a_vertex_name_is_recorded_under_any_term_and_after_a_wish_to_cancel(
    database: Database, store_time: StoreTime, held: Held
) -> None:
    job = await dispatch(database, await create(database), held.term)
    changes = Changes(database.controller, unobserved)
    await changes.change("ranking", job.id, lambda job, now: job.wish_cancel(time=now, actor="caller"))
    await store_time.advance(3600)
    assert job.attempt is not None
    recorded = await changes.record("ranking", job.id, job.attempt.id, moved(State.PENDING, vertex_name="v/1"))
    assert recorded is not None
    assert (recorded.after.vertex_name, recorded.after.shown_state) == ("v/1", State.CANCELLING)


async def test_a_vertex_name_is_recorded_only_for_the_latest_attempt_and_only_once(
    database: Database, held: Held
) -> None:
    job = await dispatch(database, await create(database), held.term)
    changes = Changes(database.controller, unobserved)
    assert job.attempt is not None
    name = moved(State.PENDING, vertex_name="v/1")
    assert await changes.record("ranking", job.id, "another", name) is None
    assert await changes.record("ranking", job.id, job.attempt.id, name) is not None
    again = await changes.record("ranking", job.id, job.attempt.id, moved(State.RUNNING, vertex_name="v/2"))
    assert again is None
    row = await changes.read("ranking", job.id)
    assert row is not None
    assert row.vertex_name == "v/1"


async def test_what_is_locked_the_controller_leaves_for_its_next_pass_and_callers_are_told_to_wait(
    database: Database, database_url: str
) -> None:
    job = await create(database)
    usual = await Database.open(database_url)
    async with team_lock(database_url):
        with pytest.raises(StoreBusyError):
            await Changes(usual.controller, unobserved).change("ranking", job.id, moved(State.CANCELLED))
        with pytest.raises(GatewayError) as refusal:
            await Changes(usual.api, unobserved).change("ranking", job.id, moved(State.CANCELLED))
    await usual.close()
    assert refusal.value.reason is Reason.OVERLOADED
    assert refusal.value.retry_after is not None


async def test_an_observer_that_fails_does_not_undo_or_hide_a_commit(database: Database) -> None:
    job = await create(database)

    def broken(_before: BatchJob | None, _after: BatchJob) -> None:
        raise RuntimeError("a metric is broken")

    changed = await Changes(database.controller, broken).change("ranking", job.id, moved(State.CANCELLED))
    assert changed is not None
    assert (await Reads(database.api).feed("ranking")).revision == 2
