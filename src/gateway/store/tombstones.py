"""Tombstones whose Vertex job is still there, pool by pool: a pool that cannot be reached must hold up no other."""

from collections.abc import Collection
from typing import Final

from gateway.domain.batch_job import BatchJob, PoolId
from gateway.store.connections import Connections
from gateway.store.queries import load
from gateway.store.rows import COLUMNS_OF_B, decode

SQL: Final = load("tombstones", columns=COLUMNS_OF_B)


class Tombstones:
    """Reads for the delete loop; all of them use the index over tombstones with a Vertex job."""

    def __init__(self, connections: Connections) -> None:
        self._connections = connections

    async def pools(self) -> frozenset[PoolId]:
        """The pools where a Vertex job waits to be deleted, those that the policy no longer holds among them."""
        async with self._connections.session("tombstone_pools") as session:
            return frozenset(PoolId.parse(row["pool"]) for row in await session.rows(SQL["pools"]))

    async def in_pool(self, pool: PoolId, limit: int, *, but: Collection[int] = ()) -> tuple[BatchJob, ...]:
        """A pool's tombstones, the oldest delete first; `but` leaves out those that are better tried later."""
        async with self._connections.session("tombstones") as session:
            return tuple(decode(row) for row in await session.rows(SQL["in_pool"], str(pool), list(but), limit))
