"""The gauges about batch jobs and pools. Only the leader shows them; whoever loses the lease clears them."""

from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import datetime

from gateway.admission.usage import used_by_quota
from gateway.controller.dispatch import team_snapshots
from gateway.controller.resolve import Resolve
from gateway.controller.term import Term
from gateway.domain.batch_job import PoolId
from gateway.domain.states import State
from gateway.policy.model import Policy
from gateway.store.model import Census, Snapshot, Usage
from gateway.telemetry.leader_gauges import LeaderGauges


class Gauges:
    """Each pass sets the whole picture."""

    def __init__(self, term: Term, resolve: Resolve) -> None:
        self._term, self._resolve = term, resolve

    async def run_once(self) -> None:
        term, policy = self._term, self._term.policy.current
        census = await term.store.sweeps.census()
        snapshot = await term.store.dispatches.snapshot({})
        usage = {team: await term.store.reads.usage(team) for team in policy.teams}
        polled = await term.pools()
        term.leadership.require()
        shown = term.metrics.leader
        _show_jobs(shown, census, snapshot)
        _show_quotas(shown, policy, usage, snapshot.time)
        self._show_pools(shown, policy, snapshot)
        shown.set_eligible({str(pool): count for pool, count in _eligible(policy, census, snapshot).items()})
        shown.set_unresolved(self._resolve.unresolved)
        shown.expect_polls(frozenset(str(pool) for pool in polled))

    def _show_pools(self, shown: LeaderGauges, policy: Policy, snapshot: Snapshot) -> None:
        pools = sorted(policy.pools.keys() | {each.pool for each in snapshot.contenders})
        states = {pool: self._term.state(pool) for pool in pools}
        held = {pool: policy.pools[pool].capacity if pool in policy.pools else 0 for pool in pools}
        shown.set_capacity({str(pool): held[pool] for pool in pools})
        shown.set_active({str(pool): snapshot.active_in(pool) for pool in pools})
        shown.set_others({str(pool): states[pool].others + states[pool].strays for pool in pools})
        shown.set_gates({str(pool): states[pool].gate_open for pool in pools})


def _show_jobs(shown: LeaderGauges, census: Iterable[Census], snapshot: Snapshot) -> None:
    counts: dict[tuple[str, str, str], int] = {}
    oldest: dict[tuple[str, str], float] = {}
    for each in census:
        counts[each.team, str(each.pool), str(each.state)] = each.count
        key = (str(each.pool), str(each.state))
        oldest[key] = max(oldest.get(key, 0.0), (snapshot.time - each.oldest_time).total_seconds())
    shown.set_jobs(counts)
    shown.set_oldest(oldest)


def _show_quotas(shown: LeaderGauges, policy: Policy, usage: Mapping[str, Usage], now: datetime) -> None:
    limits: dict[tuple[str, str], float] = {}
    used: dict[tuple[str, str], float] = {}
    for team, each in usage.items():
        quotas = policy.teams[team].quotas
        used |= {(team, name): use for name, use in used_by_quota(each, quotas, now).items()}
        for name, quota in quotas.items():
            if quota is not None:
                limits[team, name] = quota.limit
    shown.set_quotas(limits, used)


def _eligible(policy: Policy, census: Iterable[Census], snapshot: Snapshot) -> Counter[PoolId]:
    """Queued batch jobs that only a free slot keeps waiting: not paused, not removed, room under their team's limit."""
    teams = team_snapshots(policy, snapshot)
    counts = Counter(dict.fromkeys(policy.pools, 0))
    for each in census:
        team = teams.get(each.team)
        if each.state is not State.QUEUED or team is None or team.paused or each.pool not in policy.pools:
            continue
        room = each.count if team.limit is None else max(team.limit - team.active, 0)
        counts[each.pool] += min(each.count, room)
    return counts
