"""What the controller is given: its share of the store, the way to Vertex, and the policy in force."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol, Self

from gateway.clock import Clock
from gateway.cloud.vertex import VertexPool
from gateway.controller.config import ControllerConfig
from gateway.domain.batch_job import PoolId
from gateway.policy.model import Policy
from gateway.store.changes import Changes
from gateway.store.database import Database
from gateway.store.dispatches import Dispatches
from gateway.store.lease import Lease
from gateway.store.model import Observer
from gateway.store.pools import Pools
from gateway.store.reads import Reads
from gateway.store.scans import Scanning
from gateway.store.sweeps import Sweeps
from gateway.store.tombstones import Tombstones


@dataclass(frozen=True, slots=True)
class StoreParts:
    """The parts of the store that loops use, on the controller's own connections; the lease has its own."""

    lease: Lease
    changes: Changes
    dispatches: Dispatches
    pools: Pools
    reads: Reads
    scanning: Scanning
    sweeps: Sweeps
    tombstones: Tombstones

    @classmethod
    def of(cls, database: Database, *, config: ControllerConfig, clock: Clock, holder: str, observer: Observer) -> Self:
        """The parts over one open database. `holder` names this replica in the lease row."""
        connections = database.controller
        return cls(
            lease=Lease(database.lease, clock, holder=holder, duration=config.lease),
            changes=Changes(connections, observer),
            dispatches=Dispatches(connections, observer),
            pools=Pools(connections),
            reads=Reads(connections),
            scanning=Scanning(connections),
            sweeps=Sweeps(connections),
            tombstones=Tombstones(connections),
        )


class PolicyInForce(Protocol):
    """The policy source, as far as loops need it."""

    @property
    def current(self) -> Policy: ...

    def subscribe(self, callback: Callable[[Policy], None]) -> Callable[[], None]: ...


class ChangeHints(Protocol):
    """The change feed, as far as loops need it: told that something has changed, they look sooner."""

    def subscribe(self, callback: Callable[[], None]) -> Callable[[], None]: ...


class Vertex(Protocol):
    """The client factory."""

    async def pool(self, pool: PoolId, endpoint: str = "") -> VertexPool: ...
