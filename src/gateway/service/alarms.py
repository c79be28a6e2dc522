"""One timer for many sleepers: ten thousand watches must not be ten thousand tasks that sleep."""

import asyncio
import itertools
from collections.abc import Callable
from heapq import heappop, heappush

from gateway.clock import Clock

Ring = Callable[[], None]


class Alarms:
    """Calls each ring at its time. An alarm cannot be taken back: a ring that is no longer wanted does nothing."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._order = itertools.count()
        self._set: list[tuple[float, int, Ring]] = []
        self._task: asyncio.Task[None] | None = None

    def set(self, due: float, ring: Ring) -> None:
        """Call `ring` as soon as the clock's boottime is `due`. It must not block."""
        alarm = (due, next(self._order), ring)
        heappush(self._set, alarm)
        if self._set[0] is alarm:
            self._stop_sleeping()
            self._task = asyncio.create_task(self._run(), name="alarms")

    def clear(self) -> None:
        """Forget all of them."""
        self._set.clear()
        self._stop_sleeping()

    async def _run(self) -> None:
        while self._set:
            await self._clock.sleep(max(self._set[0][0] - self._clock.boottime(), 0.0))
            while self._set and self._set[0][0] <= self._clock.boottime():
                heappop(self._set)[2]()

    def _stop_sleeping(self) -> None:
        if self._task is not None:
            self._task.cancel()
            self._task = None
