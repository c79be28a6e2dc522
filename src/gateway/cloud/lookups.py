"""What look-ups in Google Cloud have in common: how they fail, who counts them, a cache with one flight per name."""

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum, unique
from typing import Generic, Protocol, TypeVar

from gateway.clock import Clock

Found = TypeVar("Found")


@unique
class LookupResult(StrEnum):
    """How a look-up ended; the label `result` of its metric."""

    FOUND = "found"
    CACHED = "cached"
    MISSING = "missing"
    FORBIDDEN = "forbidden"
    UNAVAILABLE = "unavailable"


class LocationError(Exception):
    """A look-up without an answer that can be used. `subject` is the URI, the text says what Google Cloud said."""

    def __init__(self, subject: str, message: str) -> None:
        super().__init__(message)
        self.subject = subject


class MissingError(LocationError):
    """There is no such thing."""


class ForbiddenError(LocationError):
    """The gateway's credentials may not look at it, or Google Cloud refuses the request about it."""


class UnavailableError(LocationError):
    """It cannot be known now; `retry_after` says when to ask again."""

    def __init__(self, subject: str, message: str, retry_after: timedelta = timedelta(seconds=5)) -> None:
        super().__init__(subject, message)
        self.retry_after = retry_after


class LookupObserver(Protocol):
    """Who counts look-ups: `kind` is `bucket`, `object`, …, `result` a `LookupResult`."""

    def location_lookup(self, kind: str, result: str) -> None: ...


@dataclass(frozen=True, slots=True)
class _Held(Generic[Found]):
    value: Found
    until: float


class FlightCache(Generic[Found]):
    """Answers by name. Those who ask for one name at one time share one look-up; what was found is kept for a while.

    Only what was found is kept. A failure is answered to those who waited for it and asked again by the next, so that
    whoever puts a thing right is believed at once.

    Args:
        look_up: the look-up itself.
        lifetime: how long a found answer is believed.
        size: how many answers are kept; the least recently used goes first.
        clock: whose `boottime` the lifetime is counted on.
        on_hit: called for every answer that came out of the cache.

    """

    def __init__(
        self,
        look_up: Callable[[str], Awaitable[Found]],
        *,
        lifetime: timedelta,
        size: int,
        clock: Clock,
        on_hit: Callable[[], None],
    ) -> None:
        self._look_up, self._lifetime, self._size = look_up, lifetime, size
        self._clock, self._on_hit = clock, on_hit
        self._held: OrderedDict[str, _Held[Found]] = OrderedDict()
        self._flights: dict[str, asyncio.Task[Found]] = {}

    async def get(self, name: str) -> Found:
        """The answer; raises what the look-up raises. A caller that gives up leaves the flight to the others."""
        if (held := self.held(name)) is not None:
            return held
        flight = self._flights.get(name)
        if flight is None:
            flight = self._flights[name] = asyncio.create_task(self._fly(name))
            flight.add_done_callback(lambda done: self._landed(name, done))
        return await asyncio.shield(flight)

    def held(self, name: str) -> Found | None:
        """The answer, where it is kept and still believed; it counts as one that came out of the cache."""
        held = self._held.get(name)
        if held is None or self._clock.boottime() >= held.until:
            return None
        self._held.move_to_end(name)
        self._on_hit()
        return held.value

    async def close(self) -> None:
        """End the flights that are under way; those who wait for them are cancelled."""
        flights = list(self._flights.values())
        for flight in flights:
            flight.cancel()
        await asyncio.gather(*flights, return_exceptions=True)

    async def _fly(self, name: str) -> Found:
        asked = self._clock.boottime()
        value = await self._look_up(name)
        self._held[name] = _Held(value, asked + self._lifetime.total_seconds())
        self._held.move_to_end(name)
        while len(self._held) > self._size:
            self._held.popitem(last=False)
        return value

    def _landed(self, name: str, flight: asyncio.Task[Found]) -> None:
        del self._flights[name]
        if not flight.cancelled():
            # Read here because everybody who waited may have gone; asyncio would complain of an unseen failure.
            flight.exception()
