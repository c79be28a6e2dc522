"""The refusal for a batch job that is not there."""

from collections.abc import Callable

from gateway.domain.batch_job import BatchJob
from gateway.errors import GatewayError, Reason, ResourceDetail

BATCH_JOB_TYPE = "batchjobs.gateway/BatchJob"

Meant = Callable[[BatchJob], bool]
"""Whether a batch job is the one that the caller's name means, where a name says more than a team and an id."""


def whichever(_job: BatchJob) -> bool:
    """The name says no more."""
    return True


def not_found(team: str, id: int) -> GatewayError:  # noqa: A002 - the domain's word
    """The team has no such batch job, or it was deleted: the two are told apart to nobody."""
    name = f"teams/{team}/batchJobs/{id}"
    return GatewayError(
        Reason.NOT_FOUND,
        f"{name} does not exist, or it was deleted. List the team's batch jobs to see which there are.",
        details=(ResourceDetail(BATCH_JOB_TYPE, name, "There is no such batch job."),),
    )
