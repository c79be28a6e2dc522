"""What happens to the shares of a pool between two passes of dispatch: newcomers are raised, debts are capped."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from gateway.domain.batch_job import PoolId
from gateway.domain.fair_share import Contender, TeamSnapshot
from gateway.domain.shares import CREDIT_CAP, DEBT_CAP, Standing


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
    - A team that its own limit kept out comes back at most 12 hours below that lowest one: it keeps what chance took
      from it in the last hours, but not the weeks in which its limit held it.
    - Nobody's service lies more than 24 hours above that of the lowest contender. What is charged for batch jobs that
      still run is not debt yet: if it were cut off, their ends would give it back a second time.
    """
    before = tuple(contenders)
    pools = {c.pool: [d for d in before if d.pool == c.pool] for c in before}
    after = {(c.pool, c.team): c for pool in pools.values() for c in _level_pool(teams, pool)}
    levelled = tuple(after[c.pool, c.team] for c in before)
    return Levelled(levelled, tuple(_shift(old, new) for old, new in zip(before, levelled, strict=True) if old != new))


def _level_pool(teams: Mapping[str, TeamSnapshot], pool: list[Contender]) -> list[Contender]:
    stands = {c.team: _standing(c, teams.get(c.team)) for c in pool}
    veterans = [c for c in pool if stands[c.team] is c.share.standing is Standing.CONTENDING]
    lowest = min((c.share.service for c in veterans), default=0.0)
    service = {c.team: c.share.service for c in pool}
    for c in pool:
        match (c.share.standing, stands[c.team]):
            case (Standing.IDLE, Standing.BLOCKED | Standing.CONTENDING):
                service[c.team] = max(service[c.team], lowest)
            case (Standing.BLOCKED, Standing.CONTENDING):
                service[c.team] = max(service[c.team], lowest - CREDIT_CAP)
    contending = [team for team, standing in stands.items() if standing is Standing.CONTENDING]
    ceiling = min((service[team] for team in contending), default=0.0) + DEBT_CAP
    service |= {c.team: min(service[c.team], ceiling + c.charged) for c in pool if c.team in contending}
    return [replace(c, share=replace(c.share, service=service[c.team], standing=stands[c.team])) for c in pool]


def _standing(contender: Contender, team: TeamSnapshot | None) -> Standing:
    if team is None or team.paused or contender.queued == 0:
        return Standing.IDLE
    return Standing.CONTENDING if team.has_room else Standing.BLOCKED


def _shift(old: Contender, new: Contender) -> Shift:
    return Shift(new.pool, new.team, new.share.service - old.share.service, new.share.standing)
