"""A cancel is a wish: Vertex is asked until an end is seen, and what was never there is never sent again."""

import pytest

from gateway.domain.states import State
from support.controller import CANCEL, CREATE, T_SECONDS, World
from vertex_emulator import FaultKind


async def test_what_vertex_has_is_cancelled_there(world: World) -> None:
    job = await world.create()
    leader = await world.lead()
    await leader.submit()
    await world.want_cancel(job)

    await leader.loops.cancel.run_once()
    assert (await world.read(job)).shown_state is State.CANCELLING
    await world.advance(10)
    await leader.poll()

    row = await world.read(job)
    assert row.state is State.CANCELLED
    assert row.end_time
    assert row.expire_time


async def test_vertex_is_asked_again_until_an_end_is_seen(world: World) -> None:
    job = await world.create()
    leader = await world.lead()
    await leader.submit()
    await world.want_cancel(job)
    world.fault(CANCEL, FaultKind.STATUS, code="UNAVAILABLE")
    await leader.loops.cancel.run_once()
    assert not world.vertex_job(job).ended

    await leader.loops.cancel.run_once()
    assert len(world.calls(CANCEL)) == 2, "what failed is tried again at the next pass"
    await leader.loops.cancel.run_once()
    assert len(world.calls(CANCEL)) == 2, "what was heard is given time"
    await world.advance(31)
    await leader.loops.cancel.run_once()
    assert len(world.calls(CANCEL)) == 3, "and asked for again while no end is seen"


async def test_success_may_still_win(world: World) -> None:
    job = await world.create()
    leader = await world.lead()
    await leader.submit()
    await world.want_cancel(job)
    await world.advance(4000)

    await leader.loops.cancel.run_once()
    await leader.poll()

    assert await world.state(job) is State.SUCCEEDED


async def test_a_cancel_while_submitting_cancels_what_is_found(world: World) -> None:
    job = await world.create()
    world.fault(CREATE, FaultKind.DROP_ANSWER)
    leader = await world.lead()
    await leader.submit()
    await world.want_cancel(job)
    await leader.loops.cancel.run_once()
    assert (await world.read(job)).state is State.SUBMITTING

    await leader.scan()
    await leader.loops.cancel.run_once()
    await world.advance(10)
    await leader.poll()

    assert await world.state(job) is State.CANCELLED
    assert world.vertex_job(job).state.name == "CANCELLED"
    assert len(world.calls(CREATE)) == 1


async def test_a_cancel_while_submitting_ends_what_is_proven_absent(world: World) -> None:
    job = await world.create()
    world.fault(CREATE, FaultKind.STATUS, code="UNAVAILABLE")
    leader = await world.lead()
    await leader.submit()
    await world.want_cancel(job)
    await leader.scan()
    assert await world.state(job) is State.SUBMITTING
    await world.advance(T_SECONDS)
    await leader.scan()
    await leader.submit()

    row = await world.read(job)
    assert (row.state, row.attempt_count) == (State.CANCELLED, 1)
    assert len(world.calls(CREATE)) == 1, "it is never sent again"


@pytest.mark.parametrize("code", ["RESOURCE_EXHAUSTED", "PERMISSION_DENIED", "INVALID_ARGUMENT"])
async def test_a_cancel_while_submitting_ends_what_is_refused(world: World, code: str) -> None:
    job = await world.create()
    world.fault(CREATE, FaultKind.LATE_ANSWER, seconds=1)
    world.fault(CREATE, FaultKind.STATUS, code=code)
    leader = await world.lead()
    await leader.scan()
    await leader.dispatch()
    await world.want_cancel(job)
    await world.called(CREATE)
    await world.advance(1)
    await leader.flights.landed()
    await world.advance(400)
    await leader.submit()

    assert await world.state(job) is State.CANCELLED
    assert len(world.calls(CREATE)) == 1


async def test_one_that_cannot_be_cancelled_stops_no_other(world: World) -> None:
    bad, good = await world.create(name="bad"), await world.create(name="good")
    leader = await world.lead()
    await leader.submit()
    for job in (bad, good):
        await world.want_cancel(job)
    world.fault(CANCEL, FaultKind.STATUS, code="INTERNAL", display_name="bad", times=None)

    await leader.loops.cancel.run_once()
    await world.advance(10)
    await leader.poll()

    assert await world.state(good) is State.CANCELLED
    assert await world.state(bad) is State.RUNNING
    assert leader.count("batchjobs_loop_failures_total", loop="cancel") == 1
