"""What all watches of a replica share: how many there are, what wakes them, and what ends them."""

import asyncio
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta

from gateway.clock import Clock
from gateway.errors import GatewayError, Reason
from gateway.identity.authorize import Access, authorize
from gateway.identity.principal import Principal
from gateway.policy.model import Policy
from gateway.policy.source import PolicySource
from gateway.service.alarms import Alarms
from gateway.service.drain import COME_AGAIN, Drain
from gateway.telemetry.rpc_metrics import RpcMetrics


@dataclass(frozen=True, slots=True)
class WatchSettings:
    """Times in seconds. `age` must stay below the connection's own age limit, whose end carries no details."""

    heartbeat: float = 30.0
    refresh: float = 3.0
    """How often the reason for waiting is worked out again while it is queued."""
    age: float = 1800.0
    most: int = 10_000
    """Watches that one replica serves at a time."""
    most_of_one: int = 2_000
    """How many of them may be one principal's."""

    @property
    def most_of_team(self) -> int:
        """How many may be one team's, of all its principals."""
        return max(self.most // 2, self.most_of_one)


@dataclass(frozen=True, slots=True)
class Heartbeat:
    """Nothing has changed, and the stream is alive."""

    time: datetime


class Watches:
    """The open watches. Each is woken by the policy, by the drain and by its own alarm, and by whatever it follows."""

    def __init__(
        self, policies: PolicySource, drain: Drain, *, clock: Clock, metrics: RpcMetrics, settings: WatchSettings
    ) -> None:
        self.policies, self.drain, self.clock, self.settings = policies, drain, clock, settings
        self.alarms = Alarms(clock)
        self._metrics = metrics
        self._open: set[Watcher] = set()
        self._of: Counter[Principal | str] = Counter()
        """By who watches, and by whose batch jobs."""
        policies.subscribe(lambda _policy: self._wake_all())
        drain.subscribe(self._wake_all)

    @contextmanager
    def opened(self, principal: Principal, team: str) -> Iterator["Watcher"]:
        """One more watch, while this is entered. Who may not watch the team hears that, however many watch it.

        Raises:
            GatewayError: what `Watcher.check` raises, and OVERLOADED for one too many, in all, of the principal or of
                the team.

        """
        watcher = Watcher(self, principal, team)
        watcher.check()
        self._refuse_one_too_many(principal, team)
        self._open.add(watcher)
        self._of.update((principal, team))
        self._metrics.watch_opened()
        try:
            yield watcher
        finally:
            self._open.discard(watcher)
            for whose in (principal, team):
                self._of[whose] -= 1
                if not self._of[whose]:
                    del self._of[whose]
            self._metrics.watch_closed()
            if not self._open:
                self.alarms.clear()

    def _refuse_one_too_many(self, principal: Principal, team: str) -> None:
        if len(self._open) >= self.settings.most:
            whose, instead = "This replica serves", "Call again in a moment, or ask for the state instead."
        elif self._of[principal] >= self.settings.most_of_one:
            whose, instead = f"{principal.name} has", "End some, or watch the team with one WatchBatchJobs instead."
        elif self._of[team] >= self.settings.most_of_team:
            whose, instead = f"The team {team} has", "End some, or watch the team with one WatchBatchJobs instead."
        else:
            return
        message = f"{whose} as many watches as it may. {instead}"
        raise GatewayError(Reason.OVERLOADED, message, retry_after=timedelta(seconds=5))

    def _wake_all(self) -> None:
        for watcher in self._open:
            watcher.wake()


class Watcher:
    """One open watch: whether it may go on, when it was last heard of, and its sleep between two looks."""

    __slots__ = ("_alarm", "_began", "_policy", "_principal", "_sent", "_sleep", "_team", "_watches", "_woken")

    def __init__(self, watches: Watches, principal: Principal, team: str) -> None:
        self._watches, self._principal, self._team = watches, principal, team
        self._began = self._sent = watches.clock.boottime()
        self._policy: Policy | None = None
        self._sleep: asyncio.Future[None] | None = None
        self._woken = False
        self._alarm = float("inf")

    def check(self) -> None:
        """End the watch where it may not go on.

        Raises:
            GatewayError: DRAINING on shutdown and at the age limit, TEAM_FORBIDDEN where the policy gives no right, or
                gives it no longer.

        """
        watches = self._watches
        if watches.drain.begun:
            raise watches.drain.refusal()
        policy = watches.policies.current
        if policy is not self._policy:
            authorize(policy, self._principal, self._team, Access.READ)
            self._policy = policy
        if watches.clock.boottime() >= self._began + watches.settings.age:
            raise GatewayError(
                Reason.DRAINING, "The watch has reached its age limit. Watch again.", retry_after=COME_AGAIN
            )

    def sent(self) -> None:
        """Something has gone out: the stream is heard of."""
        self._sent = self._watches.clock.boottime()

    @property
    def silent(self) -> bool:
        """Whether a heartbeat is due."""
        return self._watches.clock.boottime() >= self._sent + self._watches.settings.heartbeat

    def wake(self) -> None:
        """There may be something new: the sleep, now or the next one, is over."""
        self._woken = True
        if self._sleep is not None and not self._sleep.done():
            self._sleep.set_result(None)

    async def sleep(self, *, refreshed: bool = False) -> None:
        """Return when it has been woken since the last sleep, or when something is due that needs no waking."""
        if not self._woken:
            self._set_alarm(refreshed=refreshed)
            self._sleep = asyncio.get_running_loop().create_future()
            try:
                await self._sleep
            finally:
                self._sleep = None
        self._woken = False

    def _set_alarm(self, *, refreshed: bool) -> None:
        """An alarm that is set already and rings sooner will do: whoever wakes too early sleeps again."""
        settings, now = self._watches.settings, self._watches.clock.boottime()
        due = min(self._sent + settings.heartbeat, self._began + settings.age)
        if refreshed:
            due = min(due, now + settings.refresh)
        if due < self._alarm or self._alarm <= now:
            self._alarm = due
            self._watches.alarms.set(due, self.wake)
