"""Delete and retention: the Vertex job goes first, then the row, and a watcher that resumes can still learn of it."""

import asyncio
from datetime import timedelta

from gateway.domain.batch_job import BatchJob
from gateway.domain.states import State
from support.controller import DELETE, GET, OTHER_POOL, POOL, Replica, World
from vertex_emulator import FaultKind


async def ended(world: World, count: int = 1) -> tuple[list[BatchJob], Replica]:
    """Batch jobs that succeeded, and their leader."""
    jobs = [await world.create(name=f"job-{turn}") for turn in range(count)]
    leader = await world.lead(delete_retry=timedelta(seconds=60))
    await leader.submit()
    await world.advance(4000)
    await leader.poll()
    assert {await world.state(job) for job in jobs} == {State.SUCCEEDED}
    return jobs, leader


async def delete(world: World, leader: Replica) -> None:
    await world.advance_until(leader.loops.delete.run_once(), step=10)


async def rows(world: World) -> int:
    async with world.database.controller.session("test") as session:
        count: int = await session.value("SELECT count(*) FROM batch_jobs")
    return count


async def test_the_vertex_job_of_a_deleted_batch_job_goes(world: World) -> None:
    (job,), leader = await ended(world)
    await world.want_delete(job)

    await delete(world, leader)

    assert world.vertex_jobs() == []
    world.emulator.calls.clear()
    await delete(world, leader)
    assert world.calls(DELETE) == [], "once is enough"


async def test_what_is_not_deleted_is_left_alone(world: World) -> None:
    _, leader = await ended(world)
    await delete(world, leader)
    assert len(world.vertex_jobs()) == 1


async def test_a_vertex_job_that_is_gone_already_counts_as_deleted(world: World) -> None:
    (job,), leader = await ended(world)
    world.emulator.jobs.remove(world.vertex_job(job))
    await world.want_delete(job)

    await delete(world, leader)

    assert await leader.setting.store.tombstones.pools() == frozenset()


async def test_a_delete_that_fails_is_tried_again_and_stops_no_other(world: World) -> None:
    (bad, good), leader = await ended(world, 2)
    for job in (bad, good):
        await world.want_delete(job)
    world.fault(DELETE, FaultKind.STATUS, code="INTERNAL", display_name="job-0")

    await delete(world, leader)
    assert [each.message.display_name for each in world.vertex_jobs()] == ["job-0"]

    await world.advance(61)
    await delete(world, leader)
    assert world.vertex_jobs() == []


async def test_what_still_runs_on_vertex_is_cancelled_before_it_is_deleted(world: World) -> None:
    """A name that came to light after the row had ended."""
    job = await world.create()
    leader = await world.lead()
    await leader.submit()
    await world.change(job, lambda row, now: row.move(State.FAILED, time=now, reason="T", actor="t", end_time=now))
    await world.want_delete(job)

    await delete(world, leader)
    await world.advance(61)
    await delete(world, leader)

    assert world.vertex_jobs() == []


async def test_a_tombstone_is_purged_when_its_vertex_job_is_gone_and_the_window_has_passed(world: World) -> None:
    (job,), leader = await ended(world)
    await world.want_delete(job)
    await leader.loops.retain.run_once()
    await world.advance(24 * 3600 - 60)
    await delete(world, leader)
    await leader.loops.retain.run_once()
    assert await rows(world) == 1, "a watcher may still resume from before"

    await world.advance(120)
    await leader.loops.retain.run_once()
    assert await rows(world) == 0


async def test_a_tombstone_stays_while_its_vertex_job_does(world: World) -> None:
    (job,), leader = await ended(world)
    await world.want_delete(job)
    world.fault(DELETE, FaultKind.STATUS, code="UNAVAILABLE", times=None)
    await delete(world, leader)
    await world.advance(48 * 3600)

    await leader.loops.retain.run_once()

    assert await rows(world) == 1


async def test_retention_deletes_as_a_caller_would(world: World) -> None:
    (job,), leader = await ended(world)
    row = await world.read(job)
    assert row.end_time
    assert row.expire_time == row.end_time + timedelta(days=30)

    await leader.loops.retain.run_once()
    assert (await world.read(job)).delete_time is None
    await world.advance(30 * 24 * 3600)
    await leader.loops.retain.run_once()
    assert (await world.read(job)).delete_time == world.time.now()
    await delete(world, leader)

    assert world.vertex_jobs() == []
    assert world.calls(GET)


async def test_a_pool_that_does_not_answer_holds_up_no_other_pools_deletes(world: World) -> None:
    (job,), leader = await ended(world)
    await world.want_delete(job)
    world.fault(DELETE, FaultKind.HANG, region=POOL.region)
    other = await world.create(pool=OTHER_POOL)
    await leader.submit()
    await world.advance(4000)
    await leader.poll()
    await world.want_delete(other)

    deleting = asyncio.ensure_future(leader.loops.delete.run_once())
    await world.emulator.calls.wait_for(lambda call: call.method == DELETE and call.code == "OK")
    await world.advance_until(world.called("GetOperation"))

    assert not deleting.done()
    await world.advance_until(deleting, step=30)
    assert [each.place.region for each in world.vertex_jobs()] == [POOL.region]
