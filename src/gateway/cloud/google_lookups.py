"""What look-ups in Cloud Storage and in BigQuery share: how they are asked, and a cache of places."""

import functools
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Generic, TypeVar

from gateway.clock import Clock, SystemClock
from gateway.cloud.blocking import BlockingClient, Service
from gateway.cloud.lookups import FlightCache, LookupObserver, LookupResult

Place = TypeVar("Place")


@dataclass(frozen=True, slots=True)
class LookupOptions:
    """How a service is asked. With an `endpoint` (an emulator's URL) it is asked without credentials."""

    endpoint: str = ""
    project: str = ""
    deadline: timedelta = timedelta(seconds=8)
    """For one look-up, retries and the wait for a thread included."""
    lifetime: timedelta = timedelta(minutes=5)
    """How long a place is believed. Places seldom change, and what is gone is noticed by Vertex AI too."""
    cached_places: int = 10_000
    threads: int = 8
    connections: int = 32
    """For what is asked on the event loop. A question takes Cloud Storage some 30 ms: so a thousand a second."""


class GoogleLookups(Generic[Place]):
    """One of Google's clients with the places that it has told.

    Every look-up raises `MissingError`, `ForbiddenError` or `UnavailableError`, never anything of Google's.

    Args:
        service: what is asked.
        kind: what the places are of, as look-ups are counted: `bucket`, `dataset`.
        read: asks the client, given with the keywords that bound a call, for the place of a URI.
        options: how it is asked.
        observer: who counts.
        clock: whose `boottime` lifetimes are counted on.

    """

    def __init__(
        self,
        service: Service,
        kind: str,
        read: Callable[[str, Any, dict[str, Any]], Place],
        options: LookupOptions,
        observer: LookupObserver,
        clock: Clock | None,
    ) -> None:
        self._kind, self._read = kind, read
        self._client = BlockingClient(service, options.deadline, options.threads, observer)
        self._places = FlightCache(
            self._look_up,
            lifetime=options.lifetime,
            size=options.cached_places,
            clock=clock or SystemClock(),
            on_hit=functools.partial(observer.location_lookup, kind, LookupResult.CACHED),
        )

    async def warm(self) -> None:
        """Import Google's client and build it, so that no caller waits for that.

        Raises:
            UnavailableError: there are no credentials.

        """
        await self._client.built()

    async def close(self) -> None:
        """End what is under way."""
        await self._places.close()
        self._client.close()

    async def _look_up(self, uri: str) -> Place:
        return await self._client.ask(self._kind, uri, functools.partial(self._read, uri))
