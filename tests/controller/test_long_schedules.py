"""Long lives: many creates, each in some kind of trouble, leaders that follow each other, passes in any order.

Single steps are interleaved in tests/proof; here whole passes are, over many batch jobs and many faults in one run.
Then everything comes to rest, and the audit reads the emulator's record of calls.
"""

import itertools
import random
from contextlib import suppress
from datetime import timedelta

import pytest

from gateway.domain.batch_job import BatchJob
from gateway.domain.states import State
from gateway.policy.model import Pool
from gateway.store.errors import LeaseLostError
from support.controller import CREATE, LIST, POOL, T_SECONDS, Replica, World, policy
from vertex_emulator import Call, FaultKind

CAPACITY = 3
FAULTS = {
    "fine": None,
    "answer lost": {"kind": FaultKind.DROP_ANSWER},
    "never arrived": {"kind": FaultKind.STATUS, "code": "UNAVAILABLE"},
    "lands within T": {"kind": FaultKind.IN_FLIGHT, "seconds": 30, "code": "UNAVAILABLE"},
    "lands after T": {"kind": FaultKind.IN_FLIGHT, "seconds": 3 * T_SECONDS, "code": "UNAVAILABLE"},
    "refused": {"kind": FaultKind.STATUS, "code": "RESOURCE_EXHAUSTED"},
    "no answer": {"kind": FaultKind.LATE_ANSWER, "seconds": 1000},
}
EVENTS = ("nothing", "takeover", "old leader goes on", "cancel", "vanish", "list lag", "list fails")


class Play:
    """A schedule under way."""

    def __init__(self, world: World, leader: Replica) -> None:
        self.world, self.leader = world, leader
        self.old: Replica | None = None
        self.jobs: list[BatchJob] = []
        self.vanished: set[str] = set()

    async def create(self) -> None:
        self.jobs.append(await self.world.create())

    async def submit(self, fault: str = "fine", *, freeze: bool = False) -> None:
        """A pass of the present leader; what is sent meets the fault, and its deadline passes.

        With `freeze` the process stops between its commit and the send, for as long as the deadline.
        """
        planned = FAULTS[fault]
        number = self.world.fault(CREATE, **planned) if planned else None
        before = len(self.world.calls(CREATE))
        await self._pass(self.leader)
        if not freeze:
            await self.world.called(CREATE, before + self.leader.flights.in_pool(POOL))
        await self.world.advance(20)
        await self.leader.flights.landed()
        if number is not None:
            self.world.emulator.faults.remove(number)

    async def event(self, what: str) -> None:
        world = self.world
        match what:
            case "takeover":
                self.old, self.leader = self.leader, await world.usurp()
            case "old leader goes on":
                if self.old is not None:
                    await self._pass(self.old)
                    await self.old.flights.landed()
            case "cancel":
                await world.want_cancel(self.jobs[0])
            case "vanish":
                for each in [each for each in world.emulator.jobs if not each.ended][:1]:
                    self.vanished.add(each.name)
                    world.emulator.jobs.remove(each)
            case "list lag":
                world.fault(LIST, FaultKind.LIST_LAG, seconds=50, times=2)
            case "list fails":
                world.fault(LIST, FaultKind.STATUS, code="UNAVAILABLE")

    async def _pass(self, leader: Replica) -> None:
        with suppress(LeaseLostError):
            await leader.scan()
            await leader.dispatch()

    async def rest(self) -> None:
        """No more trouble, and enough passes for everything to be settled and found."""
        self.world.emulator.faults.clear()
        for _ in range(8):  # in small steps first: what is done too soon is done now
            await self.leader.submit()
            await self.world.advance(5)
        for _ in range(6):
            await self.leader.submit()
            await self.leader.poll()
            await self.leader.loops.sweep.run_once()
            await self.leader.loops.cancel.run_once()
            self.audit_capacity()
            await self.world.advance(60)
        await self.leader.poll()

    def audit_capacity(self) -> None:
        """What landed in time never holds more than the pool; what landed after T is extra, and on its way out."""
        late = {call.job for call in self.world.calls(CREATE) if _landed_late(call)}
        alive = [each for each in self.world.emulator.jobs if not each.ended and each.name not in late]
        assert len(alive) <= CAPACITY, f"{len(alive)} Vertex jobs are alive"

    async def audit(self) -> None:
        creates = sorted(self.world.calls(CREATE), key=lambda call: call.number)
        for job in self.jobs:
            sent = [call for call in creates if _labels(call)["batchjobs_id"] == str(job.id)]
            for first, second in itertools.pairwise(sent):
                self._audit_pair(first, second)
            await self._audit_end(job)

    def _audit_pair(self, first: Call, second: Call) -> None:
        """P2: refused, or T has passed and Vertex does not show it."""
        if first.code == "RESOURCE_EXHAUSTED":
            return
        assert second.time - first.time >= timedelta(seconds=T_SECONDS - 1), "sent again before T"
        if first.job and first.job not in self.vanished:
            assert _landed_late(first), "sent again though Vertex showed the first"

    async def _audit_end(self, job: BatchJob) -> None:
        row = await self.world.read(job)
        made = [each for each in self.world.emulator.jobs if each.message.labels["batchjobs_id"] == str(job.id)]
        alive = [each.name for each in made if not each.ended]
        assert len(alive) <= 1, "of several that were made all but one are cancelled"
        if alive:
            assert row.vertex_name == alive[0]
        if not row.ended and not alive:
            assert row.state is State.QUEUED
            assert sum(not each.ended for each in self.world.emulator.jobs) == CAPACITY, "it waits for a slot alone"


def _labels(call: Call) -> dict[str, str]:
    return dict(call.request.batch_prediction_job.labels)


def _landed_late(call: Call) -> bool:
    return call.took_effect is not None and call.took_effect - call.time > timedelta(seconds=T_SECONDS - 60)


async def begin(world: World) -> Play:
    world.policy.replace(policy(pools=(Pool(POOL, capacity=CAPACITY),)))
    return Play(world, await world.lead())


@pytest.mark.parametrize("seed", range(10))
async def test_a_long_schedule(world: World, seed: int) -> None:
    chance = random.Random(seed)
    play = await begin(world)
    await play.create()
    for _ in range(14):
        if len(play.jobs) < 5 and chance.random() < 0.4:
            await play.create()
        await play.submit(chance.choice(list(FAULTS)), freeze=chance.random() < 0.1)
        await play.event(chance.choice(EVENTS))
        await world.advance(chance.choice([0.01, 5, 40, 110]))
        play.audit_capacity()
    await play.rest()
    await play.audit()
