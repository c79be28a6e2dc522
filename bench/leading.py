"""Passes of dispatch and of poll, one by one in this process: the real loops on the real store, with a real lease."""

import time
from collections.abc import Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from datetime import timedelta
from types import MappingProxyType

from prometheus_client import CollectorRegistry

from bench.seed import POOL
from bench.stage import Stage
from gateway.clock import SystemClock
from gateway.cloud import vertex
from gateway.cloud.vertex import VertexClients, VertexConfig
from gateway.controller.config import ControllerConfig
from gateway.controller.flights import Flights
from gateway.controller.guard import Guard
from gateway.controller.leadership import Leadership
from gateway.controller.loops import Loops
from gateway.controller.parts import StoreParts
from gateway.controller.term import Setting, Term
from gateway.domain.batch_job import BatchJob
from gateway.policy.load import load_policy
from gateway.policy.model import Policy
from gateway.store.database import Database
from gateway.telemetry.metrics import Metrics

SLOTS = 8


class Held:
    """The policy in force; its one pool grows, so that every pass finds as many free slots as the first."""

    def __init__(self, policy: Policy) -> None:
        self.current = policy

    def grow(self, capacity: int) -> None:
        pools = {POOL: replace(self.current.pools[POOL], capacity=capacity)}
        self.current = replace(self.current, pools=MappingProxyType(pools))

    def subscribe(self, _callback: Callable[[Policy], None]) -> Callable[[], None]:
        """Nobody is told: every pass looks."""
        return lambda: None


@dataclass(frozen=True, slots=True)
class Passes:
    """Seconds of each pass."""

    dispatch: list[float]
    poll: list[float]


async def passes(stage: Stage, count: int, polls: int) -> Passes:
    """`count` passes of dispatch and `polls` of poll, after one of each that is not kept. What dispatch sends has
    landed before anything else begins.

    Both stages that are compared come by the same way to the same Vertex jobs, so poll has as much to follow on either.
    """
    config = ControllerConfig(gateway="bench", lease=timedelta(hours=1))
    policy = Held(load_policy(stage.policy))
    clock, metrics = SystemClock(), Metrics(CollectorRegistry())
    vertex.load()
    async with AsyncExitStack() as stack:
        database = await Database.open(stage.database_url)
        stack.push_async_callback(database.close)
        clients = VertexClients(VertexConfig(emulator_target=stage.emulator.target), clock=clock, metrics=metrics)
        stack.push_async_callback(clients.close)
        store = StoreParts.of(database, config=config, clock=clock, holder="bench", observer=_unobserved)
        held = await store.lease.acquire()
        if held is None:
            raise RuntimeError("somebody else leads")
        setting = Setting(config, store, clients, policy, clock, metrics)
        term, flights = Term(setting, Leadership(held, clock=clock, config=config)), Flights()
        await term.load()
        stack.push_async_callback(flights.abandon)
        loops = Loops(term, Guard(metrics), flights)
        await loops.resolve.run_once()
        taken, polled = [], []
        for number in range(count + 1):
            active = len(await store.sweeps.active(POOL))
            policy.grow(active + SLOTS)
            began = time.monotonic()
            await loops.dispatch.run_once()
            taken.append(time.monotonic() - began)
            await flights.landed()
            if len(await store.sweeps.active(POOL)) != active + config.submits_in_flight:
                raise RuntimeError(f"pass {number} did not take what it could")
        for _ in range(polls + 1):
            began = time.monotonic()
            await loops.poll.run_pool(POOL)
            polled.append(time.monotonic() - began)
        return Passes(taken[1:], polled[1:])


def _unobserved(_before: BatchJob | None, _after: BatchJob) -> None:
    """Nobody follows these changes."""
