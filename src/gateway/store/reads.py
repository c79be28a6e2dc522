"""Reads: never trusted from a cache, never in a lock."""

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Final

from gateway.domain.batch_job import BatchJob, PoolId
from gateway.domain.fair_share import Contender
from gateway.domain.filters import Term
from gateway.store import filters
from gateway.store.connections import Connections
from gateway.store.contenders import read_contenders
from gateway.store.gets import Gets
from gateway.store.model import ChangePage, FilteredPage, InPool, Job, LivePage, TeamFeed, TeamStanding, Usage
from gateway.store.news import News
from gateway.store.queries import load
from gateway.store.replays import Replays
from gateway.store.rows import COLUMNS_OF_B, NEWS_OF_B, Row, decode
from gateway.store.usage import read_standing, read_waits

SQL: Final = load("reads", columns=COLUMNS_OF_B)
NEWS: Final = load("reads", columns=NEWS_OF_B)["changes"]
"""The same statement, of fewer columns."""
_ABOVE_EVERY_ID: Final = 2**63 - 1


class Reads:
    """What the service reads. On the API's connections errors are GatewayError, else those of `errors.py`."""

    def __init__(self, connections: Connections) -> None:
        self._connections = connections
        self._gets = Gets(connections)
        self._replays = Replays(connections)

    async def get(self, team: str, job_id: int) -> BatchJob | None:
        """The batch job as committed; None where the team has none of this id, or has deleted it."""
        return await self._gets.get(team, job_id)

    async def page(self, team: str | None, limit: int, before: int | None = None) -> tuple[BatchJob, ...]:
        """Newest first, those with an id below `before`; `team` None reads every team. Deleted ones are left out."""
        below = _ABOVE_EVERY_ID if before is None else before
        async with self._connections.surfaced(), self._connections.session("page") as session:
            if team is None:
                rows = await session.rows(SQL["page"], below, limit)
            else:
                rows = await session.rows(SQL["page_of_team"], team, below, limit)
        return tuple(decode(row) for row in rows)

    async def filtered(
        self, team: str | None, terms: Sequence[Term], limit: int, before: int | None = None
    ) -> FilteredPage:
        """As `page`, those that meet every term, among the next `filters.LOOKED_AT` ones."""
        below = _ABOVE_EVERY_ID if before is None else before
        arguments = (team, below, filters.LOOKED_AT, limit, *filters.arguments(terms))
        async with self._connections.surfaced(), self._connections.session("filtered") as session:
            rows = await session.rows(filters.query(team, terms), *arguments)
        jobs = tuple(decode(row) for row in rows if row["id"] is not None)
        return FilteredPage(jobs, rows[0]["edge"] if rows[0]["looked"] == filters.LOOKED_AT else None)

    async def replay(
        self, team: str, request_id: str, content_hash: str, equal_hashes: Collection[str] = ()
    ) -> BatchJob | None:
        """The batch job that this request_id made; None for an unknown one. `equal_hashes` are as good as the hash.

        Raises GatewayError: REQUEST_ID_REUSED for other content, NOT_FOUND when it was deleted.
        """
        return await self._replays.find(team, request_id, {content_hash, *equal_hashes})

    async def live(self, team: str, after: int, limit: int) -> LivePage:
        """The team's open batch jobs with an id above `after`, and where its feed stands: how a watch begins."""
        async with self._connections.surfaced(), self._connections.session("live") as session:
            rows = await session.rows(SQL["live"], team, after, limit)
        jobs = tuple(decode(row) for row in rows if row["id"] is not None)
        return LivePage(jobs, more=len(jobs) == limit, feed=_feed(rows[0]))

    async def changes(self, team: str, after: int, limit: int) -> ChangePage[BatchJob]:
        """What changed after a revision, tombstones (`delete_time` set) included."""
        async with self._connections.surfaced(), self._connections.session("changes") as session:
            rows = await session.rows(SQL["changes"], team, after, limit)
        return _change_page(rows, decode, after, limit)

    async def news(self, team: str, after: int, limit: int) -> ChangePage[News]:
        """As `changes`, for whoever holds the batch jobs that count: of each row only what may have changed."""
        async with self._connections.surfaced(), self._connections.session("news") as session:
            rows = await session.rows(NEWS, team, after, limit)
        return _change_page(rows, lambda row: News(row["id"], row["revision"], row), after, limit)

    async def feed(self, team: str) -> TeamFeed:
        """The store's incarnation and the team's revisions, to judge a resume token by."""
        async with self._connections.surfaced(), self._connections.session("feed") as session:
            row = await session.row(SQL["feed"], team)
        if row is None:
            raise AssertionError("the migrations write the store's row")
        return _feed(row)

    async def usage(self, team: str) -> Usage:
        """What the team uses, as far as quotas count it."""
        async with self._connections.surfaced(), self._connections.session("usage") as session:
            return (await read_standing(session, team)).usage

    async def standing(self, team: str) -> TeamStanding:
        """What the team uses, over all and in each pool, at one moment."""
        async with self._connections.surfaced(), self._connections.snapshot("standing") as session:
            standing = await read_standing(session, team)
            rows = await session.rows(SQL["open_in_pools"], team)
            waits = await session.rows(SQL["waits"], team)
        pools = {PoolId.parse(row["pool"]): InPool(row["active"], row["queued"]) for row in rows}
        waited = {PoolId.parse(row["pool"]): read_waits(row["waits"]) for row in waits}
        return TeamStanding(standing.now, standing.usage, pools, waited)

    async def contenders(self, pool: PoolId, limit: int) -> tuple[Contender, ...]:
        """All contenders, each with its first head, in this pool with its first `limit` ones: what `fair_share.order`
        explains waiting by.
        """
        async with self._connections.surfaced(), self._connections.snapshot("contenders") as session:
            return await read_contenders(session, lambda where, _: limit if where == pool else 1)

    async def active_by_team(self) -> Mapping[str, int]:
        """How many slots each team holds, over all pools."""
        async with self._connections.surfaced(), self._connections.session("active_by_team") as session:
            return {row["team"]: row["active"] for row in await session.rows(SQL["active_by_team"])}


def _change_page(rows: Sequence[Row], read: Callable[[Row], Job], after: int, limit: int) -> ChangePage[Job]:
    jobs, feed = tuple(read(row) for row in rows if row["id"] is not None), _feed(rows[0])
    if len(jobs) == limit:
        return ChangePage(jobs, through=rows[-1]["revision"], more=True, feed=feed)
    return ChangePage(jobs, through=max(after, feed.revision), more=False, feed=feed)


def _feed(row: Row) -> TeamFeed:
    return TeamFeed(row["incarnation"], row["team_revision"], row["purged_revision"])
