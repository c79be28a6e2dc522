"""What dispatch reads, and the one commit in which a batch job takes a slot."""

from collections.abc import Iterable, Mapping
from enum import StrEnum, unique

from gateway.domain.batch_job import PoolId
from gateway.domain.fair_share import Contender
from gateway.domain.level import Shift
from gateway.store.database import Connections
from gateway.store.model import Changed, Observer, Snapshot, Take


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

    async def probes(self, pool: PoolId) -> tuple[Contender, ...]:
        """The pool's contenders, each with one head: the queued one refused least often, then by priority and age."""
        raise AssertionError

    async def level(self, term: str, shifts: Iterable[Shift]) -> None:
        """Store what `level` changed, under the fence: add to each service, remember each standing."""
        raise AssertionError

    async def take(self, take: Take) -> Changed | Untaken:
        """Fence, pool lock, team lock, count again, QUEUED → SUBMITTING, charge the share: one commit.

        Raises LeaseLostError, StoreBusyError, StoreUnavailableError, CommitUnknownError.
        """
        raise AssertionError
