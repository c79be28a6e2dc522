"""A clock that a test drives, in place of `gateway.clock.SystemClock`."""

import asyncio
import heapq
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Final

START: Final = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)


class DrivenClock:
    """Stands still until `advance`. Sleepers wake in the order of their times, once the clock has reached them."""

    def __init__(self, start: datetime = START) -> None:
        self._now = start
        self._boottime = 1000.0
        self._order = count()
        self._sleepers: list[tuple[float, int, asyncio.Future[None]]] = []
        self._watchers: list[tuple[int, asyncio.Future[None]]] = []

    def now(self) -> datetime:
        return self._now

    def boottime(self) -> float:
        return self._boottime

    async def sleep(self, seconds: float) -> None:
        if seconds <= 0:
            await asyncio.sleep(0)
            return
        wake: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        heapq.heappush(self._sleepers, (self._boottime + seconds, next(self._order), wake))
        self._tell_watchers()
        await wake

    def advance(self, by: timedelta | float) -> None:
        """Move on by a duration, in seconds where it is a number, and wake who has slept long enough."""
        step = by if isinstance(by, timedelta) else timedelta(seconds=by)
        self._now += step
        self._boottime += step.total_seconds()
        while self._sleepers and self._sleepers[0][0] <= self._boottime:
            _, _, wake = heapq.heappop(self._sleepers)
            if not wake.done():
                wake.set_result(None)

    @property
    def sleeping(self) -> int:
        """How many sleep now."""
        return sum(not wake.done() for _, _, wake in self._sleepers)

    async def until_sleeping(self, at_least: int = 1) -> None:
        """Return as soon as that many sleep: whoever was to be waited for has nothing else to do."""
        if self.sleeping < at_least:
            reached: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            self._watchers.append((at_least, reached))
            await reached

    async def until_sleeping_for(self, seconds: float) -> None:
        """Return as soon as somebody sleeps that much longer, whoever sleeps less."""
        due = self._boottime + seconds
        while not any(at >= due and not wake.done() for at, _, wake in self._sleepers):
            slept: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            self._watchers.append((0, slept))
            await slept

    def _tell_watchers(self) -> None:
        for at_least, reached in self._watchers:
            if self.sleeping >= at_least and not reached.done():
                reached.set_result(None)
        self._watchers = [each for each in self._watchers if not each[1].done()]
