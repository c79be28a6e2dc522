"""Emulated time: real, scaled, or driven by a test.

Everything in the emulator that takes time sleeps on one of these clocks. On the driven clock time stands still until
`advance` is called, which moves from one due moment to the next and lets the work of each finish before the next.
"""

from __future__ import annotations

import asyncio
import heapq
import itertools
import logging
import math
import time
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Coroutine
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

T = TypeVar("T")
_log = logging.getLogger(__name__)


class Clock(ABC):
    """Time for the emulator, and the home of its background work."""

    def __init__(self) -> None:
        self._work: set[asyncio.Task[Any]] = set()

    @abstractmethod
    def now(self) -> datetime:
        """The present moment, in UTC."""

    @abstractmethod
    async def sleep(self, seconds: float) -> None:
        """Wait that many emulated seconds; `math.inf` waits until the task is cancelled."""

    def spawn(self, work: Coroutine[Any, Any, T]) -> asyncio.Task[T]:
        """Run work in the background. What it raises is its owner's to read; `close` cancels what is left."""
        task = asyncio.get_running_loop().create_task(work)
        self._work.add(task)
        task.add_done_callback(self._work.discard)
        return task

    def cancel(self, task: asyncio.Task[Any]) -> None:
        """Cancel spawned work."""
        task.cancel()

    def call_later(self, seconds: float, action: Callable[[], Awaitable[None]]) -> None:
        """Run `action` after that many emulated seconds. What it raises is logged, and harms nothing else."""
        self.spawn(self._later(seconds, action))

    async def _later(self, seconds: float, action: Callable[[], Awaitable[None]]) -> None:
        try:
            await self.sleep(seconds)
            await action()
        except Exception:  # noqa: BLE001 - it is logged, and the rest of the schedule must go on.
            _log.exception("scheduled work failed")

    async def close(self) -> None:
        """Cancel all background work and wait until it has ended."""
        work = list(self._work)
        for task in work:
            task.cancel()
        await asyncio.gather(*work, return_exceptions=True)


class RealClock(Clock):
    """Time that runs by itself, `scale` emulated seconds to one real second."""

    def __init__(self, scale: float = 1.0) -> None:
        super().__init__()
        self.scale = scale
        self._origin = datetime.now(UTC)
        self._started = time.monotonic()

    def now(self) -> datetime:
        return self._origin + timedelta(seconds=(time.monotonic() - self._started) * self.scale)

    async def sleep(self, seconds: float) -> None:
        if math.isinf(seconds):
            await asyncio.get_running_loop().create_future()
        await asyncio.sleep(max(seconds, 0) / self.scale)


class DrivenClock(Clock):
    """Time that moves only when `advance` is called. Deterministic: same calls, same order of everything."""

    def __init__(self, start: datetime) -> None:
        super().__init__()
        self._now = start.astimezone(UTC)
        self._sleepers: list[tuple[datetime, int, asyncio.Future[None], asyncio.Task[Any]]] = []
        self._sequence = itertools.count()
        # Spawned tasks that are neither finished nor asleep on this clock: while there are any, time stands still.
        self._awake: set[asyncio.Task[Any]] = set()
        self._idle = asyncio.Event()
        self._idle.set()
        self._advancing = asyncio.Lock()

    def now(self) -> datetime:
        return self._now

    def spawn(self, work: Coroutine[Any, Any, T]) -> asyncio.Task[T]:
        task = super().spawn(work)
        self._wake(task)
        task.add_done_callback(self._rest)
        return task

    def cancel(self, task: asyncio.Task[Any]) -> None:
        self._wake(task)
        super().cancel(task)

    async def sleep(self, seconds: float) -> None:
        task = asyncio.current_task()
        if task is None or task not in self._awake:
            raise RuntimeError("only work that the clock has spawned can sleep on a driven clock")
        alarm: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        if math.isfinite(seconds):
            due = self._now + timedelta(seconds=max(seconds, 0))
            heapq.heappush(self._sleepers, (due, next(self._sequence), alarm, task))
        self._rest(task)
        try:
            await alarm
        finally:
            # A cancelled sleeper was not woken by `advance`; it still has to clean up before time moves on.
            self._wake(task)

    async def settle(self) -> None:
        """Wait until all work that can be done now is done; moves no time."""
        await self._idle.wait()

    async def advance(self, seconds: float) -> None:
        """Move time forward. When this returns, everything that was due by then has been done."""
        async with self._advancing:
            target = self._now + timedelta(seconds=seconds)
            await self.settle()
            while self._sleepers and self._sleepers[0][0] <= target:
                due, _, alarm, task = heapq.heappop(self._sleepers)
                self._now = max(self._now, due)
                if not alarm.done():
                    self._wake(task)
                    alarm.set_result(None)
                await self.settle()
            self._now = target

    def _wake(self, task: asyncio.Task[Any]) -> None:
        if not task.done():
            self._awake.add(task)
            self._idle.clear()

    def _rest(self, task: asyncio.Task[Any]) -> None:
        self._awake.discard(task)
        if not self._awake:
            self._idle.set()
