"""Several replicas over one PostgreSQL: who has changed something through one of them sees it through every other."""

import asyncio
import itertools
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from batchjobs.v1 import batch_jobs_pb2 as pb
from gateway.domain.states import State
from support.caller import Caller, refusal
from support.gateway import Gateway, StartGateway

TEAM = "ranking"
REPLICAS = 3
CALLERS = 12
"""At once, each with batch jobs of its own; every one begins at another replica."""
READERS = 4
"""For each replica, beside the callers: they have it hold what it has read."""


@pytest.fixture
async def replicas(start_gateway: StartGateway) -> list[Gateway]:
    return [await start_gateway(role="api") for _ in range(REPLICAS)]


class Roamer:
    """A caller that makes each change through the next replica, and looks at it through all of them."""

    def __init__(self, replicas: list[Gateway], first: int) -> None:
        self._callers = [replica.caller(TEAM) for replica in replicas]
        self._turn = itertools.cycle(self._callers[first:] + self._callers[:first])

    def next(self) -> Caller:
        return next(self._turn)

    async def require(self, changed: pb.BatchJob) -> None:
        """Every replica answers this very state, also in its list."""
        for caller in self._callers:
            seen = await caller.get(changed.name)
            assert (seen.revision, seen.state) == (changed.revision, changed.state)
            page = await caller.list(page_size=1000)
            assert {job.name: job.revision for job in page.batch_jobs}[changed.name] == changed.revision

    async def require_gone(self, name: str) -> None:
        for caller in self._callers:
            assert (await refusal(caller.get(name))).reason == "NOT_FOUND"
            assert name not in {job.name for job in (await caller.list(page_size=1000)).batch_jobs}


@asynccontextmanager
async def read_all_the_time(replicas: list[Gateway], names: set[str]) -> AsyncIterator[None]:
    """Everything that is there is read through every replica, again and again."""

    async def read(caller: Caller) -> None:
        while True:
            for name in tuple(names) or [""]:
                if name:
                    await asyncio.gather(caller.get(name), return_exceptions=True)
                else:
                    await caller.list()

    reading = [asyncio.create_task(read(each.caller(TEAM))) for each in replicas for _ in range(READERS)]
    yield
    for task in reading:
        task.cancel()
    await asyncio.wait(reading)


async def test_a_caller_sees_its_changes_through_every_replica(replicas: list[Gateway]) -> None:
    """Creates, cancels and deletes under load, each looked at while others read the same batch jobs everywhere."""
    names: set[str] = set()

    async def live(caller: Roamer) -> None:
        created = await caller.next().create()
        names.add(created.name)
        await caller.require(created)
        cancelled = await caller.next().cancel(created.name)
        assert cancelled.state == pb.BatchJob.CANCELLED
        await caller.require(cancelled)
        await caller.next().delete(created.name)
        await caller.require_gone(created.name)
        names.discard(created.name)

    async def lives(first: int) -> None:
        caller = Roamer(replicas, first)
        for _ in range(3):
            await live(caller)

    async with read_all_the_time(replicas, names):
        await asyncio.gather(*(lives(number % REPLICAS) for number in range(CALLERS)))


async def test_what_the_leader_records_is_seen_through_every_replica(replicas: list[Gateway]) -> None:
    """The change is committed at one replica, and the others have the state before it in their hands."""
    caller = Roamer(replicas, 0)
    created = await caller.next().create()
    await caller.require(created)
    for replica, state in zip(itertools.cycle(replicas), (State.SUBMITTING, State.RUNNING, State.FAILED), strict=False):
        moved = await replica.move(created.name, state)
        await caller.require(pb.BatchJob(name=created.name, revision=moved.revision, state=moved.state.value))
