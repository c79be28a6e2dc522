"""Gates: where an actor stops until the scheduler lets it go on."""

import asyncio
from collections import deque
from collections.abc import Coroutine
from contextvars import ContextVar, copy_context
from dataclasses import dataclass, field
from typing import Any

from support.schedules.footprints import NOTHING, Footprint

current: ContextVar["Actor | None"] = ContextVar("actor", default=None)
"""Whose step this is. Tasks inherit it; without an actor every gate stands open."""


@dataclass(eq=False)
class Gate:
    """One task of an actor that has come to a stop, and what it will do next."""

    label: str
    footprint: Footprint
    opened: asyncio.Future[None]
    backend: int = 0
    """The PostgreSQL process that the step will run in; 0 where it asks the database for nothing."""
    due: float = 0.0
    """Not before then, on the clock's boottime."""


@dataclass(eq=False)
class Actor:
    """One line of work. Tasks that it starts are its own; its oldest gate is the one that is opened next."""

    name: str
    term: str = ""
    parent: bool = False
    """Whether a step of another actor began it."""
    task: "asyncio.Task[Any] | None" = None
    gates: deque[Gate] = field(default_factory=deque)
    stepping: Gate | None = None
    blocked: bool = False
    transactions: int = 0
    """How many that hold locks are open."""
    faults: dict[str, str] = field(default_factory=dict)
    """What befalls the commit of an operation (`take`, `record`): "kept" or "undone", and its answer is lost."""
    news: asyncio.Event = field(default_factory=asyncio.Event)

    def start(self, work: Coroutine[Any, Any, Any]) -> "asyncio.Task[Any]":
        """Begin the work as this actor's."""
        context = copy_context()
        context.run(current.set, self)
        self.task = asyncio.get_running_loop().create_task(work, context=context)
        self.task.add_done_callback(lambda _: self.news.set())
        return self.task

    @property
    def done(self) -> bool:
        return self.task is None or self.task.done()

    @property
    def still(self) -> bool:
        """Whether it stands at a gate or has ended, so that the next step may be another's."""
        return bool(self.gates) or self.done


async def arrive(label: str, footprint: Footprint = NOTHING, *, backend: int = 0, due: float = 0.0) -> None:
    """Stop until the scheduler opens the gate."""
    actor = current.get()
    if actor is None:
        return
    gate = Gate(label, footprint, asyncio.get_running_loop().create_future(), backend, due)
    actor.gates.append(gate)
    actor.news.set()
    try:
        await gate.opened
    except asyncio.CancelledError:
        if gate in actor.gates:
            actor.gates.remove(gate)
        raise
    actor.stepping = gate


def touch(footprint: Footprint) -> None:
    """The step under way has turned out to do this as well."""
    actor = current.get()
    if actor is not None and actor.stepping is not None:
        known = actor.stepping.footprint
        actor.stepping.footprint = Footprint(
            known.reads | footprint.reads,
            known.writes | footprint.writes,
            known.locks | footprint.locks,
            known.frees | footprint.frees,
        )
