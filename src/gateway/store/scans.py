"""What a scan of Vertex has to know of the store: the store's time, and how far back it must reach."""

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from gateway.domain.batch_job import PoolId
from gateway.store.connections import Connections
from gateway.store.queries import load
from gateway.store.rows import COLUMNS_OF_B

SQL: Final = load("sweeps", columns=COLUMNS_OF_B)


@dataclass(frozen=True, slots=True)
class Horizon:
    """`now` is the store's time; `oldest_unnamed` the create time of the pool's oldest batch job without a Vertex job
    (queued or SUBMITTING), None where there is none.
    """

    now: datetime
    oldest_unnamed: datetime | None


@dataclass(frozen=True, slots=True)
class Restore:
    """The store came back from a backup: it holds nothing of what happened between the two times, which are its own."""

    kept_until: datetime
    declare_time: datetime


class Scanning:
    """Reads for scans."""

    def __init__(self, connections: Connections) -> None:
        self._connections = connections

    async def horizon(self, pool: PoolId) -> Horizon:
        """The store's time, and how old what a scan may find a Vertex job for can be."""
        async with self._connections.session("scan_horizon") as session:
            row = await session.row(SQL["horizon"], str(pool))
        if row is None:
            raise AssertionError("an aggregate answers one row")
        return Horizon(row["now"], row["oldest_unnamed"])

    async def restores(self) -> tuple[Restore, ...]:
        """Every restore of this store that was declared by `gateway migrate --restored`, the oldest first."""
        async with self._connections.session("restores") as session:
            if not await session.value(SQL["has_restores"]):
                return ()
            return tuple(Restore(row["kept_until"], row["declare_time"]) for row in await session.rows(SQL["restores"]))

    async def now(self) -> datetime:
        """The store's time."""
        async with self._connections.session("now") as session:
            time: datetime = await session.value(SQL["now"])
        return time
