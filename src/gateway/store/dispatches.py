"""What dispatch reads, and the one commit in which a batch job takes a slot."""

from collections.abc import Mapping
from enum import StrEnum, unique

from gateway.domain.batch_job import PoolId
from gateway.store.database import Connections
from gateway.store.model import Changed, Head, Observer, Snapshot, Take


@unique
class Untaken(StrEnum):
    """Why an order to dispatch did nothing."""

    NOT_QUEUED = "NOT_QUEUED"
    POOL_FULL = "POOL_FULL"
    TEAM_LIMIT = "TEAM_LIMIT"


class Dispatches:
    """Dispatch's part of the store."""

    def __init__(self, connections: Connections, observer: Observer) -> None:
        raise AssertionError

    async def snapshot(self, capacities: Mapping[PoolId, int]) -> Snapshot:
        """Counts per (pool, team) over every pool, and per pool with free slots each team's first free-slots heads."""
        raise AssertionError

    async def probe_heads(self, pool: PoolId) -> tuple[Head, ...]:
        """Per team the queued one that Vertex refused least often, then by priority and age: whom a closed gate tries."""
        raise AssertionError

    async def take(self, take: Take) -> Changed | Untaken:
        """Fence, pool lock, team lock, count again, QUEUED → SUBMITTING, charge the share: one commit.

        Raises LeaseLostError, StoreBusyError, StoreUnavailableError, CommitUnknownError.
        """
        raise AssertionError
