"""After a put-back the next attempt comes after a scan, whatever became of the commit that put it back."""

import asyncio
from typing import Any

import pytest

from gateway.controller.flights import Flights
from gateway.domain.states import State
from gateway.store.changes import Changes
from gateway.store.errors import CommitUnknownError
from support.controller import CREATE, LIST, World
from vertex_emulator import FaultKind


@pytest.fixture
def lose_a_put_back(monkeypatch: pytest.MonkeyPatch) -> None:
    """The commit that next puts a batch job back takes effect, and its answer is lost."""
    change, left = Changes.change, [True]

    async def lossy(self: Changes, *args: Any, **more: Any) -> Any:
        changed = await change(self, *args, **more)
        if left and changed is not None and changed.after.state is State.QUEUED:
            left.pop()
            raise CommitUnknownError("lost")
        return changed

    monkeypatch.setattr(Changes, "change", lossy)


async def refused(world: World) -> Any:
    """A leader whose first create Vertex has refused for want of capacity."""
    await world.create()
    leader = await world.lead()
    await leader.scan()
    world.fault(CREATE, FaultKind.STATUS, code="RESOURCE_EXHAUSTED")
    await leader.dispatch()
    await world.advance_until(leader.flights.landed(), step=0.1)
    return leader


@pytest.mark.usefixtures("lose_a_put_back")
async def test_a_put_back_whose_commit_is_not_answered_waits_for_a_scan_too(world: World) -> None:
    leader = await refused(world)
    await world.advance(6)
    listed = len(world.calls(LIST))
    await leader.dispatch()
    await leader.flights.landed()
    assert (len(world.calls(CREATE)), len(world.calls(LIST))) == (1, listed)


@pytest.mark.usefixtures("lose_a_put_back")
async def test_what_vertex_did_in_spite_of_its_refusal_is_found_before_it_is_sent_again(world: World) -> None:
    leader = await refused(world)
    world.land(world.calls(CREATE)[0])
    await world.advance(6)
    await leader.dispatch()
    await leader.flights.landed()
    assert len(world.vertex_jobs()) == 1


async def test_a_batch_job_that_is_under_way_twice_leaves_no_trace_of_either(world: World) -> None:
    """An earlier term's step 3 may still be retried when a later one of this process sends again."""
    job, flights = await world.create(), Flights()
    first, second = asyncio.Event(), asyncio.Event()
    flights.start(job, wait_for(first))
    flights.start(job, wait_for(second))
    assert flights.in_pool(job.pool) == 2
    first.set()
    while flights.in_pool(job.pool) == 2:  # noqa: ASYNC110 - turns of the loop, and no time
        await asyncio.sleep(0)
    assert flights.under_way(job.id)
    second.set()
    await flights.landed()
    assert (flights.in_pool(job.pool), flights.under_way(job.id)) == (0, False)


async def wait_for(event: asyncio.Event) -> None:
    await event.wait()
