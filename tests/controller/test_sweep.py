"""The slow look: late duplicates are cancelled, counted, and take room until they are gone; clones are not ours."""

from typing import Any

import pytest

from gateway.domain.batch_job import BatchJob
from gateway.domain.states import State
from gateway.policy.model import Pool
from support.controller import CANCEL, CREATE, LIST, POOL, T_SECONDS, Replica, World, policy
from vertex_emulator import FaultKind


async def resubmitted(world: World) -> tuple[BatchJob, Replica]:
    """A batch job whose first create was proven absent, and which runs by its second."""
    job = await world.create()
    world.fault(CREATE, FaultKind.STATUS, code="UNAVAILABLE")
    leader = await world.lead()
    await leader.submit()
    await leader.scan()
    await world.advance(T_SECONDS)
    await leader.scan()
    await leader.submit()
    assert (await world.read(job)).attempt_count == 2
    return job, leader


@pytest.mark.parametrize("seen_by", ["sweep", "poll"])
async def test_a_late_duplicate_is_cancelled_and_counted_once(world: World, seen_by: str) -> None:
    job, leader = await resubmitted(world)
    kept = (await world.read(job)).vertex_name
    late = world.land(world.calls(CREATE)[0])

    look = leader.loops.sweep if seen_by == "sweep" else leader.loops.poll
    await look.run_once()
    await world.advance(10)
    await look.run_once()
    await look.run_once()

    assert late.state.name == "CANCELLED"
    assert leader.count("batchjobs_duplicates_total") == 1
    row = await world.read(job)
    assert (row.vertex_name, row.ended) == (kept, False)
    assert len(world.calls(CANCEL)) == 1


async def test_what_lands_after_its_batch_job_has_ended_is_cancelled(world: World) -> None:
    job = await world.create()
    world.fault(CREATE, FaultKind.STATUS, code="UNAVAILABLE")
    leader = await world.lead()
    await leader.submit()
    await world.want_cancel(job)
    await leader.scan()
    await world.advance(T_SECONDS)
    await leader.scan()
    assert await world.state(job) is State.CANCELLED

    late = world.land(world.calls(CREATE)[0])
    await leader.loops.sweep.run_once()
    await world.advance(10)

    assert late.state.name == "CANCELLED"
    assert leader.count("batchjobs_duplicates_total") == 1
    assert (await world.read(job)).vertex_name == ""


async def test_a_duplicate_takes_room_until_it_is_gone(world: World) -> None:
    world.policy.replace(policy(pools=(Pool(POOL, capacity=2),)))
    _, leader = await resubmitted(world)
    world.land(world.calls(CREATE)[0])
    world.fault(CANCEL, FaultKind.STATUS, code="UNAVAILABLE")
    waiting = await world.create()
    await leader.poll()
    await leader.submit()
    assert leader.term.state(POOL).strays == 1
    assert await world.state(waiting) is State.QUEUED

    await leader.poll()
    await world.advance(10)
    await leader.poll()
    await leader.submit()
    assert leader.term.state(POOL).strays == 0
    assert await world.state(waiting) is State.PENDING


async def test_a_duplicate_that_would_not_be_cancelled_is_asked_again(world: World) -> None:
    _, leader = await resubmitted(world)
    late = world.land(world.calls(CREATE)[0])
    world.fault(CANCEL, FaultKind.STATUS, code="UNAVAILABLE")

    await leader.loops.sweep.run_once()
    await leader.loops.sweep.run_once()
    await world.advance(10)

    assert late.state.name == "CANCELLED"
    assert leader.count("batchjobs_duplicates_total") == 1


async def test_of_two_that_are_found_for_one_the_older_is_kept(world: World) -> None:
    job = await world.create()
    world.fault(CREATE, FaultKind.DROP_ANSWER)
    leader = await world.lead()
    await leader.submit()
    first = world.vertex_job(job)
    second = world.clone(first)
    await world.advance(5)

    await leader.scan()
    await leader.loops.sweep.run_once()
    await world.advance(10)

    row = await world.read(job)
    kept, other = (first, second) if (first.id < second.id) else (second, first)
    assert row.vertex_name == kept.name or first.create_time != second.create_time
    assert {first.ended, second.ended} == {True, False}
    assert row.vertex_name == next(each.name for each in (first, second) if not each.ended)
    assert other is not kept


@pytest.mark.parametrize(
    "change",
    [
        lambda message: setattr(message, "model", "publishers/google/models/gemini-2.5-pro"),
        lambda message: message.labels.update(batchjobs_attempt="deadbeef"),
    ],
)
async def test_a_clone_is_neither_adopted_nor_cancelled(world: World, change: Any) -> None:
    job = await world.create()
    leader = await world.lead()
    await leader.submit()
    clone = world.clone(world.vertex_job(job), change)

    await leader.loops.sweep.run_once()
    await leader.poll()
    await world.advance(10)

    assert not clone.ended
    assert world.calls(CANCEL) == []
    assert leader.count("batchjobs_duplicates_total") == 0


async def test_what_no_row_is_left_for_takes_room_and_is_not_touched(world: World) -> None:
    job = await world.create()
    leader = await world.lead()
    await leader.submit()
    stray = world.clone(world.vertex_job(job), lambda message: message.labels.update(batchjobs_id="12345"))

    await leader.poll()

    assert leader.term.state(POOL).strays == 1
    assert not stray.ended
    assert world.calls(CANCEL) == []


async def test_a_scan_is_bounded_by_the_create_time_alone(world: World) -> None:
    """Labels are compared by us: a filter by label would hide what somebody relabelled, and what it hides is absent."""
    await world.create()
    leader = await world.lead()
    await leader.scan()
    (scan,) = world.calls(LIST)
    assert scan.request.filter.startswith("create_time>=")
    assert "AND" not in scan.request.filter
