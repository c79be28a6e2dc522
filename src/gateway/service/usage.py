"""What a team may use and what it uses: its quotas, its rights, and its batch jobs pool by pool."""

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from typing import Final

from gateway.admission.usage import used_by_quota
from gateway.domain.batch_job import PoolId
from gateway.domain.waits import recent_median
from gateway.errors import GatewayError, Reason, ResourceDetail
from gateway.identity.authorize import Access, authorize
from gateway.identity.principal import Principal
from gateway.policy.model import Mode, Policy, Quota, TeamPolicy
from gateway.policy.models import allows_model, effective_model
from gateway.policy.source import PolicySource
from gateway.service.view import Waiting
from gateway.service.waiting import Explainer
from gateway.store.model import InPool, TeamStanding
from gateway.store.reads import Reads

TEAM_USAGE_TYPE: Final = "batchjobs.gateway/TeamUsage"
DAILY: Final = frozenset({"jobs_per_day", "input_bytes_per_day"})


@dataclass(frozen=True, slots=True)
class LimitUse:
    """One quota. `limit` None: no limit; `reset_time` None: it does not count by time."""

    quota: str
    limit: int | None
    used: int
    mode: Mode
    reset_time: datetime | None


@dataclass(frozen=True, slots=True)
class PoolUse:
    """The team in one pool. `waiting` is None where it has nothing queued there, `median_wait` where nothing of it was
    submitted there lately.
    """

    pool: PoolId
    capacity: int
    counts: InPool
    waiting: Waiting | None
    median_wait: timedelta | None


@dataclass(frozen=True, slots=True)
class TeamUsage:
    """The answer. `models` are patterns and the aliases that they let in."""

    team: TeamPolicy
    models: tuple[str, ...]
    limits: tuple[LimitUse, ...]
    pools: tuple[PoolUse, ...]
    as_of_time: datetime


class GetTeamUsage:
    """Answers from the policy in force and from counted rows."""

    def __init__(self, policies: PolicySource, reads: Reads, explainer: Explainer) -> None:
        self._policies = policies
        self._reads = reads
        self._explainer = explainer

    async def __call__(self, principal: Principal, team: str) -> TeamUsage:
        """The team's usage now; raises TEAM_FORBIDDEN, STORE_UNAVAILABLE, and NOT_FOUND to operators."""
        policy = self._policies.current
        authorize(policy, principal, team, Access.READ)
        rights = policy.teams.get(team)
        if rights is None:
            raise _no_team(team)
        standing = await self._reads.standing(team)
        # What is still open in a pool that the team has lost is shown too, behind those that it has.
        pools = dict.fromkeys((*rights.pools, *standing.pools))
        uses = await asyncio.gather(*(self._in_pool(policy, team, pool, standing) for pool in pools))
        return TeamUsage(
            team=rights,
            models=tuple(dict.fromkeys((*rights.models, *_aliases(policy, rights)))),
            limits=tuple(_limits(rights, standing)),
            pools=tuple(uses),
            as_of_time=standing.now,
        )

    async def _in_pool(self, policy: Policy, team: str, pool: PoolId, standing: TeamStanding) -> PoolUse:
        counts = standing.pools.get(pool, InPool())
        held = policy.pools.get(pool)
        waiting = await self._explainer.first(pool, team) if counts.queued else None
        median_wait = recent_median(standing.waits.get(pool, ()), standing.now)
        return PoolUse(pool, held.capacity if held is not None else 0, counts, waiting, median_wait)


def _aliases(policy: Policy, team: TeamPolicy) -> Iterator[str]:
    return (alias for alias in policy.aliases if allows_model(team, effective_model(policy, alias)))


def _limits(team: TeamPolicy, standing: TeamStanding) -> Iterator[LimitUse]:
    used = used_by_quota(standing.usage, team.quotas, standing.now)
    for name, quota in team.quotas.items():
        reset = _reset_time(name, quota, used[name], standing.now)
        if quota is None:
            yield LimitUse(name, None, round(used[name]), Mode.ENFORCE, reset)
        else:
            yield LimitUse(name, quota.limit, round(used[name]), quota.mode, reset)


def _reset_time(name: str, quota: Quota | None, used: float, now: datetime) -> datetime | None:
    """When the use is zero again if nothing is created meanwhile."""
    if name in DAILY:
        return datetime.combine(now.astimezone(UTC).date() + timedelta(days=1), time(), UTC)
    if name == "creates_per_minute" and quota is not None and quota.limit:
        return now + timedelta(minutes=used / quota.limit)
    return None


def _no_team(team: str) -> GatewayError:
    name = f"teams/{team}/usage"
    return GatewayError(
        Reason.NOT_FOUND,
        f"The policy holds no team {team}. Check the name; which teams there are stands in the gateway's policy.",
        details=(ResourceDetail(TEAM_USAGE_TYPE, name, "There is no such team."),),
    )
