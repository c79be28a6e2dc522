"""Every loop of one term, made and put together in one place."""

from datetime import timedelta
from typing import Final

from gateway.controller.bells import Bell
from gateway.controller.cancel import Cancel
from gateway.controller.delete import Delete
from gateway.controller.dispatch import Dispatch
from gateway.controller.expire import Expire
from gateway.controller.finds import Finds
from gateway.controller.flights import Flights
from gateway.controller.gauges import Gauges
from gateway.controller.guard import Guard, first_of
from gateway.controller.loop import Loop, LoopConfig, PoolLoop
from gateway.controller.per_pool import PerPool
from gateway.controller.poll import Poll
from gateway.controller.refusals import Refusals
from gateway.controller.resolve import Resolve
from gateway.controller.retain import Retain
from gateway.controller.scan import Scanner
from gateway.controller.submit import Submit
from gateway.controller.sweep import Sweep
from gateway.controller.term import Term

_LANE_GAP: Final = timedelta(milliseconds=500)
_DISPATCH_GAP: Final = timedelta(milliseconds=5)


class Loops:
    """The loops of one term; each has a `run_once`, and `run` runs all of them until the term is over."""

    def __init__(self, term: Term, guard: Guard, flights: Flights) -> None:
        self._term, self._guard = term, guard
        finds = Finds(term, guard, flights)
        scanner = Scanner(term, finds)
        self.submit = Submit(term, guard, flights, finds, Refusals(term))
        self.dispatch = Dispatch(term, self.submit, flights)
        self.resolve = Resolve(term, guard, scanner, flights)
        self.poll = Poll(term, guard, finds)
        self.cancel = Cancel(term, guard)
        self.delete = Delete(term, guard)
        self.sweep = Sweep(term, guard, scanner)
        self.expire = Expire(term, guard)
        self.retain = Retain(term, guard)
        self.gauges = Gauges(term, self.resolve)

    async def run(self) -> None:
        """Run every loop until the term is over."""
        config = self._term.config
        # What has become free or was created is taken at once, and a flood of changes does not make dispatch all we do.
        pace = LoopConfig(config.dispatch_interval, gap=_DISPATCH_GAP, half_time=True)
        dispatch = Loop("dispatch", self.dispatch.run_once, pace, guard=self._guard, clock=self._term.clock)
        lanes = {
            Bell.RESOLVE: self._lanes(self.resolve, config.resolve_interval),
            Bell.POLL: self._lanes(self.poll, config.poll_interval),
            Bell.CANCEL: self._lanes(self.cancel, config.cancel_interval),
            Bell.DELETE: self._lanes(self.delete, config.delete_interval),
        }
        self._term.bells.hang(Bell.DISPATCH, lambda _: dispatch.wake())
        for bell, each in lanes.items():
            self._term.bells.hang(bell, each.wake)
        runners: tuple[Loop | PoolLoop, ...] = (
            *lanes.values(),
            dispatch,
            self._lanes(self.sweep, config.sweep_interval),
            self._loop("expire", self.expire, config.expire_interval),
            self._loop("retain", self.retain, config.retain_interval),
            self._loop("gauges", self.gauges, config.gauges_interval),
        )
        await first_of(self._term.leadership.over.wait(), *(each.run() for each in runners))

    def _loop(self, name: str, work: "Expire | Retain | Gauges", interval: timedelta) -> Loop:
        return Loop(name, work.run_once, LoopConfig(interval), guard=self._guard, clock=self._term.clock)

    def _lanes(self, work: PerPool, interval: timedelta) -> PoolLoop:
        return PoolLoop(work, LoopConfig(interval, gap=_LANE_GAP), guard=self._guard, clock=self._term.clock)
