"""One schedule from its beginning to rest: two leaders, time, a fault of the first create, and one event."""

from collections.abc import Coroutine, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from gateway.controller.flights import Flights
from gateway.controller.guard import Guard
from gateway.controller.leadership import Leadership
from gateway.controller.loops import Loops
from gateway.controller.term import Setting, Term
from gateway.domain.batch_job import BatchJob
from gateway.domain.states import State
from gateway.store.errors import LeaseLostError
from gateway.store.lease import Held
from support.controller import CREATE
from support.schedules import events
from support.schedules.footprints import CLOCK, VERTEX, reads, writes
from support.schedules.gates import Actor, arrive, current
from support.schedules.scheduler import Choose, Scheduler, Step
from support.schedules.stage import LEASE, TCP, Stage, T
from vertex_emulator import FaultKind

DAYS = 60 * 86400.0
LATE = 2.5 * T

FAULTS: dict[str, dict[str, Any] | None] = {
    "fine": None,
    "answer lost": {"kind": FaultKind.DROP_ANSWER},
    "never arrived": {"kind": FaultKind.STATUS, "code": "UNAVAILABLE"},
    "lands within T": {"kind": FaultKind.IN_FLIGHT, "seconds": TCP - 2, "code": "UNAVAILABLE"},
    "lands after T": {"kind": FaultKind.IN_FLIGHT, "seconds": LATE, "code": "UNAVAILABLE"},
    "refused": {"kind": FaultKind.STATUS, "code": "RESOURCE_EXHAUSTED"},
    "refused and yet done": {
        "kind": FaultKind.DROP_ANSWER,
        "code": "RESOURCE_EXHAUSTED",
        "message": "Quota exceeded.",
    },
}
"""What befalls the first create."""

COMMITS = {
    "step 1 unknown, kept": ("take", "kept"),
    "step 1 unknown, undone": ("take", "undone"),
    "step 3 unknown, kept": ("record", "kept"),
    "step 3 unknown, undone": ("record", "undone"),
}
"""Which commit of the first leader's is not answered, and what became of it."""


@dataclass(frozen=True, slots=True)
class Scenario:
    """What is given; the order of the steps is the search's to choose.

    `time` is how the clock moves on, in steps; a lease is ten seconds long. `passes` is what the second leader does.
    """

    fault: str = "fine"
    event: str = "nothing"
    commit: str = ""
    jobs: int = 2
    capacity: int = 1
    time: tuple[float, ...] = (8.0, 14.0)
    passes: tuple[str, ...] = ("resolve", "dispatch")
    config: dict[str, Any] = field(default_factory=dict)

    def __str__(self) -> str:
        told = [self.fault, self.commit, self.event, "" if len(self.time) == 2 else "settling"]
        return ", ".join(each for each in told if each and each != "nothing")


class ActorFlights(Flights):
    """Each create under way is an actor of its own."""

    def __init__(self, play: "Play") -> None:
        super().__init__()
        self._play = play

    def start(self, job: BatchJob, work: Coroutine[Any, Any, None]) -> None:
        parent = current.get()
        if parent is None:
            super().start(job, work)
            return
        self._in_pool[job.pool] += 1
        name = f"{parent.name}→{self._play.number(job)}"
        actor = self._play.scheduler.add(Actor(name, parent.term, parent=True, faults=parent.faults), after=parent.name)
        self._tasks[job.id] = actor.start(self._fly(job, work))


class Leader:
    """The loops of one term, each pass at somebody's word."""

    def __init__(self, play: "Play", setting: Setting, held: Held) -> None:
        self.leadership = Leadership(held, clock=setting.clock, config=setting.config)
        self.term = Term(setting, self.leadership)
        self._sends_until = play.stage.sends_until
        self._may_send(held, setting)
        self.flights = ActorFlights(play)
        self.loops = Loops(self.term, Guard(setting.metrics), self.flights)

    async def lead(self, passes: Sequence[str]) -> None:
        """Run passes one after the other until the term is over."""
        with suppress(LeaseLostError):
            await self.term.load()
            for name in passes:
                await getattr(self.loops, name).run_once()

    async def keep(self, setting: Setting) -> None:
        """Renew the lease once."""
        held = await setting.store.lease.renew(self.leadership.held)
        if held is None:
            self.leadership.lose()
        else:
            self._may_send(held, setting)
            self.leadership.renewed(held)

    def _may_send(self, held: Held, setting: Setting) -> None:
        self._sends_until[held.term] = held.expires - setting.config.lease_margin.total_seconds()


class Play:
    """One run of a scenario."""

    def __init__(self, stage: Stage, scenario: Scenario) -> None:
        self.stage, self.scenario = stage, scenario
        self.scheduler = Scheduler(stage.watcher, stage.world.time)
        self.leaders: dict[str, Leader] = {}
        self.restored = False
        self.kept: dict[str, list[Any]] | None = None

    @property
    def steps(self) -> list[Step]:
        return self.scheduler.steps

    def number(self, job: BatchJob) -> int:
        """1 for the first batch job, and so on."""
        return [each.id for each in self.stage.jobs].index(job.id) + 1

    async def run(self, prefix: Sequence[str] = (), choose: Choose = lambda _step, _ready: 0) -> bool:
        """Play it, with the prefix first. False where the prefix cannot be played."""
        scenario, stage = self.scenario, self.stage
        await stage.reset(jobs=scenario.jobs, capacity=scenario.capacity)
        if planned := FAULTS[scenario.fault]:
            stage.world.fault(CREATE, **planned)
        self.scheduler.after_step = stage.after_step
        await self._first_leader()
        events.add(self, scenario.event)
        self._actor("time").start(self._time())
        self._actor("B").start(self._second_leader())
        return await self.scheduler.run(prefix, choose)

    def _actor(self, name: str, **facts: Any) -> Actor:
        return self.scheduler.add(Actor(name, **facts))

    async def _first_leader(self) -> None:
        setting = self.stage.setting(lease=LEASE, **self.scenario.config)
        held = await setting.store.lease.acquire()
        if held is None:
            raise AssertionError("somebody leads already")
        faults = dict([COMMITS[self.scenario.commit]]) if self.scenario.commit else {}
        self.leaders["A"] = leader = Leader(self, setting, held)
        self._actor("A", term=held.term, faults=faults).start(leader.lead(("resolve", "dispatch")))
        if self.scenario.event == "renewal":
            self._actor("A keeps").start(leader.keep(setting))

    async def _second_leader(self) -> None:
        """Campaign as long as somebody else leads, then lead."""
        actor, world = current.get(), self.stage.world
        setting = self.stage.setting(lease=DAYS, **self.scenario.config)
        due = world.time.boottime()
        while due < self._end:
            due += LEASE
            await arrive("campaign", reads(CLOCK), due=due)
            held = await setting.store.lease.acquire()
            if held is not None and actor is not None:
                actor.term = held.term
                self.leaders["B"] = Leader(self, setting, held)
                await self.leaders["B"].lead(self.scenario.passes)
                return

    async def _time(self) -> None:
        self._end = self.stage.world.time.boottime() + sum(self.scenario.time) - LEASE
        for seconds in self.scenario.time:
            await arrive(f"time +{seconds:g} s", writes(CLOCK, VERTEX))
            await self.stage.world.advance(seconds)

    _end = 0.0

    # Coming to rest.

    async def rest(self) -> None:
        """No more trouble, and enough passes of one leader for everything to be settled and found."""
        world, leader = self.stage.world, await self._last_leader()
        world.emulator.faults.clear()
        for seconds in (0.001, 5.0, 10.0, 10.0, 10.0, 10.0, 10.0):  # what is done too soon is done here
            await world.advance(seconds)
            await self._submit(leader)
            if not await self._unsettled():
                break
        if any(call.took_effect is None and "in_flight" in call.faults for call in world.calls(CREATE)):
            await world.advance(LATE)
        for _ in range(2):
            for name in ("poll", "sweep", "cancel"):
                await getattr(leader.loops, name).run_once()
            await world.advance(65)
            await self._submit(leader)
        await leader.loops.poll.run_once()

    async def _submit(self, leader: Leader) -> None:
        await leader.loops.resolve.run_once()
        await self.stage.world.advance(0.001)
        await leader.loops.dispatch.run_once()
        await leader.flights.landed()
        await self.stage.after_step()

    async def _last_leader(self) -> Leader:
        """The second leader, where it came to lead and is alive; else a third."""
        if (leader := self.leaders.get("B")) and not leader.leadership.over.is_set() and not self.restored:
            return leader
        if self.restored:  # Whoever led has died, and no lease is waited for: the restore is not slow.
            await self.stage.direct.execute("UPDATE lease SET expires_at = store_clock()")
        else:
            await self.stage.world.advance(2 * LEASE)
        setting = self.stage.setting(lease=DAYS, **self.scenario.config)
        held = await setting.store.lease.acquire()
        if held is None:
            raise AssertionError("the lease of the leaders before has not run out")
        leader = Leader(self, setting, held)
        await leader.term.load()
        return leader

    async def _unsettled(self) -> bool:
        rows = [await self.stage.world.read(job) for job in self.stage.jobs]
        waits = [row for row in rows if row.state is State.QUEUED]
        room = sum(row.active for row in rows) < self.scenario.capacity
        return any(row.state is State.SUBMITTING for row in rows) or (bool(waits) and room)
