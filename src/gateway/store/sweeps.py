"""What the loops look for: rows that are due for something."""

from collections.abc import Collection, Mapping
from datetime import timedelta

from gateway.domain.batch_job import BatchJob, PoolId
from gateway.store.database import Connections
from gateway.store.model import Census


class Sweeps:
    """Queries of the controller's loops; each is served by an index of its own. All answers are bounded or by nature few."""

    def __init__(self, connections: Connections) -> None:
        raise AssertionError

    async def open_pools(self) -> tuple[PoolId, ...]:
        """Pools that hold anything queued or active."""
        raise AssertionError

    async def active(self, pool: PoolId) -> tuple[BatchJob, ...]:
        """Every batch job that holds a slot of the pool, SUBMITTING ones and those with a wish to cancel among them."""
        raise AssertionError

    async def by_id(self, ids: Collection[int]) -> Mapping[int, BatchJob]:
        """Rows by id whatever their team and state, tombstones too: for what a scan of Vertex found."""
        raise AssertionError

    async def past_deadline(self, limit: int) -> tuple[BatchJob, ...]:
        """Queued ones whose queue deadline has passed, the longest overdue first."""
        raise AssertionError

    async def past_retention(self, limit: int) -> tuple[BatchJob, ...]:
        """Ended ones, not deleted, whose `expire_time` has passed."""
        raise AssertionError

    async def to_delete(self, limit: int) -> tuple[BatchJob, ...]:
        """Tombstones whose Vertex job is still there."""
        raise AssertionError

    async def vertex_deleted(self, term: str, team: str, id: int) -> None:  # noqa: A002 - the domain's word
        """Note under the fence that the Vertex job of a tombstone is gone. Watchers see nothing of it: no revision."""
        raise AssertionError

    async def purge(self, term: str, resume_window: timedelta, limit: int) -> int:
        """Remove tombstones whose Vertex job is gone and which are older than the resume window. Returns how many."""
        raise AssertionError

    async def purge_request_ids(self, term: str, limit: int) -> int:
        """Forget request_ids of 30 days and more whose batch job's row is gone. Returns how many."""
        raise AssertionError

    async def census(self) -> tuple[Census, ...]:
        """Open batch jobs by team, pool and shown state."""
        raise AssertionError
