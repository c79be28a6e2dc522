"""Get: one batch job, from the store alone."""

from gateway.identity.authorize import Access, authorize
from gateway.identity.principal import Principal
from gateway.policy.source import PolicySource
from gateway.service.missing import not_found
from gateway.service.view import View
from gateway.service.waiting import Explainer
from gateway.store.reads import Reads


class GetBatchJob:
    """Answers the batch job as it is now."""

    def __init__(self, policies: PolicySource, reads: Reads, explainer: Explainer) -> None:
        self._policies = policies
        self._reads = reads
        self._explainer = explainer

    async def __call__(self, principal: Principal, team: str, id: int) -> View:  # noqa: A002 - the domain's word
        """The batch job; raises TEAM_FORBIDDEN, NOT_FOUND or STORE_UNAVAILABLE."""
        authorize(self._policies.current, principal, team, Access.READ)
        job = await self._reads.get(team, id)
        if job is None:
            raise not_found(team, id)
        return await self._explainer.view(job)
