"""List: a team's batch jobs, newest first, by keyset pages that stay right while batch jobs come and go."""

from dataclasses import dataclass
from typing import Final

from gateway.errors import FieldViolation, GatewayError, Reason
from gateway.identity.authorize import ALL_TEAMS, Access, authorize
from gateway.identity.principal import Principal
from gateway.policy.source import PolicySource
from gateway.service.page_tokens import read_token, write_token
from gateway.service.view import View
from gateway.service.waiting import Explainer
from gateway.store.reads import Reads

DEFAULT_PAGE: Final = 50
LARGEST_PAGE: Final = 200


@dataclass(frozen=True, slots=True)
class Page:
    """One page of the list that `query` describes."""

    views: tuple[View, ...]
    query: tuple[str, ...]
    more: bool

    @property
    def next_token(self) -> str:
        """The token of the page after this one; "" where this is the last."""
        return write_token(self.query, self.views[-1].job.id) if self.more else ""

    def cut(self, count: int) -> "Page":
        """The first `count` of it, at least one, as a page of its own."""
        return Page(self.views[:count], self.query, more=self.more or count < len(self.views))


class ListBatchJobs:
    """Answers page after page of a team, or of all teams for an operator (`-`)."""

    def __init__(self, policies: PolicySource, reads: Reads, explainer: Explainer) -> None:
        self._policies = policies
        self._reads = reads
        self._explainer = explainer

    async def __call__(self, principal: Principal, team: str, *, size: int, token: str) -> Page:
        """One page of at most `size` (0: 50, more than 200: 200) after `token` ("": from the newest on).

        Raises:
            GatewayError: TEAM_FORBIDDEN, ROLE_FORBIDDEN, INVALID_SPEC, INVALID_PAGE_TOKEN or STORE_UNAVAILABLE.

        """
        authorize(self._policies.current, principal, team, Access.READ)
        limit = page_size(size)
        query = ("ListBatchJobs", team)
        before = read_token(query, token)
        found = await self._reads.page(None if team == ALL_TEAMS else team, limit + 1, before)
        views = await self._explainer.views(found[:limit])
        return Page(views, query, more=len(found) > limit)


def page_size(asked: int) -> int:
    """How many one page holds; raises INVALID_SPEC for less than none."""
    if asked < 0:
        detail = FieldViolation("page_size", "OUT_OF_RANGE", f"{asked} is below zero; 0 takes the default of 50.")
        raise GatewayError(Reason.INVALID_SPEC, "The page size must not be below zero.", details=(detail,))
    return min(asked, LARGEST_PAGE) or DEFAULT_PAGE
