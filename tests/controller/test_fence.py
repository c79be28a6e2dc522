"""Whatever a leader that was taken over still does, it writes nothing but a name."""

from collections.abc import Awaitable, Callable
from datetime import timedelta

import pytest

from gateway.store.errors import LeaseLostError
from support.controller import CREATE, T_SECONDS, Replica, World
from support.database import run_sql
from vertex_emulator import FaultKind

Pass = Callable[[Replica], Awaitable[None]]


async def everything(world: World) -> list[object]:
    """Every row that a controller may write."""
    async with world.database.controller.session("test") as session:
        jobs = await session.rows("SELECT * FROM batch_jobs ORDER BY id")
        pools = await session.rows("SELECT * FROM pools ORDER BY pool")
        shares = await session.rows("SELECT * FROM shares ORDER BY team, pool")
    return [*jobs, *pools, *shares]


@pytest.mark.parametrize("name", ["dispatch", "resolve", "poll", "expire", "retain", "delete", "sweep"])
async def test_a_leader_that_was_taken_over_writes_nothing(world: World, name: str) -> None:
    """There is something to do for each loop, and the old leader believes that it leads."""
    deleted, running, ambiguous = await world.create(), await world.create(), await world.create(name="lost")
    world.fault(CREATE, FaultKind.STATUS, code="UNAVAILABLE", display_name="lost")
    first = await world.lead(resume_window=timedelta(0))
    await first.submit()
    await world.advance(4000)
    await first.poll()
    await world.want_delete(deleted)
    await world.create(max_queue_duration=timedelta(seconds=1))
    await world.advance(T_SECONDS)
    await run_sql(world.url, "UPDATE batch_jobs SET expire_time = store_clock() WHERE id = $1", running.id)
    await first.scan() if name == "resolve" else None
    await world.usurp()
    before = await everything(world)

    loop = getattr(first.loops, name)
    if name in {"dispatch", "resolve", "poll", "expire", "retain", "sweep"}:
        with pytest.raises(LeaseLostError):
            await loop.run_once()
    else:
        with pytest.raises(LeaseLostError):
            await world.advance_until(loop.run_once(), step=10)
    await first.flights.landed()

    assert await everything(world) == before
    assert first.leadership.over.is_set()
    assert len(world.calls(CREATE)) == 3
    assert (await world.read(ambiguous)).vertex_name == ""
