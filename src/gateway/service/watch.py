"""Watch: one batch job as it is now, then every change, until its end.

The reader's pace is the stream's: an event is made when the reader is ready for it, from the latest
state that was told. So what changes while the reader is busy is merged, and a slow reader costs no memory.
"""

from collections.abc import AsyncGenerator

from gateway.domain.states import State
from gateway.identity.principal import Principal
from gateway.service.herald import Herald
from gateway.service.missing import not_found
from gateway.service.view import View
from gateway.service.waiting import Explainer
from gateway.service.watching import Heartbeat, Watches

Event = View | Heartbeat


class WatchBatchJob:
    """Serves watches of single batch jobs."""

    def __init__(self, watches: Watches, herald: Herald, explainer: Explainer) -> None:
        self._watches = watches
        self._herald = herald
        self._explainer = explainer

    async def __call__(self, principal: Principal, team: str, id: int) -> AsyncGenerator[Event, None]:  # noqa: A002 - the domain's word
        """Events until the batch job has ended. Close the generator when the reader goes away.

        Raises:
            GatewayError: NOT_FOUND when it is deleted or never was, TEAM_FORBIDDEN also when the policy takes the right
                away, DRAINING on shutdown and at the age limit, OVERLOADED for one watch too many, STORE_UNAVAILABLE.

        """
        with (
            self._watches.opened(principal, team) as watcher,
            self._herald.following(team, id, watcher.wake) as followed,
        ):
            shown = None
            while True:
                watcher.check()
                job = await followed.latest()
                if job is None:
                    raise not_found(team, id)
                view = await self._explainer.view(job)
                if shown is None or _differs(shown, view):
                    shown = view
                    yield view
                    watcher.sent()
                    if view.job.ended:
                        return
                elif watcher.silent:
                    yield Heartbeat(self._watches.clock.now())
                    watcher.sent()
                followed.passed_on()
                await watcher.sleep(refreshed=job.state is State.QUEUED)


def _differs(shown: View, view: View) -> bool:
    """Whether a reader who has `shown` learns something from `view`; a newer `as_of_time` alone is nothing new."""
    if shown.job.revision != view.job.revision:
        return True
    before, after = shown.waiting, view.waiting
    if before is None or after is None:
        return before is not after
    return (before.reason, before.position) != (after.reason, after.position)
