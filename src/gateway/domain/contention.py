"""What fair share judges by: pools, teams and queues at one moment, and the choice that it makes of them. All frozen.

All times are seconds; `service` is slot-seconds divided by the team's weight.
"""

from dataclasses import dataclass
from datetime import datetime

from gateway.domain.batch_job import PoolId
from gateway.domain.shares import Share

Rank = tuple[int, datetime, int]
"""The place of a batch job among those of its team: priority, then age, then id."""


@dataclass(frozen=True, slots=True)
class PoolSnapshot:
    """One pool. A pool that the policy no longer holds has capacity 0.

    `active` counts the gateway's rows that hold a slot, `strays` its Vertex jobs that no row accounts for, `others` the
    Vertex jobs made outside the gateway (0 where the pool counts only ours).
    """

    id: PoolId
    capacity: int
    active: int
    others: int = 0
    strays: int = 0
    gate_open: bool = True

    @property
    def free(self) -> int:
        """Slots that may be taken now; below zero when the pool shrank under what runs."""
        return self.capacity - self.active - self.others - self.strays

    @property
    def lets_in(self) -> bool:
        """Whether its slots come round to the gateway's teams at all."""
        return self.gate_open and self.capacity > self.others + self.strays


@dataclass(frozen=True, slots=True)
class TeamSnapshot:
    """One team of the policy: `active` is over all pools, `limit` is `active_jobs` (None: no limit, or only shadow)."""

    team: str
    weight: float
    active: int
    limit: int | None
    paused: bool = False

    @property
    def has_room(self) -> bool:
        return self.limit is None or self.active < self.limit


@dataclass(frozen=True, slots=True)
class Head:
    """One queued batch job near the front of its team's queue. `refusals`: how often Vertex has refused it."""

    id: int
    priority: int
    create_time: datetime
    refusals: int = 0

    @property
    def rank(self) -> Rank:
        """The place within the team; the lowest goes first."""
        return (-self.priority, self.create_time, self.id)


@dataclass(frozen=True, slots=True)
class Contender:
    """One team in one pool. `backlogged` says that it has something queued there; how much, nothing depends on. `heads`
    are the first of it, in any order: `plan` needs one, and as many as there are free slots; `order` needs all of its
    pool's. `active` is the team's count in this pool alone, `charged` what their dispatches were charged: it stands in
    `share.service` and is settled when they end.
    """

    pool: PoolId
    team: str
    share: Share
    backlogged: bool
    heads: tuple[Head, ...] = ()
    active: int = 0
    charged: float = 0.0


@dataclass(frozen=True, slots=True)
class Choice:
    """The next batch job of a pool, and what its dispatch adds to the team's service there."""

    pool: PoolId
    team: str
    head: Head
    charge: float
