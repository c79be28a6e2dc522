"""A clock for the gateway that a test drives, in step with the emulator's."""

import asyncio
import heapq
import itertools
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta

from vertex_emulator import DrivenClock

_START_BOOTTIME = 1000.0


class DrivenTime:
    """Fulfils `gateway.clock.Clock`. Time stands still until `advance`.

    With an emulator's clock it reads that one and moves it along. `followers` are awaited with the time before anyone
    who slept until then wakes: a store's clock, for one.
    """

    def __init__(self, emulated: DrivenClock | None = None, start: datetime = datetime(2026, 1, 1, tzinfo=UTC)) -> None:
        self._emulated = emulated
        self._now = emulated.now() if emulated else start
        self._start = self._now
        self._sleepers: list[tuple[datetime, int, asyncio.Future[None]]] = []
        self._sequence = itertools.count()
        self.followers: list[Callable[[datetime], Awaitable[None]]] = []
        self.slept = asyncio.Event()
        """Set whenever somebody goes to sleep; a test clears it and waits for it."""

    def now(self) -> datetime:
        return self._now

    def boottime(self) -> float:
        return _START_BOOTTIME + (self._now - self._start).total_seconds()

    async def sleep(self, seconds: float) -> None:
        alarm: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        due = self._now + timedelta(seconds=max(seconds, 0))
        heapq.heappush(self._sleepers, (due, next(self._sequence), alarm))
        self.slept.set()
        await alarm

    async def until_asleep(self, within: float) -> None:
        """Return as soon as somebody sleeps whose time comes within so many seconds."""
        while not any(
            due <= self._now + timedelta(seconds=within) for due, _, alarm in self._sleepers if not alarm.done()
        ):
            self.slept.clear()
            await self.slept.wait()

    async def advance(self, seconds: float) -> None:
        """Move time forward; whoever sleeps wakes at its moment, in order."""
        target = self._now + timedelta(seconds=seconds)
        while self._sleepers and self._sleepers[0][0] <= target:
            due, _, alarm = heapq.heappop(self._sleepers)
            if alarm.done():
                continue
            await self._move(due)
            if not alarm.done():
                alarm.set_result(None)
            for _ in range(3):
                await asyncio.sleep(0)
        await self._move(target)

    async def leap(self, seconds: float) -> None:
        """Move time forward at once: whoever slept meanwhile wakes late, and once. For hours, of which loops that look
        every second would make thousands of steps.
        """
        await self._move(self._now + timedelta(seconds=seconds))
        await self.advance(0)

    async def _move(self, to: datetime) -> None:
        if to > self._now:
            step = (to - self._now).total_seconds()
            self._now = to
            for follower in self.followers:
                await follower(to)
            if self._emulated:
                await self._emulated.advance(step)
