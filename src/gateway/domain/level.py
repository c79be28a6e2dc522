"""What happens to the shares of a pool between two passes of dispatch: newcomers are raised, debts are capped."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from gateway.domain.batch_job import PoolId
from gateway.domain.fair_share import Contender, TeamSnapshot
from gateway.domain.shares import DEBT_CAP, Standing, charge


@dataclass(frozen=True, slots=True)
class Shift:
    """What to write for one (pool, team): add `by` to its service, and remember its standing."""

    pool: PoolId
    team: str
    by: float
    standing: Standing


@dataclass(frozen=True, slots=True)
class Levelled:
    """The contenders with their shares levelled, and the difference to what the store holds."""

    contenders: tuple[Contender, ...]
    shifts: tuple[Shift, ...]


def level(teams: Mapping[str, TeamSnapshot], contenders: Iterable[Contender]) -> Levelled:
    """Level every pool; the controller does so before each pass of dispatch and stores the shifts.

    - A team that becomes backlogged starts no lower than the lowest of those that contended before, so that nobody
      hoards credit while it has nothing queued or is paused.
    - A team that its own limit kept out comes back no lower than where that lowest one stood before its latest
      dispatch: it keeps its turn, but not the weeks in which its limit held it.
    - Nobody's service lies more than 24 hours above that of the lowest contender.
    """
    before = tuple(contenders)
    pools = {c.pool: [d for d in before if d.pool == c.pool] for c in before}
    after = {(c.pool, c.team): c for pool in pools.values() for c in _level_pool(teams, pool)}
    levelled = tuple(after[c.pool, c.team] for c in before)
    return Levelled(levelled, tuple(_shift(old, new) for old, new in zip(before, levelled, strict=True) if old != new))


def _level_pool(teams: Mapping[str, TeamSnapshot], pool: list[Contender]) -> list[Contender]:
    stands = {c.team: _standing(c, teams.get(c.team)) for c in pool}
    veterans = [c for c in pool if stands[c.team] is c.share.standing is Standing.CONTENDING]
    lowest = min(veterans, key=lambda c: (c.share.service, c.team), default=None)
    service = {c.team: c.share.service for c in pool}
    if lowest:
        turn = lowest.share.service - charge(lowest.share, teams[lowest.team].weight)
        for c in pool:
            match (c.share.standing, stands[c.team]):
                case (Standing.IDLE, Standing.BLOCKED | Standing.CONTENDING):
                    service[c.team] = max(service[c.team], lowest.share.service)
                case (Standing.BLOCKED, Standing.CONTENDING):
                    service[c.team] = max(service[c.team], turn)
    contending = [team for team, standing in stands.items() if standing is Standing.CONTENDING]
    ceiling = min((service[team] for team in contending), default=0.0) + DEBT_CAP
    service |= {team: min(service[team], ceiling) for team in contending}
    return [replace(c, share=replace(c.share, service=service[c.team], standing=stands[c.team])) for c in pool]


def _standing(contender: Contender, team: TeamSnapshot | None) -> Standing:
    if team is None or team.paused or contender.queued == 0:
        return Standing.IDLE
    return Standing.CONTENDING if team.has_room else Standing.BLOCKED


def _shift(old: Contender, new: Contender) -> Shift:
    return Shift(new.pool, new.team, new.share.service - old.share.service, new.share.standing)
