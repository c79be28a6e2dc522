"""What the loops look for: rows that are due for something."""

from collections.abc import Collection, Mapping
from datetime import timedelta
from typing import Any, Final

from gateway.domain.batch_job import BatchJob, PoolId
from gateway.domain.states import State
from gateway.store import locks
from gateway.store.connections import Connections
from gateway.store.model import Census
from gateway.store.queries import load
from gateway.store.rows import COLUMNS_OF_B, decode

SQL: Final = load("sweeps", columns=COLUMNS_OF_B)
REQUEST_ID_KEPT: Final = timedelta(days=30)


class Sweeps:
    """Queries of the controller's loops, each served by an index of its own; all answers are bounded or by nature few.

    The writes are about tombstones: a deleted batch job's Vertex job goes first, then its row, at last its request_id.
    They are under the fence and take no revision, since nothing that a caller may see changes.
    """

    def __init__(self, connections: Connections) -> None:
        self._connections = connections

    async def open_pools(self) -> tuple[PoolId, ...]:
        """Pools that hold anything queued or active."""
        async with self._connections.session("open_pools") as session:
            return tuple(sorted(PoolId.parse(row["pool"]) for row in await session.rows(SQL["open_pools"])))

    async def active(self, pool: PoolId) -> tuple[BatchJob, ...]:
        """Every batch job that holds a slot of the pool, SUBMITTING ones and those with a wish to cancel among them."""
        return await self._jobs("active", str(pool))

    async def by_id(self, ids: Collection[int]) -> Mapping[int, BatchJob]:
        """Rows by id whatever their team and state, tombstones too: for what a scan of Vertex found."""
        return {job.id: job for job in await self._jobs("by_id", list(ids))}

    async def past_deadline(self, limit: int) -> tuple[BatchJob, ...]:
        """Queued ones whose queue deadline has passed, the longest overdue first."""
        return await self._jobs("past_deadline", limit)

    async def past_retention(self, limit: int) -> tuple[BatchJob, ...]:
        """Ended ones, not deleted, whose `expire_time` has passed."""
        return await self._jobs("past_retention", limit)

    async def to_delete(self, limit: int) -> tuple[BatchJob, ...]:
        """Tombstones whose Vertex job is still there."""
        return await self._jobs("to_delete", limit)

    async def vertex_deleted(self, term: str, team: str, job_id: int) -> None:
        """Note that the Vertex job of a tombstone is gone."""
        async with self._connections.transaction("vertex_deleted") as transaction:
            await locks.fence(transaction, term)
            await locks.lock_team(transaction, team)
            await transaction.run(SQL["vertex_deleted"], job_id, team)

    async def purge(self, term: str, resume_window: timedelta, limit: int) -> int:
        """Remove tombstones whose Vertex job is gone and which are older than the resume window. Returns how many.

        A team's `purged_revision` follows, so that a resume token from before is known to be too old. One transaction
        a team.
        """
        async with self._connections.session("teams_to_purge") as session:
            teams = [row["team"] for row in await session.rows(SQL["teams_to_purge"], resume_window, limit)]
        return sum([await self._purge(term, team, resume_window, limit) for team in teams])

    async def purge_request_ids(self, term: str, limit: int) -> int:
        """Forget request_ids of 30 days and more whose batch job's row is gone. Returns how many."""
        async with self._connections.transaction("purge_request_ids") as transaction:
            await locks.fence(transaction, term)
            return len(await transaction.rows(SQL["purge_request_ids"], limit))

    async def census(self) -> tuple[Census, ...]:
        """Open batch jobs by team, pool and shown state."""
        async with self._connections.session("census") as session:
            rows = await session.rows(SQL["census"])
        return tuple(
            Census(row["team"], PoolId.parse(row["pool"]), State(row["shown"]), row["count"], row["oldest_time"])
            for row in rows
        )

    async def _jobs(self, query: str, *args: Any) -> tuple[BatchJob, ...]:
        async with self._connections.session(query) as session:
            return tuple(decode(row) for row in await session.rows(SQL[query], *args))

    async def _purge(self, term: str, team: str, resume_window: timedelta, limit: int) -> int:
        async with self._connections.transaction("purge") as transaction:
            await locks.fence(transaction, term)
            await locks.lock_team(transaction, team)
            gone = await transaction.rows(SQL["purge"], team, resume_window, limit)
            if gone:
                await transaction.run(SQL["note_purge"], team, max(row["revision"] for row in gone))
                used = [row["request_id"] for row in gone if row["request_id"]]
                await transaction.run(SQL["release_request_ids"], team, used, REQUEST_ID_KEPT)
        return len(gone)
