"""Replays batch jobs in virtual time: they arrive, wait, hold a slot and end, and nothing else takes time.

At every moment at which something arrives or ends, the replay does what the controller does then, with the controller's
functions and in its order: settle what ended, level, plan, charge.
"""

from bisect import insort
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from heapq import heappop, heappush
from math import inf
from operator import attrgetter
from typing import Final

from gateway.domain.batch_job import PoolId
from gateway.domain.fair_share import Choice, Contender, Head, PoolSnapshot, TeamSnapshot, plan
from gateway.domain.level import level
from gateway.domain.shares import Share, Standing, charged, settle
from gateway.policy.model import Mode, Policy, TeamPolicy
from gateway.simulation.trace import DEFAULT_PRIORITY, Job

EPOCH: Final = datetime(2000, 1, 1, tzinfo=UTC)
FREE_OF_CHARGE: Final = Share(mean_run=0.0)
"""An account that no dispatch changes: among such, `plan` goes by age."""

_BY_RANK: Final = attrgetter("rank")


@dataclass(frozen=True, slots=True)
class Ran:
    """One batch job and when it got its slot."""

    job: Job
    start: float

    @property
    def wait(self) -> float:
        return self.start - self.job.arrival.time

    @property
    def end(self) -> float:
        return self.start + self.job.arrival.run


@dataclass(frozen=True, slots=True)
class Replayed:
    """What became of a trace: `ran` in the order of dispatch, and what never got a slot."""

    ran: tuple[Ran, ...]
    held: tuple[Job, ...]


class _Account:
    """One team in one pool: its queue, what it holds and its share. The contender made of it is kept while true."""

    def __init__(self, pool: PoolId, team: str, share: Share) -> None:
        self.pool, self.team, self.share = pool, team, share
        self.queue: list[Head] = []
        self.active, self.charged = 0, 0.0
        self._made: Contender | None = None

    @property
    def contends(self) -> bool:
        """Whether the store would tell of it: it has something queued, or its standing does not yet say that not.

        What is active without either changes nothing for anybody.
        """
        return bool(self.queue) or self.share.standing is not Standing.IDLE

    def contender(self, most: int) -> Contender:
        """As the store would show it, with its first `most` heads or more."""
        made = self._made
        if made is None or (most > 1 and len(made.heads) < min(most, len(self.queue))):
            heads = tuple(self.queue[:most])
            made = Contender(self.pool, self.team, self.share, bool(self.queue), heads, self.active, self.charged)
            self._made = made
        return made

    def add(self, head: Head) -> None:
        insort(self.queue, head, key=_BY_RANK)
        self._made = None

    def take(self, choice: Choice) -> None:
        self.queue.remove(choice.head)
        self.active += 1
        self.charged += choice.charge
        self.change(charged(self.share, choice.charge))

    def give_back(self, charge: float) -> None:
        self.active -= 1
        # Sums of floats go astray in their last digits; an empty one is exact.
        self.charged = self.charged - charge if self.active else 0.0
        self._made = None

    def change(self, share: Share) -> None:
        self.share, self._made = share, None


class Replay:
    """One policy in virtual time. `fair` false is first come, first served, under the same capacities and limits."""

    def __init__(self, policy: Policy, *, fair: bool = True) -> None:
        self._fair = fair
        self._capacity = {pool.id: pool.capacity for pool in policy.pools.values()}
        self._used = dict.fromkeys(self._capacity, 0)
        self._teams = {name: _snapshot(team) for name, team in policy.teams.items()}
        self._accounts: dict[PoolId, dict[str, _Account]] = {pool: {} for pool in self._capacity}
        self._busy: dict[PoolId, dict[str, _Account]] = {pool: {} for pool in self._capacity}
        self._pools_of: dict[str, set[PoolId]] = {name: set() for name in policy.teams}
        self._moved: set[PoolId] = set()
        self._jobs: dict[int, Job] = {}
        self._ends: list[tuple[float, int, float]] = []
        self._ran: list[Ran] = []

    def run(self, jobs: Iterable[Job], until: float = inf) -> Replayed:
        """Play until nothing moves any more, or until that time. `jobs` stand in the order of their times; this may be
        called once.
        """
        coming = iter([*jobs, None])
        job = next(coming)
        while job or self._ends:
            now = min(job.arrival.time if job else inf, self._ends[0][0] if self._ends else inf)
            if now > until:
                break
            while self._ends and self._ends[0][0] <= now:
                self._end(*heappop(self._ends))
            while job and job.arrival.time <= now:
                self._arrive(job)
                job = next(coming)
            self._pass(now)
        queues = (account.queue for accounts in self._accounts.values() for account in accounts.values())
        return Replayed(tuple(self._ran), tuple(self._jobs[head.id] for queue in queues for head in queue))

    def _arrive(self, job: Job) -> None:
        arrival = job.arrival
        number = len(self._jobs)
        self._jobs[number] = job
        self._pools_of[arrival.team].add(job.pool)
        account = self._accounts[job.pool].get(arrival.team)
        if account is None:
            share = Share() if self._fair else FREE_OF_CHARGE
            account = self._accounts[job.pool][arrival.team] = _Account(job.pool, arrival.team, share)
        self._busy[job.pool][arrival.team] = account
        priority = arrival.priority if self._fair else DEFAULT_PRIORITY
        account.add(Head(number, priority, EPOCH + timedelta(seconds=arrival.time)))
        self._moved.add(job.pool)

    def _end(self, _time: float, number: int, charge: float) -> None:
        job = self._jobs[number]
        team = job.arrival.team
        account = self._accounts[job.pool][team]
        account.give_back(charge)
        if self._fair:
            used, weight = job.arrival.run, self._teams[team].weight
            account.share = settle(account.share, charge=charge, used=used, weight=weight)
        self._count(job.pool, team, -1)

    def _pass(self, now: float) -> None:
        """Look at the pools in which anything has moved since the last time; elsewhere a pass would change nothing."""
        pools, self._moved = self._moved, set()
        if self._fair:
            self._level(pools)
        if any(self._used[pool] < self._capacity[pool] and self._waits(pool) for pool in pools):
            for choice in plan(self._pools(), self._teams, self._contenders(self._capacity)):
                self._dispatch(now, choice)

    def _level(self, pools: Iterable[PoolId]) -> None:
        for shift in level(self._teams, self._contenders(pools)).shifts:
            account = self._accounts[shift.pool][shift.team]
            account.change(Share(account.share.service + shift.by, account.share.mean_run, shift.standing))

    def _dispatch(self, now: float, choice: Choice) -> None:
        job = self._jobs[choice.head.id]
        self._accounts[choice.pool][choice.team].take(choice)
        self._count(choice.pool, choice.team, 1)
        self._ran.append(Ran(job, now))
        heappush(self._ends, (now + job.arrival.run, choice.head.id, choice.charge))

    def _count(self, pool: PoolId, team: str, by: int) -> None:
        self._used[pool] += by
        before = self._teams[team]
        after = self._teams[team] = replace(before, active=before.active + by)
        self._moved.add(pool)
        if after.has_room is not before.has_room:
            self._moved |= self._pools_of[team]

    def _pools(self) -> list[PoolSnapshot]:
        return [PoolSnapshot(pool, capacity, self._used[pool]) for pool, capacity in self._capacity.items()]

    def _contenders(self, pools: Iterable[PoolId]) -> list[Contender]:
        contenders = list[Contender]()
        for pool in pools:
            most = max(1, self._capacity[pool] - self._used[pool])
            busy = self._busy[pool] = {team: each for team, each in self._busy[pool].items() if each.contends}
            contenders += [account.contender(most) for account in busy.values()]
        return contenders

    def _waits(self, pool: PoolId) -> bool:
        return any(account.queue for account in self._busy[pool].values())


def limit_of(team: TeamPolicy) -> int | None:
    """How many the team may have active at once over all pools; None: as many as there are slots."""
    quota = team.quotas.active_jobs
    return quota.limit if quota is not None and quota.mode is Mode.ENFORCE else None


def _snapshot(team: TeamPolicy) -> TeamSnapshot:
    return TeamSnapshot(team.name, team.weight, 0, limit_of(team), paused=team.paused)
