"""Watch a team: its open batch jobs, then every change to any of them, deletions included; resumable.

A watcher is a place in the order of the team's revisions. Each step sends what comes next behind that place, as it is
at that moment: what a slow reader has missed is merged, and nothing is kept for it.
"""

from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass

from gateway.identity.principal import Principal
from gateway.service.hub import Hub, Shown
from gateway.service.hubs import Hubs
from gateway.service.resume_tokens import read_resume_token
from gateway.service.watching import Heartbeat, Watcher, Watches
from gateway.store.feed import Feed


@dataclass(frozen=True, slots=True)
class TeamEvent:
    """One message. `what` None only carries the rest. `token` is "" while the watch could not be resumed from here."""

    what: Shown | Heartbeat | None
    token: str
    synced: bool


class WatchBatchJobs:
    """Serves watches of whole teams."""

    def __init__(self, watches: Watches, hubs: Hubs, feed: Feed) -> None:
        self._watches = watches
        self._hubs = hubs
        self._feed = feed

    async def __call__(self, principal: Principal, team: str, token: str) -> AsyncGenerator[TeamEvent, None]:
        """Events without end: from `token` on, or, where it is "", with what is open. Close it when the reader goes.

        `synced` is False until the reader has caught up with what was there when the watch began.

        Raises:
            GatewayError: TEAM_FORBIDDEN also when the policy takes the right away, INVALID_SPEC and
                RESUME_TOKEN_EXPIRED for the token, DRAINING on shutdown and at the age limit, OVERLOADED for one watch
                too many, STORE_UNAVAILABLE.

        """
        with (
            self._watches.opened(principal, team) as watcher,
            self._hubs.joined(team) as hub,
            self._feed.following(team, watcher.wake),
        ):
            async with aclosing(self._events(watcher, hub, team, token)) as events:
                async for event in events:
                    yield event
                    watcher.sent()

    async def _events(self, watcher: Watcher, hub: Hub, team: str, token: str) -> AsyncGenerator[TeamEvent, None]:
        if token:
            point = read_resume_token(team, token)
            await hub.resume(point)
            place, goal = point.revision, hub.revision
        else:
            place = goal = await hub.begin()
            last = 0
            while (job := await hub.next_live(last, place)) is not None:
                last = job.id
                yield TeamEvent(await hub.shown(job), "", synced=False)
                watcher.check()
        synced = False
        while True:
            watcher.check()
            job = await hub.next_change(place)
            if not synced and (job is None or job.revision > goal):
                synced = True
                yield TeamEvent(None, hub.token(place), synced)
            elif job is not None:
                place = job.revision
                yield TeamEvent(await hub.shown(job), hub.token(place), synced)
            else:
                place = max(place, hub.revision)
                if watcher.silent:
                    yield TeamEvent(Heartbeat(self._watches.clock.now()), hub.token(place), synced)
                await watcher.sleep()
