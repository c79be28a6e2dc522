"""What a replay says of each team in each pool: how long it waited, and what part of the pool's time it had."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import ceil

from gateway.domain.batch_job import PoolId
from gateway.policy.model import Policy
from gateway.simulation.limits import Filled, filled_by_team
from gateway.simulation.replay import Ran, Replayed, limit_of


@dataclass(frozen=True, slots=True)
class Line:
    """One team in one pool. Waits in seconds, None where nothing of it ran; `share` of the slot time that the pool gave
    out between the trace's first and last arrival; `due` is the team's weight among those that sent to the pool.
    `at_limit` is the part of all its waiting in which the team filled its own limit, None where it has none.
    """

    team: str
    due: float
    jobs: int
    held: int
    p50: float | None
    p95: float | None
    longest: float | None
    share: float
    at_limit: float | None


@dataclass(frozen=True, slots=True)
class PoolReport:
    """One pool. `use`: which part of its capacity was held between the trace's first and last arrival."""

    pool: PoolId
    capacity: int
    use: float
    lines: Mapping[str, Line]


@dataclass(frozen=True, slots=True)
class Report:
    """One replay under its name."""

    name: str
    pools: Mapping[PoolId, PoolReport]


def report(name: str, policy: Policy, replayed: Replayed) -> Report:
    """The figures of a replay, pool by pool and team by team, both in the order of their names."""
    jobs = [*(ran.job for ran in replayed.ran), *replayed.held]
    first, last = min(job.arrival.time for job in jobs), max(job.arrival.time for job in jobs)
    ran, held = defaultdict[PoolId, list[Ran]](list), defaultdict[PoolId, list[str]](list)
    for each in replayed.ran:
        ran[each.job.pool].append(each)
    for job in replayed.held:
        held[job.pool].append(job.arrival.team)
    filled = filled_by_team(policy.teams.items(), replayed.ran)
    pools = {}
    for pool in sorted({*ran, *held}):
        lines, used = _lines(policy, filled, ran[pool], held[pool], first, last)
        capacity = policy.pools[pool].capacity
        pools[pool] = PoolReport(pool, capacity, _part(used, capacity * (last - first)), lines)
    return Report(name, pools)


def _lines(
    policy: Policy, filled: Mapping[str, Filled], ran: Iterable[Ran], held: Sequence[str], first: float, last: float
) -> tuple[dict[str, Line], float]:
    waits, used = defaultdict[str, list[float]](list), dict.fromkeys(held, 0.0)
    limited = defaultdict[str, float](float)
    for each in ran:
        team = each.job.arrival.team
        waits[team].append(each.wait)
        limited[team] += filled[team].between(each.job.arrival.time, each.start)
        used[team] = used.get(team, 0.0) + max(0.0, min(each.end, last) - max(each.start, first))
    total, weights = sum(used.values()), sum(policy.teams[team].weight for team in used)
    lines = {}
    for team in sorted(used):
        mine = sorted(waits[team])
        lines[team] = Line(
            team=team,
            due=policy.teams[team].weight / weights,
            jobs=len(mine) + held.count(team),
            held=held.count(team),
            p50=_rank(mine, 0.5),
            p95=_rank(mine, 0.95),
            longest=_rank(mine, 1),
            share=_part(used[team], total),
            at_limit=None if limit_of(policy.teams[team]) is None else _part(limited[team], sum(mine)),
        )
    return lines, total


def _rank(ordered: Sequence[float], part: float) -> float | None:
    """The value that this part of them does not exceed."""
    return ordered[max(0, ceil(part * len(ordered)) - 1)] if ordered else None


def _part(part: float, whole: float) -> float:
    return part / whole if whole > 0 else 0.0
