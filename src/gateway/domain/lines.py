"""The lines of teams before the pools, while slots are handed out one after another."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from heapq import heapify, heappop, heappush
from math import inf
from operator import attrgetter
from typing import Final

from gateway.domain.batch_job import PoolId
from gateway.domain.contention import Choice, Contender, Head, PoolSnapshot, Rank, TeamSnapshot
from gateway.domain.shares import charge

Turn = tuple[float, datetime, int, str]
"""A team's place in a line: its service, then the time and the id of its first head. Ids are unique."""

_BY_RANK: Final = attrgetter("rank")


class Lines:
    """The lines of all pools, under limits that span them.

    A team whose limit leaves it less room than it has pools to run in is served where it is first in line with its best
    heads, by their rank. In the other pools it steps back behind everybody else, but lets no slot stay free. Without
    this, a team at its limit would take the slot that it has just given back, in the same pool for ever, and its queue
    for the next pool would starve.
    """

    def __init__(
        self,
        pools: Iterable[PoolSnapshot],
        teams: Mapping[str, TeamSnapshot],
        contenders: Iterable[Contender],
        free: Mapping[PoolId, int],
    ) -> None:
        """`free`: how many slots of which pools are to be handed out."""
        self._teams = teams
        self._active = {team.team: team.active for team in teams.values()}
        self._free = {pool: free[pool] for pool in sorted(free)}
        self._open = {pool.id for pool in pools if pool.lets_in}
        self._here: dict[PoolId, list[Contender]] = {}
        self._pools_of: dict[str, list[PoolId]] = {}  # of the teams with a limit
        for contender in contenders:
            team = teams.get(contender.team)
            if team is not None and contender.heads and not team.paused:
                self._here.setdefault(contender.pool, []).append(contender)
                if team.limit is not None:
                    self._pools_of.setdefault(contender.team, []).append(contender.pool)
        self._lines: dict[PoolId, _Line] = {}

    def take(self) -> Choice | None:
        """The next choice, of the first pool by name that has one; None where no slot can be filled any more."""
        for stepping_back in (False, True):
            for pool, free in self._free.items():
                if free > 0 and (choice := self._take(pool, stepping_back=stepping_back)):
                    self._free[pool] -= 1
                    return choice
        return None

    def release(self, pool: PoolId, team: str) -> None:
        """A slot of the pool has come free; a team that is in no line is none of its business."""
        self._free[pool] += 1
        if team in self._active:
            self._active[team] -= 1
            for line in self._lines.values():
                line.readmit(team)

    def waits(self, pool: PoolId) -> bool:
        """Whether anything is left in the pool's line."""
        return not self._line(pool).empty

    def _take(self, pool: PoolId, *, stepping_back: bool) -> Choice | None:
        """The first team that has room and, unless `stepping_back` is allowed, does not need it elsewhere."""
        line, aside = self._line(pool), list[Turn]()
        while (team := self._first(line)) and not stepping_back and self._is_wanted_elsewhere(team, pool):
            aside.append(heappop(line.turns))
        choice = line.take() if team else None
        for turn in aside:
            heappush(line.turns, turn)
        if choice:
            self._active[choice.team] += 1
        return choice

    def _first(self, line: "_Line") -> str:
        """The first team that has room; "" where none has. The others are put aside and delay nobody."""
        while line.turns:
            team = line.turns[0][-1]
            if self._room(team) > 0:
                return team
            line.put_aside()
        return ""

    def _is_wanted_elsewhere(self, team: str, pool: PoolId) -> bool:
        """Whether all the room that the team has is for better heads of its own, first in the lines of other pools."""
        rivals, room = self._pools_of.get(team, ()), self._room(team)
        if room >= len(rivals):
            return False
        rank = self._line(pool).head(team).rank
        return sum(other != pool and self._is_first(team, other, rank) for other in rivals) >= room

    def _is_first(self, team: str, pool: PoolId, rank: Rank) -> bool:
        """Whether the team takes the pool's next slot, with a head that goes before `rank`."""
        if pool not in self._open:
            return False
        line = self._line(pool)
        return self._first(line) == team and line.head(team).rank < rank

    def _room(self, team: str) -> float:
        limit = self._teams[team].limit
        return inf if limit is None else limit - self._active[team]

    def _line(self, pool: PoolId) -> "_Line":
        if pool not in self._lines:
            self._lines[pool] = _Line(self._here.get(pool, ()), self._teams)
        return self._lines[pool]


class _Line:
    """One pool's teams in the order of service. `turns` is a heap of those that are not put aside."""

    def __init__(self, here: Iterable[Contender], teams: Mapping[str, TeamSnapshot]) -> None:
        self._pool = {c.team: c.pool for c in here}
        self._charge = {c.team: charge(c.share, teams[c.team].weight) for c in here}
        # The first stands last, where it is taken from.
        self._heads = {c.team: sorted(c.heads, key=_BY_RANK, reverse=True) for c in here}
        self._aside: dict[str, Turn] = {}
        self.turns = [self._turn(c.team, c.share.service) for c in here]
        heapify(self.turns)

    @property
    def empty(self) -> bool:
        return not self.turns and not self._aside

    def head(self, team: str) -> Head:
        """The team's first batch job here, which must have one."""
        return self._heads[team][-1]

    def take(self) -> Choice:
        """The first head of the first team, which is charged for it and gets a new place."""
        service, _, _, team = heappop(self.turns)
        head, amount = self._heads[team].pop(), self._charge[team]
        if self._heads[team]:
            heappush(self.turns, self._turn(team, service + amount))
        return Choice(self._pool[team], team, head, amount)

    def put_aside(self) -> None:
        """The first team loses its turn until it is let in again."""
        turn = heappop(self.turns)
        self._aside[turn[-1]] = turn

    def readmit(self, team: str) -> None:
        """The team may have room again."""
        if turn := self._aside.pop(team, None):
            heappush(self.turns, turn)

    def _turn(self, team: str, service: float) -> Turn:
        head = self._heads[team][-1]
        return (service, head.create_time, head.id, team)
