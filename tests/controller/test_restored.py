"""A store that came back from a backup: what it has forgotten is looked for before anything is sent again."""

from datetime import timedelta
from typing import Any

import pytest
import structlog

from gateway.domain.batch_job import BatchJob
from gateway.domain.states import State
from gateway.policy.model import Pool
from gateway.store import migrate
from support.controller import CANCEL, CREATE, LIST, POOL, T_SECONDS, Replica, World, policy
from support.database import run_sql
from vertex_emulator import FaultKind

_BACKUP = "DROP TABLE IF EXISTS kept; CREATE TABLE kept AS TABLE batch_jobs"
_RESTORE = "DELETE FROM batch_jobs; INSERT INTO batch_jobs TABLE kept"


async def two_attempts(world: World) -> tuple[BatchJob, Replica]:
    """The first attempt was refused, then a backup was made; the second became a Vertex job."""
    job = await world.create()
    world.fault(CREATE, FaultKind.STATUS, code="RESOURCE_EXHAUSTED")
    leader = await world.lead()
    await leader.submit()
    await run_sql(world.url, _BACKUP)
    await world.advance(10)
    await leader.submit()
    assert (await world.read(job)).attempt_count == 2
    return job, leader


async def restore(world: World, *, declared: bool = True) -> Replica:
    """The backup is put back, the operator says so, and a leader begins."""
    await run_sql(world.url, _RESTORE)
    if declared:
        await migrate.restored(world.url)
    return await world.usurp()


async def passes(world: World, leader: Replica, seconds: float) -> None:
    """Passes until so many seconds have gone by."""
    for _ in range(10):
        await leader.submit()
        await world.advance(seconds / 10)
    await leader.submit()


async def test_a_row_restored_to_between_two_attempts_adopts_the_second_s_vertex_job(world: World) -> None:
    job, _ = await two_attempts(world)
    leader = await restore(world)
    assert [each.number for each in (await world.read(job)).attempts] == [1], "it knows the first alone"

    await passes(world, leader, 2 * T_SECONDS)

    assert (await world.read(job)).vertex_name == world.vertex_job(job).name
    assert len(world.calls(CREATE)) == 2


async def test_by_its_known_attempts_alone_it_would_be_sent_a_third_time(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And the second's Vertex job would run on, named by no row."""
    job, _ = await two_attempts(world)
    leader = await restore(world)
    monkeypatch.setattr(leader.term, "lost", ())

    await passes(world, leader, 2 * T_SECONDS)

    assert len(world.calls(CREATE)) == 3
    assert len([each for each in world.vertex_jobs() if each.message.labels["batchjobs_id"] == str(job.id)]) == 2


async def test_nothing_is_sent_before_T_has_passed_since_the_restore(world: World) -> None:  # noqa: N802 - T is a name
    """A list may not show yet what was sent just before; until it must, the first scan proves nothing."""
    job, _ = await two_attempts(world)
    world.fault(LIST, FaultKind.LIST_LAG, seconds=60, times=None)
    leader = await restore(world)

    await passes(world, leader, T_SECONDS - 1)
    await passes(world, leader, T_SECONDS)

    assert (await world.read(job)).vertex_name == world.vertex_job(job).name
    assert len(world.calls(CREATE)) == 2


async def test_what_was_queued_is_sent_once_T_has_passed(world: World) -> None:  # noqa: N802 - T is a name
    job = await world.create()
    await run_sql(world.url, _BACKUP)
    leader = await restore(world)
    await passes(world, leader, T_SECONDS - 1)
    assert world.calls(CREATE) == []

    await passes(world, leader, 10)

    assert await world.state(job) is State.PENDING
    assert len(world.calls(LIST)) < 30, "waiting for T does not mean scanning all the while"


async def test_a_late_one_of_a_forgotten_attempt_is_cancelled_and_counted(world: World) -> None:
    """It lands when the batch job has long been sent again."""
    job = await world.create()
    world.fault(CREATE, FaultKind.STATUS, code="RESOURCE_EXHAUSTED")
    first = await world.lead()
    await first.submit()
    await run_sql(world.url, _BACKUP)
    world.fault(CREATE, FaultKind.STATUS, code="UNAVAILABLE")
    await world.advance(10)
    await first.submit()
    leader = await restore(world)
    await passes(world, leader, 2 * T_SECONDS)
    assert (await world.read(job)).attempt_count == 2

    world.land(world.calls(CREATE)[1])
    await leader.loops.sweep.run_once()

    alive = [each for each in world.vertex_jobs() if not each.ended and each.state.name != "CANCELLING"]
    assert [each.name for each in alive] == [(await world.read(job)).vertex_name]
    assert leader.count("batchjobs_duplicates_total") == 1


async def test_what_the_backup_has_forgotten_altogether_takes_room_is_named_and_is_not_touched(world: World) -> None:
    """A batch job that was created and sent after the backup: there is no row to say whose its Vertex job is."""
    world.policy.replace(policy(pools=(Pool(POOL, capacity=1),)))
    await run_sql(world.url, _BACKUP)
    job = await world.create()
    await (await world.lead()).submit()
    stray = world.vertex_job(job)
    leader = await restore(world)
    waiting = await world.create()

    with structlog.testing.capture_logs() as logs:
        await leader.poll()
        await passes(world, leader, 2 * T_SECONDS)
        await leader.loops.sweep.run_once()
        await leader.loops.gauges.run_once()

    (told,) = [each for each in logs if each["event"] == "vertex_job_without_row"]
    assert (told["vertex_job"], told["labels"]["batchjobs_id"]) == (stray.name, str(job.id))
    assert not stray.ended
    assert world.calls(CANCEL) == []
    assert leader.count("batchjobs_duplicates_total") == 0
    assert leader.count("batchjobs_pool_others", pool=str(POOL)) == 1
    assert await world.state(waiting) is State.QUEUED

    await world.advance(3600)
    assert stray.ended
    await leader.poll()
    await leader.submit()
    assert await world.state(waiting) is State.PENDING


def _attempt(message: Any) -> None:
    message.labels.update(batchjobs_attempt="deadbeef")


def _elsewhere(message: Any) -> None:
    _attempt(message)
    message.output_config.gcs_destination.output_uri_prefix = "gs://ranking-out/other"


async def test_without_a_restore_an_attempt_that_no_row_knows_is_nobodys(world: World) -> None:
    job, leader = await two_attempts(world)
    copy = world.clone(world.vertex_job(job), _attempt)
    await leader.loops.sweep.run_once()
    assert not copy.ended
    assert leader.count("batchjobs_duplicates_total") == 0


@pytest.mark.parametrize(("after", "change"), [(0.0, _elsewhere), (T_SECONDS + 400.0, _attempt)])
async def test_after_a_restore_a_clone_is_still_nobodys(world: World, after: float, change: Any) -> None:
    """One that says something else, or one that was made when everything lost must have been shown."""
    job, _ = await two_attempts(world)
    leader = await restore(world)
    await passes(world, leader, 2 * T_SECONDS)
    await world.advance(after)
    copy = world.clone(world.vertex_job(job), change)

    await leader.loops.sweep.run_once()

    assert not copy.ended
    assert leader.count("batchjobs_duplicates_total") == 0


async def test_the_schema_of_the_version_before_has_no_restores(world: World) -> None:
    await run_sql(world.url, "DROP TABLE restores")
    job = await world.create()
    await (await world.lead()).submit()
    assert await world.state(job) is State.PENDING


async def test_a_restore_says_how_far_the_backup_reaches(world: World) -> None:
    job = await world.create()
    kept = (await world.read(job)).update_time
    await world.advance(100)
    await migrate.restored(world.url)
    leader = await world.lead()
    (restore,) = await leader.term.store.scanning.restores()
    assert (restore.kept_until, restore.declare_time) == (kept, world.time.now())
    (lost,) = leader.term.lost
    assert lost.since == kept - timedelta(minutes=5)
