"""The runner of a loop: it wakes on a change or on a timer, and survives whatever one pass of it meets."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import Final

from gateway.clock import Clock
from gateway.controller.guard import Guard, first_of, stop_tasks
from gateway.controller.per_pool import PerPool
from gateway.domain.batch_job import PoolId

_KEEP: Final = timedelta(seconds=2)


@dataclass(frozen=True, slots=True)
class LoopConfig:
    """`interval` is the timer; `gap` is how long a loop rests at least, however often it is woken.

    With `half_time` it also rests as long as its pass took: however much there is to do, half of the time is others'.
    """

    interval: timedelta
    gap: timedelta = timedelta(milliseconds=100)
    half_time: bool = False


class Loop:
    """Runs `run_once` until cancelled or until the lease is lost, which it says by raising LeaseLostError."""

    def __init__(
        self,
        name: str,
        run_once: Callable[[], Awaitable[None]],
        config: LoopConfig,
        *,
        guard: Guard,
        clock: Clock,
        subject: str = "",
    ) -> None:
        self._name, self._subject = name, subject
        self._run_once, self._config = run_once, config
        self._guard, self._clock = guard, clock
        self._woken = asyncio.Event()

    def wake(self) -> None:
        """Have the next pass begin now, or right after the one under way."""
        self._woken.set()

    async def run(self) -> None:
        while True:
            self._woken.clear()
            began = self._clock.boottime()
            await self._guard.run(self._name, self._subject, self._run_once())
            took = self._clock.boottime() - began if self._config.half_time else 0.0
            await self._clock.sleep(max(self._config.gap.total_seconds(), took))
            await first_of(self._woken.wait(), self._clock.sleep(self._config.interval.total_seconds()))


class PoolLoop:
    """One loop with a lane for each pool, so that a pool that is slow or fails holds up itself alone."""

    def __init__(self, work: PerPool, config: LoopConfig, *, guard: Guard, clock: Clock) -> None:
        self._work, self._config = work, config
        self._guard, self._clock = guard, clock
        self._lanes: dict[PoolId, tuple[Loop, asyncio.Task[None]]] = {}
        self._keeper = Loop(f"{work.name}_pools", self._keep, LoopConfig(_KEEP), guard=guard, clock=clock)

    def wake(self, pool: PoolId | None = None) -> None:
        """Have one pool looked at now, or every one."""
        if pool is None or pool not in self._lanes:
            self._keeper.wake()
        for each, (loop, _) in self._lanes.items():
            if pool in {None, each}:
                loop.wake()

    async def run(self) -> None:
        """Run until cancelled, or until a lane has found the lease lost."""
        try:
            await self._keeper.run()
        finally:
            await stop_tasks([task for _, task in self._lanes.values()])

    async def _keep(self) -> None:
        """Give every pool with work a lane, and take the lane of one that has none any more."""
        for _, task in self._lanes.values():
            if task.done():
                task.result()
        pools = set(await self._work.pools())
        for pool in pools - self._lanes.keys():
            work = partial(self._work.run_pool, pool)
            loop = Loop(self._work.name, work, self._config, guard=self._guard, clock=self._clock, subject=str(pool))
            self._lanes[pool] = (loop, asyncio.create_task(loop.run()))
        await stop_tasks([self._lanes.pop(pool)[1] for pool in self._lanes.keys() - pools])
