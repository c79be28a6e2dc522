"""Values that are worked out on demand and kept for a short while, however many ask at once."""

import asyncio
from collections.abc import Awaitable, Callable, Hashable
from typing import Generic, TypeVar

from gateway.clock import Clock

Key = TypeVar("Key", bound=Hashable)
Value = TypeVar("Value")


class Fresh(Generic[Key, Value]):
    """`get` answers a value that is at most `seconds` old. One computation runs per key; those who come meanwhile wait
    for it. A failure is given to all of them and not kept. Keys are pools: few, so nothing is evicted.
    """

    def __init__(self, compute: Callable[[Key], Awaitable[Value]], clock: Clock, *, seconds: float) -> None:
        self._compute = compute
        self._clock = clock
        self._seconds = seconds
        self._kept: dict[Key, tuple[float, Value]] = {}
        self._running: dict[Key, asyncio.Task[Value]] = {}

    async def get(self, key: Key) -> Value:
        """The value of a key; raises what computing it raises."""
        kept = self._kept.get(key)
        if kept is not None and self._clock.boottime() - kept[0] < self._seconds:
            return kept[1]
        running = self._running.get(key)
        if running is None:
            running = asyncio.ensure_future(self._run(key))
            self._running[key] = running
            running.add_done_callback(lambda done: self._done(key, done))
        # One caller that gives up must not take the value from the others.
        return await asyncio.shield(running)

    async def _run(self, key: Key) -> Value:
        began = self._clock.boottime()
        value = await self._compute(key)
        self._kept[key] = (began, value)
        return value

    def _done(self, key: Key, task: asyncio.Task[Value]) -> None:
        self._running.pop(key, None)
        if not task.cancelled():
            # Read here, so that a failure nobody waited for is not reported by the event loop as lost.
            task.exception()
