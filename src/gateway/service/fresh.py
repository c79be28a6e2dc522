"""Values that are worked out on demand and kept for a short while, however many ask at once."""

from collections.abc import Awaitable, Callable, Hashable
from typing import Generic, TypeVar

from gateway.clock import Clock
from gateway.service.flights import Flights

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
        self._flights = Flights[Key, Value]()

    async def get(self, key: Key) -> Value:
        """The value of a key; raises what computing it raises."""
        kept = self._kept.get(key)
        if kept is not None and self._clock.boottime() - kept[0] < self._seconds:
            return kept[1]
        return await self._flights.join(key, self._run(key))

    async def _run(self, key: Key) -> Value:
        began = self._clock.boottime()
        value = await self._compute(key)
        self._kept[key] = (began, value)
        return value
