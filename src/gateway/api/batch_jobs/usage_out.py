"""A team's usage as the contract's message."""

from collections.abc import Mapping
from typing import Final

from batchjobs.v1 import batch_jobs_pb2
from gateway.api.batch_jobs.messages_out import timestamp, waiting_message
from gateway.policy.model import Mode
from gateway.service.usage import LimitUse, PoolUse, TeamUsage

_MODES: Final[Mapping[Mode, batch_jobs_pb2.TeamUsage.Limit.Mode.ValueType]] = {
    Mode.ENFORCE: batch_jobs_pb2.TeamUsage.Limit.ENFORCE,
    Mode.SHADOW: batch_jobs_pb2.TeamUsage.Limit.SHADOW,
}


def usage_message(usage: TeamUsage) -> batch_jobs_pb2.TeamUsage:
    """The answer of GetTeamUsage."""
    return batch_jobs_pb2.TeamUsage(
        name=f"teams/{usage.team.name}/usage",
        limits=[_limit(each) for each in usage.limits],
        allowed_models=usage.models,
        allowed_regions=usage.team.regions,
        source_patterns=usage.team.sources,
        destination_patterns=usage.team.destinations,
        pools=[_pool(each) for each in usage.pools],
        as_of_time=timestamp(usage.as_of_time),
    )


def _limit(limit: LimitUse) -> batch_jobs_pb2.TeamUsage.Limit:
    reset = None if limit.reset_time is None else timestamp(limit.reset_time)
    return batch_jobs_pb2.TeamUsage.Limit(
        quota=limit.quota, limit=limit.limit, used=limit.used, mode=_MODES[limit.mode], reset_time=reset
    )


def _pool(pool: PoolUse) -> batch_jobs_pb2.TeamUsage.Pool:
    message = batch_jobs_pb2.TeamUsage.Pool(
        pool=str(pool.pool),
        capacity=pool.capacity,
        active=pool.counts.active,
        queued=pool.counts.queued,
        waiting=None if pool.waiting is None else waiting_message(pool.waiting),
    )
    if pool.median_wait is not None:
        message.recent_median_wait.FromTimedelta(pool.median_wait)
    return message
