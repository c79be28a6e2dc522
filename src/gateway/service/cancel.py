"""Cancel: records the wish. What is still queued ends at once; the controller carries the wish to Vertex."""

from collections.abc import Callable
from datetime import datetime

from gateway.domain.batch_job import BatchJob
from gateway.domain.states import State
from gateway.identity.authorize import Access, authorize, membership_of
from gateway.identity.principal import Principal
from gateway.policy.model import DEFAULT_RETENTION, Policy
from gateway.policy.source import PolicySource
from gateway.service.missing import Meant, not_found, whichever
from gateway.service.view import View
from gateway.service.waiting import Explainer
from gateway.store.changes import Changes
from gateway.store.model import Change
from gateway.store.reads import Reads
from gateway.telemetry.logs import audit_logger

audit = audit_logger()

REASON = "CANCEL_REQUESTED"


class CancelBatchJob:
    """Answers the batch job with the wish recorded; calling again changes nothing."""

    def __init__(self, policies: PolicySource, changes: Changes, reads: Reads, explainer: Explainer) -> None:
        self._policies = policies
        self._changes = changes
        self._reads = reads
        self._explainer = explainer

    async def __call__(
        self,
        principal: Principal,
        team: str,
        id: int,  # noqa: A002 - the domain's word
        *,
        meant: Meant = whichever,
    ) -> View:
        """The batch job after the call; raises TEAM_FORBIDDEN, ROLE_FORBIDDEN, NOT_FOUND or STORE_UNAVAILABLE."""
        policy = self._policies.current
        authorize(policy, principal, team, Access.CANCEL)
        wish = cancelling(policy, principal.name)
        changed = await self._changes.change(
            team,
            id,
            lambda job, now: wish(job, now) if meant(job) else None,
            told=None if membership_of(policy, principal).may_write(team) else _audited(principal, team, id),
        )
        job = changed.after if changed is not None else await self._reads.get(team, id)
        if job is None or not meant(job):
            raise not_found(team, id)
        return await self._explainer.view(job)


def _audited(operator: Principal, team: str, id: int) -> Callable[[bool | None], None]:  # noqa: A002 - the domain's word
    """Writes the line that stands for every cancel by somebody who is no submitter of the team: an operator."""
    batch_job = f"teams/{team}/batchJobs/{id}"

    def write(changed: bool | None) -> None:
        audit.warning("audit", action="cancel", operator=operator.name, batch_job=batch_job, changed=changed)

    return write


def cancelling(policy: Policy, actor: str) -> Change:
    """The pure change: QUEUED ends, active ones carry the wish, and what has ended or is being cancelled stays."""

    def change(job: BatchJob, now: datetime) -> BatchJob | None:
        if job.ended or job.cancel_time is not None or job.delete_time is not None:
            return None
        if job.state is not State.QUEUED:
            return job.wish_cancel(time=now, actor=actor)
        team = policy.teams.get(job.team)
        kept_for = DEFAULT_RETENTION if team is None else team.retention
        ends = {"cancel_time": now, "end_time": now, "expire_time": now + kept_for}
        return job.move(State.CANCELLED, time=now, reason=REASON, actor=actor, **ends)

    return change
