"""Watch: one batch job as it is now, then every change, until its end.

The reader's pace is the stream's: an event is made when the reader is ready for it, from the state of that moment. So
what changes while the reader is busy is merged, and a slow reader costs no memory and gets the latest state.
"""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from gateway.clock import Clock
from gateway.domain.batch_job import BatchJob
from gateway.domain.states import State
from gateway.errors import GatewayError, Reason
from gateway.identity.authorize import Access, authorize
from gateway.identity.principal import Principal
from gateway.policy.source import PolicySource
from gateway.service.bell import Bell
from gateway.service.drain import COME_AGAIN, Drain
from gateway.service.missing import not_found
from gateway.service.view import View
from gateway.service.waiting import Explainer
from gateway.store.feed import Feed
from gateway.store.reads import Reads
from gateway.telemetry.rpc_metrics import RpcMetrics


@dataclass(frozen=True, slots=True)
class Heartbeat:
    """Nothing has changed, and the stream is alive."""

    time: datetime


Event = View | Heartbeat


@dataclass(frozen=True, slots=True)
class WatchSettings:
    """Times in seconds. `age` must stay below the connection's own age limit, whose end carries no details."""

    heartbeat: float = 30.0
    refresh: float = 3.0
    """How often the reason for waiting is worked out again while it is queued."""
    age: float = 1800.0
    most: int = 5000
    """Watches that one replica serves at a time."""


class WatchBatchJob:
    """Serves watches of single batch jobs."""

    def __init__(
        self,
        policies: PolicySource,
        reads: Reads,
        feed: Feed,
        explainer: Explainer,
        drain: Drain,
        *,
        clock: Clock,
        metrics: RpcMetrics,
        settings: WatchSettings,
    ) -> None:
        self.policies = policies
        self.reads = reads
        self.feed = feed
        self.explainer = explainer
        self.drain = drain
        self.clock = clock
        self.settings = settings
        self.policy_changes = Bell()
        self._metrics = metrics
        self._open = 0
        policies.subscribe(lambda _policy: self.policy_changes.ring())

    async def __call__(self, principal: Principal, team: str, id: int) -> AsyncGenerator[Event, None]:  # noqa: A002 - the domain's word
        """Events until the batch job has ended. Close the generator when the reader goes away.

        Raises:
            GatewayError: NOT_FOUND when it is deleted or never was, TEAM_FORBIDDEN also when the policy takes the right
                away, DRAINING on shutdown and at the age limit, OVERLOADED for one watch too many, STORE_UNAVAILABLE.

        """
        with self._counted():
            async for event in _Watch(self, principal, team, id).events():
                yield event

    @contextmanager
    def _counted(self) -> Iterator[None]:
        if self._open >= self.settings.most:
            raise GatewayError(
                Reason.OVERLOADED,
                "This replica serves as many watches as it may. Call again in a moment, or ask for the state instead.",
                retry_after=timedelta(seconds=5),
            )
        self._open += 1
        self._metrics.watch_opened()
        try:
            yield
        finally:
            self._open -= 1
            self._metrics.watch_closed()


class _Watch:
    """One stream: what it has shown, and since when it is silent."""

    def __init__(self, service: WatchBatchJob, principal: Principal, team: str, id: int) -> None:  # noqa: A002 - the domain's word
        self._service = service
        self._clock = service.clock
        self._principal = principal
        self._team = team
        self._id = id
        self._began = self._sent = self._clock.boottime()
        self._seen = -1
        self._job: BatchJob | None = None
        self._shown: View | None = None

    async def events(self) -> AsyncIterator[Event]:
        settings = self._service.settings
        while True:
            # Listened for before the right is looked at, so that no policy slips in between.
            policy_change = self._service.policy_changes.next()
            self._check()
            view = await self._view()
            if self._shown is None or _differs(self._shown, view):
                self._shown = view
                yield view
                self._sent = self._clock.boottime()
                if view.job.ended:
                    return
            elif self._clock.boottime() - self._sent >= settings.heartbeat:
                yield Heartbeat(self._clock.now())
                self._sent = self._clock.boottime()
            await self._pause(policy_change, self._patience(view))

    def _check(self) -> None:
        """End the stream where it may not go on."""
        service = self._service
        if service.drain.begun:
            raise service.drain.refusal()
        if self._clock.boottime() - self._began >= service.settings.age:
            raise GatewayError(
                Reason.DRAINING, "The watch has reached its age limit. Watch again.", retry_after=COME_AGAIN
            )
        authorize(service.policies.current, self._principal, self._team, Access.READ)

    async def _view(self) -> View:
        """The batch job as it is now, read again only where the team's feed has moved."""
        service = self._service
        revision = service.feed.revision(self._team)
        if self._job is None or revision > self._seen:
            self._job = await service.reads.get(self._team, self._id)
            self._seen = revision
        if self._job is None:
            raise not_found(self._team, self._id)
        return await service.explainer.view(self._job)

    def _patience(self, view: View) -> float:
        """Seconds until there is something to do even if nothing happens."""
        settings = self._service.settings
        now = self._clock.boottime()
        until_due = min(self._sent + settings.heartbeat, self._began + settings.age) - now
        if view.job.state is State.QUEUED:
            until_due = min(until_due, settings.refresh)
        return max(until_due, 0.0)

    async def _pause(self, policy_change: "asyncio.Future[None]", seconds: float) -> None:
        """Return when the feed moves, the policy changes, the replica drains, or the time is over."""
        service = self._service
        waits: list[asyncio.Future[Any]] = [
            asyncio.ensure_future(service.feed.wait(self._team, self._seen)),
            asyncio.ensure_future(service.drain.wait()),
            asyncio.ensure_future(self._clock.sleep(seconds)),
        ]
        try:
            await asyncio.wait([*waits, policy_change], return_when=asyncio.FIRST_COMPLETED)
        finally:
            for wait in waits:
                wait.cancel()
            await asyncio.gather(*waits, return_exceptions=True)


def _differs(shown: View, view: View) -> bool:
    """Whether a reader who has `shown` learns something from `view`; a newer `as_of_time` alone is nothing new."""
    if shown.job.revision != view.job.revision:
        return True
    before, after = shown.waiting, view.waiting
    if before is None or after is None:
        return before is not after
    return (before.reason, before.position) != (after.reason, after.position)
