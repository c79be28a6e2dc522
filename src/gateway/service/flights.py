"""Work that many ask for at once and that is done once."""

import asyncio
from collections.abc import Coroutine, Hashable
from typing import Any, Generic, TypeVar

Key = TypeVar("Key", bound=Hashable)
Value = TypeVar("Value")


class Flights(Generic[Key, Value]):
    """At most one flight per key is under way; those who ask meanwhile join it."""

    def __init__(self) -> None:
        self._under_way: dict[Key, asyncio.Task[Value]] = {}

    def under_way(self, key: Key) -> bool:
        return key in self._under_way

    async def join(self, key: Key, work: Coroutine[Any, Any, Value]) -> Value:
        """The result of the flight under way, or of `work` where there is none; raises what it raises.

        One that gives up takes nothing from the others.
        """
        flight = self._under_way.get(key)
        if flight is None:
            flight = asyncio.ensure_future(work)
            self._under_way[key] = flight
            flight.add_done_callback(lambda done: self._landed(key, done))
        else:
            work.close()
        return await asyncio.shield(flight)

    def _landed(self, key: Key, flight: asyncio.Task[Value]) -> None:
        self._under_way.pop(key, None)
        if not flight.cancelled():
            # Read here, so that a failure nobody waited for is not reported by the event loop as lost.
            flight.exception()
