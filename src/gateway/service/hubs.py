"""The hubs of the teams that are watched now."""

from collections.abc import Iterator
from contextlib import contextmanager

from gateway.clock import Clock
from gateway.service.hub import Hub
from gateway.service.waiting import Explainer
from gateway.store.feed import Feed
from gateway.store.reads import Reads


class Hubs:
    """One hub per team, for as long as somebody watches."""

    def __init__(self, reads: Reads, feed: Feed, explainer: Explainer, clock: Clock) -> None:
        self._reads, self._feed, self._explainer, self._clock = reads, feed, explainer, clock
        self._hubs: dict[str, Hub] = {}
        self._members: dict[Hub, int] = {}

    @contextmanager
    def joined(self, team: str) -> Iterator[Hub]:
        """The team's hub, while this is entered. One that has lost its way is left to those who are in it."""
        hub = self._hubs.get(team)
        if hub is None or hub.lost:
            hub = self._hubs[team] = Hub(team, self._reads, self._feed, self._explainer, self._clock)
        self._members[hub] = self._members.get(hub, 0) + 1
        try:
            yield hub
        finally:
            self._members[hub] -= 1
            if not self._members[hub]:
                del self._members[hub]
                if self._hubs.get(team) is hub:
                    del self._hubs[team]
