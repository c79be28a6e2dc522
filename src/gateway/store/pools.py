"""The pools table: what the leader knows of each pool, for every replica to read."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Final

from gateway.domain.batch_job import PoolId
from gateway.store import locks
from gateway.store.connections import Connections
from gateway.store.model import PoolState
from gateway.store.queries import load
from gateway.store.rows import Row

COLUMNS: Final = (
    *("pool", "capacity", "gate_open", "gate_reason", "gate_time", "gate_failures", "next_probe_time"),
    *("others", "strays", "last_list_time", "last_scan_time", "last_ambiguous_time", "update_time"),
)
SQL: Final = load("pools", columns=", ".join(COLUMNS))


class Pools:
    """Reads by anybody, writes under the fence."""

    def __init__(self, connections: Connections) -> None:
        self._connections = connections

    async def all(self) -> Mapping[PoolId, PoolState]:
        """Every pool that a leader ever wrote about."""
        async with self._connections.surfaced(), self._connections.session("pools") as session:
            states = [_decode(row) for row in await session.rows(SQL["all"])]
        return {state.pool: state for state in states}

    async def write(self, term: str, pool: PoolId, change: Callable[[PoolState, datetime], PoolState]) -> PoolState:
        """Change one pool's row under the fence and the pool's lock; a pool without a row starts from PoolState(pool).

        `change(state, now)` is pure. `update_time` becomes the store's time.
        """
        async with self._connections.transaction("pool_write") as transaction:
            await locks.fence(transaction, term)
            await locks.lock_pool(transaction, pool)
            row = await transaction.row(SQL["one"], str(pool))
            if row is None:
                raise AssertionError("the lock makes the row")
            state = replace(change(_decode(row), row["now"]), update_time=row["now"])
            await transaction.run(SQL["write"], *_encode(state))
        return state


def _decode(row: Row) -> PoolState:
    return PoolState(PoolId.parse(row["pool"]), *(row[column] for column in COLUMNS[1:]))


def _encode(state: PoolState) -> tuple[object, ...]:
    return (str(state.pool), *(getattr(state, column) for column in COLUMNS[1:]))
