"""Delete: hides an ended batch job at once and leaves a tombstone; the controller removes the Vertex job."""

from datetime import datetime

from gateway.domain.batch_job import BatchJob
from gateway.errors import GatewayError, PreconditionViolation, Reason
from gateway.identity.authorize import Access, authorize
from gateway.identity.principal import Principal
from gateway.policy.source import PolicySource
from gateway.service.missing import Meant, not_found, whichever
from gateway.store.changes import Changes
from gateway.store.reads import Reads


class DeleteBatchJob:
    """Deletes what has ended. From the answer on it is NOT_FOUND."""

    def __init__(self, policies: PolicySource, changes: Changes, reads: Reads) -> None:
        self._policies = policies
        self._changes = changes
        self._reads = reads

    async def __call__(
        self,
        principal: Principal,
        team: str,
        id: int,  # noqa: A002 - the domain's word
        *,
        meant: Meant = whichever,
    ) -> BatchJob:
        """The batch job as it was deleted; raises TEAM_FORBIDDEN, ROLE_FORBIDDEN, NOT_FOUND, NOT_ENDED or
        STORE_UNAVAILABLE.
        """
        authorize(self._policies.current, principal, team, Access.WRITE)
        changed = await self._changes.change(team, id, lambda job, now: tombstone(job, now) if meant(job) else None)
        if changed is not None:
            return changed.after
        job = await self._reads.get(team, id)
        if job is None or not meant(job):
            raise not_found(team, id)
        raise not_ended(job)


def tombstone(job: BatchJob, now: datetime) -> BatchJob | None:
    """The pure change: an ended batch job, marked as deleted."""
    if not job.ended or job.delete_time is not None:
        return None
    return job.evolve(delete_time=now, update_time=now)


def not_ended(job: BatchJob) -> GatewayError:
    """The refusal for a batch job that still goes on."""
    way_out = "Cancel it, watch it to its end, and delete it then."
    violation = PreconditionViolation(Reason.NOT_ENDED.value, job.name, f"It is {job.shown_state}. {way_out}")
    return GatewayError(Reason.NOT_ENDED, f"{job.name} has not ended. {way_out}", details=(violation,))
