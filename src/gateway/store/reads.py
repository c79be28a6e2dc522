"""Reads: never trusted from a cache, never in a lock."""

from collections.abc import Mapping

from gateway.domain.batch_job import BatchJob, PoolId
from gateway.domain.fair_share import Contender
from gateway.store.database import Connections
from gateway.store.model import ChangePage, TeamFeed, Usage


class Reads:
    """What the service reads. API connections raise GatewayError, the controller's raise StoreError's family."""

    def __init__(self, connections: Connections) -> None:
        raise AssertionError

    async def get(self, team: str, id: int) -> BatchJob | None:  # noqa: A002 - the domain's word
        """The batch job as committed; None where the team has none of this id, or has deleted it."""
        raise AssertionError

    async def page(self, team: str | None, limit: int, before: int | None = None) -> tuple[BatchJob, ...]:
        """Newest first, those with an id below `before`; `team` None reads every team. Deleted ones are left out."""
        raise AssertionError

    async def replay(self, team: str, request_id: str, content_hash: str) -> BatchJob | None:
        """The batch job that this request_id made; None for an unknown one.

        Raises GatewayError: REQUEST_ID_REUSED for other content, NOT_FOUND when it was deleted.
        """
        raise AssertionError

    async def live(self, team: str) -> ChangePage:
        """Every open batch job of the team with the revision this was read at: how a watch begins."""
        raise AssertionError

    async def changes(self, team: str, after: int, limit: int) -> ChangePage:
        """What changed after a revision, tombstones (`delete_time` set) included."""
        raise AssertionError

    async def feed(self, team: str) -> TeamFeed:
        """The store's incarnation and the team's revisions, to judge a resume token by."""
        raise AssertionError

    async def usage(self, team: str) -> Usage:
        """What the team uses, as far as quotas count it."""
        raise AssertionError

    async def contenders(self, pool: PoolId, limit: int) -> tuple[Contender, ...]:
        """The pool's contenders, each with its first `limit` heads: what `fair_share.order` explains waiting by."""
        raise AssertionError

    async def active_by_team(self) -> Mapping[str, int]:
        """How many slots each team holds, over all pools."""
        raise AssertionError
