"""Who gets the next slot of a pool: fair share over slot time. Pure rules over snapshots of the store.

The controller decides by `level` and then `plan` (or `choose`, slot by slot; `probe` at a closed gate). The service
explains by `order`, and by what `plan` leaves (`waiting.py`). All times are seconds; `service` is slot-seconds divided
by the team's weight.
"""

from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from heapq import heappop, heappush

from gateway.domain.batch_job import PoolId
from gateway.domain.shares import Share, charge


@dataclass(frozen=True, slots=True)
class PoolSnapshot:
    """One pool. A pool that the policy no longer holds has capacity 0.

    `active` counts the gateway's rows that hold a slot, `strays` its Vertex jobs that no row accounts for, `others` the
    Vertex jobs made outside the gateway (0 where the pool counts only ours).
    """

    id: PoolId
    capacity: int
    active: int
    others: int = 0
    strays: int = 0
    gate_open: bool = True

    @property
    def free(self) -> int:
        """Slots that may be taken now; below zero when the pool shrank under what runs."""
        return self.capacity - self.active - self.others - self.strays


@dataclass(frozen=True, slots=True)
class TeamSnapshot:
    """One team of the policy: `active` is over all pools, `limit` is `active_jobs` (None: no limit, or only shadow)."""

    team: str
    weight: float
    active: int
    limit: int | None
    paused: bool = False

    @property
    def has_room(self) -> bool:
        return self.limit is None or self.active < self.limit


@dataclass(frozen=True, slots=True)
class Head:
    """One queued batch job near the front of its team's queue. `refusals`: how often Vertex has refused it."""

    id: int
    priority: int
    create_time: datetime
    refusals: int = 0

    @property
    def rank(self) -> tuple[int, datetime, int]:
        """The place within the team: priority, then age, then id."""
        return (-self.priority, self.create_time, self.id)


@dataclass(frozen=True, slots=True)
class Contender:
    """One team in one pool. `heads` are the first of the `queued`, in any order: `plan` needs as many as there are free
    slots, `order` needs all of them. `active` is the team's count in this pool alone, `charged` what their dispatches
    were charged: it stands in `share.service` and is settled when they end.
    """

    pool: PoolId
    team: str
    share: Share
    queued: int
    heads: tuple[Head, ...] = ()
    active: int = 0
    charged: float = 0.0


@dataclass(frozen=True, slots=True)
class Choice:
    """The next batch job of a pool, and what its dispatch adds to the team's service there."""

    pool: PoolId
    team: str
    head: Head
    charge: float


def choose(pool: PoolSnapshot, teams: Mapping[str, TeamSnapshot], contenders: Iterable[Contender]) -> Choice | None:
    """What takes the next slot of the pool; None where no slot is free, the gate is closed or nobody is eligible."""
    if not pool.gate_open or pool.free <= 0:
        return None
    return _Line(pool.id, teams, contenders, _active(teams)).take()


def plan(
    pools: Iterable[PoolSnapshot], teams: Mapping[str, TeamSnapshot], contenders: Iterable[Contender]
) -> tuple[Choice, ...]:
    """One pass over all pools, in the order of their names: every choice that fills a slot, as `choose` after `choose`.

    A team's limit is over all pools, so what an earlier pool takes is missing in a later one.
    """
    everyone, active, choices = tuple(contenders), _active(teams), list[Choice]()
    for pool in sorted(pools, key=lambda pool: pool.id):
        line = _Line(pool.id, teams, everyone, active)
        free = pool.free if pool.gate_open else 0
        while free > 0 and (choice := line.take()):
            choices.append(choice)
            free -= 1
    return tuple(choices)


def probe(pool: PoolSnapshot, teams: Mapping[str, TeamSnapshot], contenders: Iterable[Contender]) -> Choice | None:
    """The one batch job that tries a closed gate: the least refused; among equals as `choose`. Limits hold."""
    if pool.free <= 0:
        return None
    fit = [c for c in contenders if c.pool == pool.id and c.heads and _may_run(teams.get(c.team))]
    tries = [(min(c.heads, key=lambda head: (head.refusals, head.rank)), c) for c in fit if teams[c.team].has_room]
    if not tries:
        return None
    head, contender = min(tries, key=lambda t: (t[0].refusals, t[1].share.service, t[0].create_time, t[0].id))
    return Choice(pool.id, contender.team, head, charge(contender.share, teams[contender.team].weight))


def order(pool: PoolSnapshot, teams: Mapping[str, TeamSnapshot], contenders: Iterable[Contender]) -> tuple[Choice, ...]:
    """The order in which `choose` takes the queue if slots free one by one and nothing arrives: `position` by index.

    What runs is assumed to end in turn over the teams, and what is taken meanwhile to end in the order of taking. A
    closed gate counts as open. Left out is what no freed slot of this pool lets in: paused and removed teams, teams
    that fill their limit elsewhere, and everything in a pool of capacity 0.
    """
    if pool.capacity <= 0:
        return ()
    here = [c for c in contenders if c.pool == pool.id]
    line = _Line(pool.id, teams, here, _active(teams))
    running, free, taken = deque(_in_turn(pool, here)), pool.free, list[Choice]()
    while True:
        choice = line.take() if free > 0 else None
        if choice:
            taken.append(choice)
            running.append(choice.team)
            free -= 1
        elif running and not line.empty:
            line.release(running.popleft())
            free += 1
        else:
            return tuple(taken)


class _Line:
    """The teams of one pool in the order of service, while choices are taken from it one after another."""

    def __init__(
        self,
        pool: PoolId,
        teams: Mapping[str, TeamSnapshot],
        contenders: Iterable[Contender],
        active: dict[str, int],
    ) -> None:
        self._pool, self._teams, self._active = pool, teams, active
        here = [c for c in contenders if c.pool == pool and c.heads and _may_run(teams.get(c.team))]
        self._heads = {c.team: deque(sorted(c.heads, key=_rank)) for c in here}
        self._service = {c.team: c.share.service for c in here}
        self._charge = {c.team: charge(c.share, teams[c.team].weight) for c in here}
        self._ready: list[tuple[float, datetime, int, str]] = []
        self._blocked: set[str] = set()
        for team in self._heads:
            self._enter(team)

    @property
    def empty(self) -> bool:
        return not self._ready and not self._blocked

    def take(self) -> Choice | None:
        """The next choice; teams at their limit are put aside and delay nobody."""
        while self._ready:
            team = heappop(self._ready)[-1]
            if not self._has_room(team):
                self._blocked.add(team)
                continue
            head = self._heads[team].popleft()
            self._active[team] += 1
            self._service[team] += self._charge[team]
            self._enter(team)
            return Choice(self._pool, team, head, self._charge[team])
        return None

    def release(self, team: str) -> None:
        """One batch job of the team has ended; names that are not in the line are none of its business."""
        if team in self._active:
            self._active[team] -= 1
        if team in self._blocked and self._has_room(team):
            self._blocked.discard(team)
            self._enter(team)

    def _enter(self, team: str) -> None:
        if heads := self._heads[team]:
            heappush(self._ready, (self._service[team], heads[0].create_time, heads[0].id, team))

    def _has_room(self, team: str) -> bool:
        limit = self._teams[team].limit
        return limit is None or self._active[team] < limit


def _rank(head: Head) -> tuple[int, datetime, int]:
    return head.rank


def _may_run(team: TeamSnapshot | None) -> bool:
    return team is not None and not team.paused


def _active(teams: Mapping[str, TeamSnapshot]) -> dict[str, int]:
    return {team.team: team.active for team in teams.values()}


def _in_turn(pool: PoolSnapshot, contenders: Iterable[Contender]) -> list[str]:
    """Who holds the pool's slots, one team after the other; `""` holds what is not a contender's."""
    held = {c.team: c.active for c in contenders}
    held[""] = max(0, pool.capacity - pool.free - sum(held.values()))
    return [team for _, team in sorted((turn, team) for team, count in held.items() for turn in range(count))]
