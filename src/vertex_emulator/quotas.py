"""Requests a minute: how many job submissions and reads one region takes before it answers RESOURCE_EXHAUSTED."""

from __future__ import annotations

from collections import deque
from datetime import datetime, timedelta

from vertex_emulator.clock import Clock
from vertex_emulator.errors import exhausted
from vertex_emulator.names import Place

_MINUTE = timedelta(minutes=1)


class RequestQuota:
    """One kind of request, counted in each place over the last minute."""

    def __init__(self, kind: str, per_minute: int | None, clock: Clock) -> None:
        self._kind = kind
        self._per_minute = per_minute
        self._clock = clock
        self._times: dict[Place, deque[datetime]] = {}

    def spend(self, place: Place) -> None:
        """Count one request; RESOURCE_EXHAUSTED, without counting it, where the minute's are used up."""
        if self._per_minute is None:
            return
        now = self._clock.now()
        times = self._times.setdefault(place, deque())
        while times and times[0] <= now - _MINUTE:
            times.popleft()
        if len(times) >= self._per_minute:
            raise exhausted(
                f"Quota exceeded for aiplatform.googleapis.com/{self._kind} in region {place.region}: "
                f"{self._per_minute} a minute."
            )
        times.append(now)
