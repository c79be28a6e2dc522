"""What a list shows of an earlier attempt stops a later one, up to the moment at which it goes out.

Each of these is later than T: a create that was proven absent lands all the same while its successor is on its way.
"""

from typing import Any

import pytest

from gateway.cloud.vertex import VertexPool
from gateway.domain.batch_job import AttemptOutcome, BatchJob
from gateway.domain.states import State
from gateway.store.dispatches import Dispatches
from gateway.store.errors import StoreUnavailableError
from gateway.store.sweeps import Sweeps
from support.controller import CREATE, T_SECONDS, Replica, World
from vertex_emulator import Call, FaultKind


async def absent(world: World, *, beside: int = 0) -> tuple[BatchJob, Replica]:
    """A batch job whose first create was lost, as everybody must believe; its next attempt may go.

    `beside`: so many others, which go first, are as far.
    """
    jobs = [await world.create() for _ in range(beside + 1)]
    world.fault(CREATE, FaultKind.STATUS, code="UNAVAILABLE", times=len(jobs))
    leader = await world.lead()
    await leader.submit()
    await leader.scan()
    await world.advance(T_SECONDS)
    await leader.scan()
    await leader.scan()
    assert {await world.state(job) for job in jobs} == {State.QUEUED}
    return jobs[-1], leader


def land_before(
    world: World, leader: Replica, patch: pytest.MonkeyPatch, owner: type, method: str, *, after: bool = False
) -> None:
    """Have the first create land and a list show it, once: before that step of the next attempt, or right after it."""
    original, left = getattr(owner, method), [True]

    async def late() -> None:
        if left:
            left.pop()
            world.land(world.calls(CREATE)[0])
            await leader.loops.sweep.run_once()

    async def step(*args: Any, **more: Any) -> Any:
        if not after:
            await late()
        result = await original(*args, **more)
        if after:
            await late()
        return result

    patch.setattr(owner, method, step)


async def is_adopted(world: World, leader: Replica, job: BatchJob) -> None:
    """In the end there is one Vertex job, the row's, and one create was ever sent."""
    await leader.scan()
    row = await world.read(job)
    assert (row.state, row.vertex_name) == (State.PENDING, world.vertex_job(job).name)
    assert row.attempts[0].outcome is AttemptOutcome.FOUND
    assert len(world.calls(CREATE)) == 1
    assert leader.count("batchjobs_duplicates_total") == 0


@pytest.mark.parametrize("after", [False, True])
async def test_an_attempt_that_is_taking_its_slot_does_not_go_out(
    world: World, monkeypatch: pytest.MonkeyPatch, after: bool
) -> None:
    job, leader = await absent(world)
    land_before(world, leader, monkeypatch, Dispatches, "take", after=after)
    await leader.dispatch()
    await leader.flights.landed()
    await is_adopted(world, leader, job)


async def test_an_attempt_that_is_about_to_be_sent_does_not_go_out(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    job, leader = await absent(world)
    land_before(world, leader, monkeypatch, VertexPool, "create")
    await leader.dispatch()
    await leader.flights.landed()
    await is_adopted(world, leader, job)


async def test_no_attempt_is_taken_while_a_list_that_shows_one_is_sorted(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    job, leader = await absent(world)
    original = Sweeps.by_id

    async def slow(*args: Any) -> Any:
        rows = await original(*args)
        await leader.dispatch()
        await leader.flights.landed()
        return rows

    monkeypatch.setattr(Sweeps, "by_id", slow)
    world.land(world.calls(CREATE)[0])
    await leader.loops.sweep.run_once()
    await is_adopted(world, leader, job)


async def test_no_attempt_is_taken_after_a_list_that_could_not_be_sorted_before_a_scan(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    job, leader = await absent(world)
    with monkeypatch.context() as patch:
        patch.setattr(Sweeps, "by_id", _down)
        world.land(world.calls(CREATE)[0])
        await leader.poll()
    await leader.dispatch()
    await leader.flights.landed()
    await is_adopted(world, leader, job)


async def test_what_is_shown_while_others_take_their_slots_is_passed_over(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    job, leader = await absent(world, beside=1)
    first = [call for call in world.calls(CREATE) if _label(call) == str(job.id)]
    original = Dispatches.take

    async def take(self: Dispatches, order: Any) -> Any:
        assert order.id != job.id
        world.land(first[0])
        with monkeypatch.context() as patch:
            patch.setattr(Sweeps, "by_id", _down)
            await leader.poll()
        return await original(self, order)

    with monkeypatch.context() as patch:
        patch.setattr(Dispatches, "take", take)
        await leader.dispatch()
        await leader.flights.landed()
    await leader.scan()
    assert (await world.read(job)).vertex_name == world.vertex_job(job).name


def _label(call: Call) -> str:
    return str(call.request.batch_prediction_job.labels["batchjobs_id"])


async def _down(*_: Any) -> Any:
    raise StoreUnavailableError("down")


async def test_what_was_shown_of_one_flight_says_nothing_of_the_next(world: World) -> None:
    job, leader = await absent(world)
    with leader.flights.boarding(job.id):
        leader.flights.show([job.id])
        assert leader.flights.was_shown(job.id)
    assert not leader.flights.was_shown(job.id)
    await leader.submit()
    assert len(world.calls(CREATE)) == 2
    leader.flights.show([job.id])
    assert not leader.flights.was_shown(job.id), "none is under way"
