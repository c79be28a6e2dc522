"""A trace: who sent which batch job when, and how long it held a slot."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from gateway.domain.batch_job import PoolId
from gateway.policy.model import Policy

DEFAULT_PRIORITY: Final = 50


@dataclass(frozen=True, slots=True)
class Arrival:
    """One batch job. `time` and `run` in seconds; `place` a region, a pool as `project/region`, or "" for the team's
    first pool. `line` is its line in the trace's file, 0 for one that was made up.
    """

    time: float
    team: str
    run: float
    place: str = ""
    priority: int = DEFAULT_PRIORITY
    line: int = 0


@dataclass(frozen=True, slots=True)
class Job:
    """An arrival that a policy has bound to a pool."""

    arrival: Arrival
    pool: PoolId


class TraceError(Exception):
    """A line of a trace that cannot be used. The text names the file, the line and the field."""

    def __init__(self, file: str, line: int, field: str, reason: str) -> None:
        where = f"{file}:{line}: " if line else f"{file}: "
        super().__init__(f"{where}{field}: {reason}" if field else f"{where}{reason}")


def bind(policy: Policy, arrivals: Iterable[Arrival], file: str, policy_file: str) -> list[Job]:
    """Each arrival in the pool that a create would bind it to, in the order of their times.

    Raises:
        TraceError: the policy knows no such team, or gives it no such pool.

    """
    jobs = [Job(arrival, _pool(policy, arrival, file, policy_file)) for arrival in arrivals]
    return sorted(jobs, key=lambda job: job.arrival.time)


def _pool(policy: Policy, arrival: Arrival, file: str, policy_file: str) -> PoolId:
    team = policy.teams.get(arrival.team)
    if team is None:
        raise TraceError(file, arrival.line, "team", f"{policy_file} has no team {arrival.team!r}")
    project, _, region = arrival.place.rpartition("/")
    pool = team.pool_for(region, project) if region else next(iter(team.pools), None)
    if pool is None:
        where = f" for {arrival.place!r}" if arrival.place else ""
        raise TraceError(file, arrival.line, "region", f"{policy_file} gives team {arrival.team!r} no pool{where}")
    return pool
