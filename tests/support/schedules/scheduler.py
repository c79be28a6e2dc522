"""Opens one gate at a time, in the order it is given, and writes down what each step did."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace

import asyncpg

from support.driven_time import DrivenTime
from support.schedules.footprints import Footprint
from support.schedules.gates import Actor, Gate, touch

_SPIN = 6
"""Turns of the event loop in which whoever was woken without any input or output comes to its gate."""
_LONGEST = 1000
_INSTANT = 1e-6
_BLOCKED = "SELECT cardinality(pg_blocking_pids($1)) > 0"


Choose = Callable[[int, int], int]
"""`choose(steps so far, how many are ready)`."""


class StuckError(Exception):
    """No actor can go on: they wait for each other."""


@dataclass(frozen=True, slots=True)
class Step:
    """One step of a run: who, through which gate, and what it turned out to touch."""

    actor: str
    label: str
    footprint: Footprint


class Scheduler:
    """The actors of one run, in the order in which they are preferred."""

    def __init__(self, watcher: asyncpg.Connection, time: DrivenTime) -> None:
        self._watcher, self._time = watcher, time
        self.actors: list[Actor] = []
        self.steps: list[Step] = []
        self.after_step: Callable[[], Awaitable[None]] | None = None

    def add(self, actor: Actor, *, after: str = "", first: bool = False) -> Actor:
        """Take an actor in: first, right behind another one, or last."""
        if actor.parent:
            touch(Footprint(frees=frozenset({_birth(actor)})))
        names = [each.name for each in self.actors]
        behind = names.index(after) + 1 if after in names else len(names)
        self.actors.insert(0 if first else behind, actor)
        return actor

    async def run(self, prefix: Sequence[str], choose: Choose = lambda _step, _ready: 0) -> bool:
        """Play the prefix, then let each actor go on until it can no more. False where the prefix could not be played.

        Whoever is interrupted comes last from then on: it stays frozen while all others do all their work. `choose`
        may interrupt more: it picks one of those that are ready, the present one first.
        """
        await self._settle_all()
        for name in prefix:
            actor = next((each for each in self._ready() if each.name == name), None)
            if actor is None:
                return False
            await self._step(actor)
        while ready := self._ready() or await self._wait():
            if len(self.steps) > _LONGEST:
                raise StuckError("the run does not end")
            await self._step(ready[choose(len(self.steps), len(ready)) % len(ready)])
        if any(not actor.done for actor in self.actors):
            raise StuckError(", ".join(f"{actor.name} at {actor.gates}" for actor in self.actors if not actor.done))
        return True

    async def _wait(self) -> list[Actor]:
        """Where all are asleep, let time pass until the first wakes."""
        due = [each.gates[0].due for each in self.actors if each.gates and not each.blocked]
        if not due:
            return []
        await self._time.advance(min(due) - self._time.boottime())
        return self._ready()

    def _ready(self) -> list[Actor]:
        now = self._time.boottime() + _INSTANT
        return [each for each in self.actors if each.gates and not each.blocked and each.gates[0].due <= now]

    async def _step(self, actor: Actor) -> None:
        at = self.actors.index(actor)
        self.actors[:] = self.actors[at:] + self.actors[:at]
        gate = actor.gates.popleft()
        actor.news.clear()
        gate.opened.set_result(None)
        if await self._settled(actor, gate):
            await self._note(actor, gate)
            await self._free(but=actor)
        else:
            actor.blocked = True
        if self.after_step is not None:
            await self.after_step()

    async def _note(self, actor: Actor, gate: Gate) -> None:
        actor.blocked = False
        footprint = replace(gate.footprint, reads=gate.footprint.reads | {f"{process_of(actor.name)} lives"})
        if actor.parent and not any(step.actor == actor.name for step in self.steps):
            footprint = replace(footprint, locks=footprint.locks | {(_birth(actor), "UPDATE")})
        self.steps.append(Step(actor.name, gate.label, footprint))

    async def _settled(self, actor: Actor, gate: Gate) -> bool:
        """Wait until the actor stands still; False where it waits for a lock instead."""
        await _spin()
        locked = any(each.transactions for each in self.actors if each is not actor)
        while not actor.still:
            if gate.backend and locked and await self._watcher.fetchval(_BLOCKED, gate.backend):
                await _spin()
                if not actor.still:
                    return False
            elif gate.backend and locked:
                await asyncio.sleep(0)
            else:
                await actor.news.wait()
                actor.news.clear()
        await _spin()
        return True

    async def _free(self, *, but: Actor) -> None:
        """Who waited for a lock that this step let go has it now, and has come to its next gate."""
        for other in [each for each in self.actors if each.blocked and each is not but]:
            gate = other.stepping
            if gate is not None and await self._settled(other, gate):
                await self._note(other, gate)

    async def _settle_all(self) -> None:
        for actor in self.actors:
            while not actor.still:
                await actor.news.wait()
                actor.news.clear()

    async def stop(self, actor: Actor) -> None:
        """End an actor where it stands, as a process that is killed ends."""
        if actor.task is not None:
            actor.task.cancel()
            await _spin()
            for gate in list(actor.gates):
                gate.opened.cancel()
            await asyncio.wait([actor.task])
        actor.gates.clear()
        actor.blocked = False


def process_of(actor: str) -> str:
    """The process that an actor is part of: it dies with it."""
    return actor.split("→", 1)[0].split(" ", 1)[0]


def _birth(actor: Actor) -> str:
    return f"birth of {actor.name}"


async def _spin() -> None:
    for _ in range(_SPIN):
        await asyncio.sleep(0)
