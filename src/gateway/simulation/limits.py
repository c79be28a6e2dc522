"""When a team filled its own limit: then it waits for itself, however empty a pool is."""

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterable, Sequence

from gateway.policy.model import TeamPolicy
from gateway.simulation.replay import Ran, limit_of


class Filled:
    """For how long, up to any moment, a team had as many active as its limit."""

    def __init__(self, limit: int | None, ran: Iterable[Ran]) -> None:
        """`ran` is all that ran of the team, in whatever pool."""
        self._times: list[float] = []
        self._until: list[float] = []
        """At each of the times, for how long it was filled until then."""
        self._is: list[bool] = []
        if limit is not None:
            self._sweep(limit, ran)

    def between(self, start: float, end: float) -> float:
        """Seconds of that time in which the limit was filled."""
        return self._up_to(end) - self._up_to(start)

    def _sweep(self, limit: int, ran: Iterable[Ran]) -> None:
        steps = sorted(step for each in ran for step in ((each.start, 1), (each.end, -1)))
        active, filled, last = 0, 0.0, 0.0
        for time, by in steps:
            filled += (time - last) * (active >= limit)
            active, last = active + by, time
            self._times.append(time)
            self._until.append(filled)
            self._is.append(active >= limit)

    def _up_to(self, time: float) -> float:
        at = bisect_right(self._times, time) - 1
        return 0.0 if at < 0 else self._until[at] + (time - self._times[at]) * self._is[at]


def filled_by_team(teams: Iterable[tuple[str, TeamPolicy]], ran: Sequence[Ran]) -> dict[str, Filled]:
    """For each team."""
    of_team = defaultdict[str, list[Ran]](list)
    for each in ran:
        of_team[each.job.arrival.team].append(each)
    return {name: Filled(limit_of(team), of_team[name]) for name, team in teams}
