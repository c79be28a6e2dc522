"""Create: every check in its order, then one durable commit. Vertex is never called here."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime

import structlog

from gateway.admission.content import content_hash, spelled_otherwise
from gateway.admission.place import Placer
from gateway.admission.policy import check_policy
from gateway.admission.quotas import Verdict, decide
from gateway.admission.shape import SpecDraft, check_shape
from gateway.domain.batch_job import BatchJob, Spec
from gateway.errors import GatewayError
from gateway.identity.authorize import Access, authorize, team_policy
from gateway.identity.principal import Principal
from gateway.policy.model import TeamPolicy
from gateway.policy.source import PolicySource
from gateway.service.view import View
from gateway.service.waiting import Explainer
from gateway.store.creates import Creates
from gateway.store.model import NewBatchJob, Usage
from gateway.store.reads import Reads
from gateway.telemetry.job_metrics import JobMetrics

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class CreateRequest:
    """What a caller asks for; nothing in it is judged yet but the team's form."""

    team: str
    draft: SpecDraft
    request_id: str = ""
    validate_only: bool = False


class CreateBatchJob:
    """Checks a batch job and records it."""

    def __init__(
        self,
        policies: PolicySource,
        reads: Reads,
        creates: Creates,
        placer: Placer,
        explainer: Explainer,
        metrics: JobMetrics,
    ) -> None:
        self._policies = policies
        self._reads = reads
        self._creates = creates
        self._placer = placer
        self._explainer = explainer
        self._metrics = metrics

    async def __call__(self, principal: Principal, request: CreateRequest) -> View:
        """The batch job, QUEUED; or the one that its `request_id` has made before, as it is now.

        Raises:
            GatewayError: of the first check that finds something wrong, with everything that it found. The contract
                lists the reasons; STORE_UNAVAILABLE also where the outcome is not known.

        """
        try:
            job = await self._admitted(principal, request)
        except GatewayError as error:
            self._metrics.admission(request.team, "refused", error.reason.value)
            raise
        return await self._view(job)

    async def _admitted(self, principal: Principal, request: CreateRequest) -> BatchJob:
        authorize(self._policies.current, principal, request.team, Access.WRITE)
        spec = check_shape(request.draft, request.request_id)
        content = content_hash(spec)
        if request.request_id:
            others = spelled_otherwise(self._policies.current, spec)
            known = await self._reads.replay(request.team, request.request_id, content, others)
            if known is not None:
                self._metrics.admission(request.team, "replayed")
                return known
        new = await self._placed(principal, request, spec, content)
        judge = _Judge(new, lambda: team_policy(self._policies.current, principal, request.team))
        return await self._recorded(new, judge, validate_only=request.validate_only)

    async def _placed(self, principal: Principal, request: CreateRequest, spec: Spec, content: str) -> NewBatchJob:
        """Policy, then Place: nothing is looked up that the team may not name."""
        policy = self._policies.current
        team = team_policy(policy, principal, request.team)
        model = check_policy(policy, team, spec)
        placement = await self._placer.place(policy, team, spec)
        return NewBatchJob(
            team=team.name,
            spec=spec,
            pool=placement.pool,
            effective_model=model,
            creator=principal.name,
            source_bytes=placement.source_bytes,
            max_queue_duration=spec.max_queue_duration or team.max_queue_duration,
            request_id=request.request_id,
            content_hash=content,
            equal_hashes=spelled_otherwise(policy, spec),
        )

    async def _recorded(self, new: NewBatchJob, judge: "_Judge", *, validate_only: bool) -> BatchJob:
        if validate_only:
            job = await self._creates.validate(new, judge)
            self._metrics.admission(new.team, "validated")
            return job
        admission = await self._creates.admit(new, judge)
        if admission.replayed:
            self._metrics.admission(new.team, "replayed")
            return admission.job
        self._metrics.admission(new.team, "admitted")
        for violation in judge.verdict.would_refuse if judge.verdict else ():
            self._metrics.admission(new.team, "would_refuse", violation.quota)
        return admission.job

    async def _view(self, job: BatchJob) -> View:
        """The answer. What is recorded is answered OK, even where nobody can say just now why it waits."""
        try:
            return await self._explainer.view(job)
        except GatewayError as error:
            log.warning("no reason for waiting", error=str(error), batch_job=job.name)
            return View(job)


@dataclass(slots=True)
class _Judge:
    """Judges one create by the limits of the moment, when the store asks under the team's lock.

    A team that has left the policy meanwhile is refused: without limits of its own it would be let through unchecked.
    """

    new: NewBatchJob
    team_now: Callable[[], TeamPolicy]
    verdict: Verdict | None = field(default=None)

    def __call__(self, usage: Usage, now: datetime) -> Usage:
        team = self.team_now()
        self.verdict = decide(team.name, team.quotas, usage, now, self.new.source_bytes)
        if refusal := self.verdict.refusal():
            raise refusal
        return self.verdict.usage
