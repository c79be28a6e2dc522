"""List: a team's batch jobs, newest first, by keyset pages that stay right while batch jobs come and go."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from gateway.admission.fields import refuse
from gateway.domain.filter_parser import parse_filter
from gateway.domain.filters import FilterError, Term
from gateway.errors import FieldViolation, Reason
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
    """One page of the list that `query` describes. The next one begins below the id `below`; None: this is the last."""

    views: tuple[View, ...]
    query: tuple[str, ...]
    below: int | None

    @property
    def next_token(self) -> str:
        """The token of the page after this one; "" where this is the last."""
        return "" if self.below is None else write_token(self.query, self.below)

    def cut(self, count: int) -> "Page":
        """The first `count` of it, at least one and not all, as a page of its own."""
        return Page(self.views[:count], self.query, self.views[count - 1].job.id)


class ListBatchJobs:
    """Answers page after page of a team, or of all teams for an operator (`-`)."""

    def __init__(self, policies: PolicySource, reads: Reads, explainer: Explainer) -> None:
        self._policies = policies
        self._reads = reads
        self._explainer = explainer

    async def __call__(self, principal: Principal, team: str, *, size: int, token: str, filter_text: str = "") -> Page:
        """One page of at most `size` (0: 50, more than 200: 200) after `token` ("": from the newest on).

        A page of a filtered list may hold fewer, even none, and not be the last: each looks at a bounded number.

        Raises:
            GatewayError: TEAM_FORBIDDEN, ROLE_FORBIDDEN, INVALID_SPEC, INVALID_PAGE_TOKEN or STORE_UNAVAILABLE.

        """
        authorize(self._policies.current, principal, team, Access.READ)
        limit, terms = read_asked(size, filter_text)
        query = ("ListBatchJobs", team, filter_text.strip()) if terms else ("ListBatchJobs", team)
        return await self.page(principal, team, query, terms, limit=limit, token=token)

    async def page(
        self, principal: Principal, team: str, query: tuple[str, ...], terms: Sequence[Term], *, limit: int, token: str
    ) -> Page:
        """One page of the list that `query` describes: a token belongs to it, so it tells everything that was asked.

        Raises:
            GatewayError: TEAM_FORBIDDEN, ROLE_FORBIDDEN, INVALID_PAGE_TOKEN or STORE_UNAVAILABLE.

        """
        authorize(self._policies.current, principal, team, Access.READ)
        before = read_token(query, token)
        whose = None if team == ALL_TEAMS else team
        if terms:
            filtered = await self._reads.filtered(whose, terms, limit + 1, before)
            found, edge = filtered.jobs, filtered.edge
        else:
            found, edge = await self._reads.page(whose, limit + 1, before), None
        below = found[limit - 1].id if len(found) > limit else edge
        return Page(await self._explainer.views(found[:limit]), query, below)


def read_asked(size: int, filter_text: str) -> tuple[int, tuple[Term, ...]]:
    """How many one page holds, and the filter's terms; raises INVALID_SPEC with all that is wrong with either."""
    wrong = list(_size_violations(size))
    terms: tuple[Term, ...] = ()
    try:
        terms = parse_filter(filter_text)
    except FilterError as error:
        wrong += [FieldViolation("filter", fault.reason, fault.sentence) for fault in error.faults]
    if wrong:
        raise refuse(Reason.INVALID_SPEC, wrong)
    return _bounded(size), terms


def page_limit(size: int) -> int:
    """How many one page holds; raises INVALID_SPEC."""
    if wrong := list(_size_violations(size)):
        raise refuse(Reason.INVALID_SPEC, wrong)
    return _bounded(size)


def _bounded(size: int) -> int:
    return min(size, LARGEST_PAGE) or DEFAULT_PAGE


def _size_violations(size: int) -> Iterator[FieldViolation]:
    if size < 0:
        sentence = f"{size} is below zero; 0 takes the default of {DEFAULT_PAGE}."
        yield FieldViolation("page_size", "OUT_OF_RANGE", sentence)
