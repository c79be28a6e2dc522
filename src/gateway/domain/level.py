"""What happens to the shares of a pool between two passes of dispatch: newcomers are raised, debts are capped."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from gateway.domain.batch_job import PoolId
from gateway.domain.contention import Contender, TeamSnapshot
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
    pools: dict[PoolId, list[Contender]] = {}
    before = tuple(contenders)
    for contender in before:
        pools.setdefault(contender.pool, []).append(contender)
    moved = {(c.pool, c.team): c for pool in pools.values() for c in _level_pool(teams, pool)}
    if not moved:
        return Levelled(before, ())
    levelled = tuple(moved.get((c.pool, c.team), c) for c in before)
    shifts = (_shift(old, new) for old, new in zip(before, levelled, strict=True) if new is not old)
    return Levelled(levelled, tuple(shifts))


def _level_pool(teams: Mapping[str, TeamSnapshot], pool: list[Contender]) -> list[Contender]:
    """Those of one pool's contenders whose service or standing changes."""
    stands = [_standing(c, teams.get(c.team)) for c in pool]
    services = _raised(pool, stands)
    contending = [service for service, stand in zip(services, stands, strict=True) if stand is Standing.CONTENDING]
    ceiling = min(contending, default=0.0) + DEBT_CAP
    moved = []
    for c, stand, raised in zip(pool, stands, services, strict=True):
        service = min(raised, ceiling + c.charged) if stand is Standing.CONTENDING else raised
        if service != c.share.service or stand is not c.share.standing:
            moved.append(replace(c, share=replace(c.share, service=service, standing=stand)))
    return moved


def _raised(pool: list[Contender], stands: list[Standing]) -> list[float]:
    """The services, newcomers' raised to the lowest of those that contended before and still do."""
    services = [c.share.service for c in pool]
    was = [c.share.standing for c in pool]
    if stands == was:
        return services
    before = zip(services, stands, was, strict=True)
    lowest = min((service for service, *both in before if all(s is Standing.CONTENDING for s in both)), default=0.0)
    for i, (old, new) in enumerate(zip(was, stands, strict=True)):
        if old is Standing.IDLE and new is not Standing.IDLE:
            services[i] = max(services[i], lowest)
        elif old is Standing.BLOCKED and new is Standing.CONTENDING:
            services[i] = max(services[i], lowest - CREDIT_CAP)
    return services


def _standing(contender: Contender, team: TeamSnapshot | None) -> Standing:
    if team is None or team.paused or not contender.backlogged:
        return Standing.IDLE
    return Standing.CONTENDING if team.has_room else Standing.BLOCKED


def _shift(old: Contender, new: Contender) -> Shift:
    return Shift(new.pool, new.team, new.share.service - old.share.service, new.share.standing)
