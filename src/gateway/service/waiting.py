"""Why a queued batch job waits, worked out from what dispatch itself decides by.

Each pool's order is computed on demand, at most once a second on this replica, and never stored.
"""

import asyncio
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from gateway.clock import Clock
from gateway.domain.batch_job import BatchJob, PoolId
from gateway.domain.fair_share import Choice, Contender, PoolSnapshot, TeamSnapshot, order
from gateway.domain.level import level
from gateway.domain.states import State
from gateway.domain.waiting import NextPass, next_pass, waiting_reason
from gateway.policy.model import Mode, Policy, Pool
from gateway.policy.source import PolicySource
from gateway.service.fresh import Fresh
from gateway.service.view import View, Waiting
from gateway.store.lease import Lease
from gateway.store.model import PoolState
from gateway.store.pools import Pools
from gateway.store.reads import Reads

FRESH_SECONDS: Final = 1.0
MOST_HEADS: Final = 1000
"""How far into a team's queue positions are worked out; behind that a batch job has no position yet."""
ORDERED_AT_ONCE: Final = 500
"""More queued batch jobs than this are put in order in a thread, so that no call waits for it."""


@dataclass(frozen=True, slots=True)
class _Pool:
    """One pool at one moment: what the next pass does to it (None: the policy has it no longer), the place of each
    queued batch job, and each team's first one.
    """

    time: datetime
    coming: NextPass | None
    teams: Mapping[str, TeamSnapshot]
    positions: Mapping[int, int]
    firsts: Mapping[str, int]
    has_leader: bool

    def waiting(self, team: str, job_id: int | None) -> Waiting:
        """Why the team's batch job waits here; None: one that has no place in the order."""
        pool = self.coming.pool if self.coming else None
        after = self.coming.teams if self.coming else self.teams
        taken = self.coming is not None and job_id in self.coming.taken
        reason = waiting_reason(pool, after.get(team), taken=taken, has_leader=self.has_leader)
        return Waiting(reason, None if job_id is None else self.positions.get(job_id), self.time)


class Explainer:
    """Adds `waiting` to queued batch jobs."""

    def __init__(self, policies: PolicySource, reads: Reads, pools: Pools, lease: Lease, clock: Clock) -> None:
        self._policies = policies
        self._reads = reads
        self._pools = pools
        self._lease = lease
        self._clock = clock
        self._fresh = Fresh(self._look, clock, seconds=FRESH_SECONDS)

    async def view(self, job: BatchJob) -> View:
        """The batch job with its reason for waiting, as of at most a second ago; raises STORE_UNAVAILABLE."""
        if job.state is not State.QUEUED:
            return View(job)
        seen = await self._fresh.get(job.pool)
        return View(job, seen.waiting(job.team, job.id))

    async def views(self, jobs: Iterable[BatchJob]) -> tuple[View, ...]:
        """The same for many; each pool is looked at once."""
        return tuple([await self.view(job) for job in jobs])

    async def first(self, pool: PoolId, team: str) -> Waiting:
        """Why the first of the team's queued batch jobs in a pool waits; raises STORE_UNAVAILABLE."""
        seen = await self._fresh.get(pool)
        return seen.waiting(team, seen.firsts.get(team))

    async def _look(self, pool: PoolId) -> _Pool:
        time = self._clock.now()
        contenders = await self._reads.contenders(pool, MOST_HEADS)
        active = await self._reads.active_by_team()
        states = await self._pools.all()
        has_leader = await self._lease.has_leader()
        policy = self._policies.current
        pools = pool_snapshots(policy, states, contenders)
        teams = team_snapshots(policy, active)
        if pool not in pools:
            return _Pool(time, None, teams, {}, {}, has_leader)
        choices, coming = await _looked_ahead(pool, pools, teams, contenders)
        positions = {choice.head.id: place for place, choice in enumerate(choices)}
        firsts = {choice.team: choice.head.id for choice in reversed(choices)}
        return _Pool(time, coming, teams, positions, firsts, has_leader)


def pool_snapshots(
    policy: Policy, states: Mapping[PoolId, PoolState], contenders: Iterable[Contender]
) -> dict[PoolId, PoolSnapshot]:
    """The policy's pools as the leader sees them, or as the policy does before a leader has written about them."""
    active: Counter[PoolId] = Counter()
    for contender in contenders:
        active[contender.pool] += contender.active
    return {pool.id: _pool_snapshot(pool, states.get(pool.id), active[pool.id]) for pool in policy.pools.values()}


def _pool_snapshot(pool: Pool, state: PoolState | None, active: int) -> PoolSnapshot:
    if state is None or state.update_time is None:
        return PoolSnapshot(pool.id, pool.capacity, active)
    return PoolSnapshot(pool.id, state.capacity, active, state.others, state.strays, gate_open=state.gate_open)


def team_snapshots(policy: Policy, active: Mapping[str, int]) -> dict[str, TeamSnapshot]:
    """The policy's teams with what each has active; a limit in shadow mode is none."""
    snapshots: dict[str, TeamSnapshot] = {}
    for name, team in policy.teams.items():
        quota = team.quotas.active_jobs
        limit = quota.limit if quota is not None and quota.mode is Mode.ENFORCE else None
        snapshots[name] = TeamSnapshot(name, team.weight, active.get(name, 0), limit, paused=team.paused)
    return snapshots


async def _looked_ahead(
    pool: PoolId,
    pools: Mapping[PoolId, PoolSnapshot],
    teams: Mapping[str, TeamSnapshot],
    contenders: tuple[Contender, ...],
) -> tuple[tuple[Choice, ...], NextPass]:
    if sum(len(each.heads) for each in contenders) > ORDERED_AT_ONCE:
        return await asyncio.to_thread(look_ahead, pool, pools, teams, contenders)
    return look_ahead(pool, pools, teams, contenders)


def look_ahead(
    pool: PoolId,
    pools: Mapping[PoolId, PoolSnapshot],
    teams: Mapping[str, TeamSnapshot],
    contenders: tuple[Contender, ...],
) -> tuple[tuple[Choice, ...], NextPass]:
    """The order of the pool and its next pass, over shares that are levelled as the controller levels them."""
    levelled = level(teams, contenders).contenders
    elsewhere = [each for each in pools.values() if each.id != pool]
    return order(pools[pool], teams, levelled, elsewhere), next_pass(pools[pool], teams, levelled, elsewhere)
