"""The pools table: what the leader knows of each pool, for every replica to read."""

from collections.abc import Callable, Mapping
from datetime import datetime

from gateway.domain.batch_job import PoolId
from gateway.store.database import Connections
from gateway.store.model import PoolState


class Pools:
    """Reads by anybody, writes under the fence."""

    def __init__(self, connections: Connections) -> None:
        raise AssertionError

    async def all(self) -> Mapping[PoolId, PoolState]:
        """Every pool that a leader ever wrote about."""
        raise AssertionError

    async def write(self, term: str, pool: PoolId, change: Callable[[PoolState, datetime], PoolState]) -> PoolState:
        """Change one pool's row under the fence and the pool's lock; a pool without a row starts from PoolState(pool)."""
        raise AssertionError
