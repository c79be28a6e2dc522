"""The values that go into the store and come out of it, beside the batch job itself. All frozen, none of them SQL's."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Generic, TypeVar

from gateway.domain.batch_job import BatchJob, PoolId, Spec
from gateway.domain.fair_share import Contender
from gateway.domain.states import State
from gateway.domain.waits import Wait

Job = TypeVar("Job")


@dataclass(frozen=True, slots=True)
class NewBatchJob:
    """A create that passed every check before Admit. `request_id` "" means that the caller sent none.

    `content_hash` is the hash of the canonical request as sent, `equal_hashes` are those of other spellings of it;
    `max_queue_duration` is the caller's, else the policy's.
    """

    team: str
    spec: Spec
    pool: PoolId
    effective_model: str
    creator: str
    source_bytes: int = 0
    max_queue_duration: timedelta | None = None
    request_id: str = ""
    content_hash: str = ""
    equal_hashes: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Usage:
    """What a team uses now, read under its lock. Quotas are judged by it and by nothing else.

    `bucket_used` creates stood in the token bucket at `bucket_time`; it drains by the limit per minute, so a team that
    never created anything has 0 whatever its limit. The day's counters are those of `day` (UTC), which may be over.
    """

    active_jobs: int = 0
    queued_jobs: int = 0
    bucket_used: float = 0.0
    bucket_time: datetime | None = None
    day: date | None = None
    day_jobs: int = 0
    day_input_bytes: int = 0


@dataclass(frozen=True, slots=True)
class InPool:
    """A team's open batch jobs in one pool: how many hold a slot, and how many are queued for one."""

    active: int = 0
    queued: int = 0


@dataclass(frozen=True, slots=True)
class TeamStanding:
    """What a team uses at the store's time `now`, over all pools and in each one where it has anything open; and how
    long its latest batch jobs waited in each pool, newest first.
    """

    now: datetime
    usage: Usage
    pools: Mapping[PoolId, InPool]
    waits: Mapping[PoolId, tuple[Wait, ...]]


Decide = Callable[[Usage, datetime], Usage]
"""`decide(usage, now)`: the usage once this batch job is admitted. Pure; raises GatewayError to refuse.

`now` is the store's time under the team's lock. `queued_jobs`, the bucket and the day's counters are taken from the
answer, so a batch job that is let through must raise them itself.
"""


@dataclass(frozen=True, slots=True)
class Admission:
    """The answer to a create: the batch job, and whether it was there already under the same `request_id`."""

    job: BatchJob
    replayed: bool = False


@dataclass(frozen=True, slots=True)
class Changed:
    """One committed change of one batch job."""

    before: BatchJob
    after: BatchJob


Change = Callable[[BatchJob, datetime], BatchJob | None]
"""`change(job, now)`: the job as it shall be, or None where the guard does not match. Pure; `now` is the store's."""

Observer = Callable[[BatchJob | None, BatchJob], None]
"""`observer(before, after)`, called once after each commit, in commit order per team; `before` is None for a create."""


@dataclass(frozen=True, slots=True)
class Take:
    """An order to dispatch: QUEUED → SUBMITTING for one batch job, under one leader's term.

    `capacity` is how many of ours may be active in the pool (others' and strays already taken off), `limit` how many
    of the team over all pools (None: no limit). `charge` is what `shares.charge` said, for `weight`.
    """

    term: str
    pool: PoolId
    team: str
    id: int
    attempt_id: str
    policy_hash: str
    capacity: int
    limit: int | None
    charge: float
    weight: float


@dataclass(frozen=True, slots=True)
class Snapshot:
    """One consistent look at what dispatch decides by.

    `contenders` holds every (pool, team) with anything open; their heads are the first one, and as many as there are
    free slots, in order.
    """

    time: datetime
    contenders: tuple[Contender, ...]

    def active_in(self, pool: PoolId) -> int:
        """How many slots of the pool are held, all teams together."""
        return sum(c.active for c in self.contenders if c.pool == pool)

    def active_of(self, team: str) -> int:
        """How many slots the team holds, over all pools."""
        return sum(c.active for c in self.contenders if c.team == team)


@dataclass(frozen=True, slots=True)
class PoolState:
    """What the leader last wrote about a pool, so that any replica can say why something waits.

    `last_scan_time` is when the last complete scan began, `last_list_time` when the last list of running ones did.
    """

    pool: PoolId
    capacity: int = 0
    gate_open: bool = True
    gate_reason: str = ""
    gate_time: datetime | None = None
    gate_failures: int = 0
    next_probe_time: datetime | None = None
    others: int = 0
    strays: int = 0
    last_list_time: datetime | None = None
    last_scan_time: datetime | None = None
    last_ambiguous_time: datetime | None = None
    update_time: datetime | None = None


@dataclass(frozen=True, slots=True)
class TeamFeed:
    """Where a team's feed stands. A resume token below `purged_revision` is too old, one above `revision` is ahead."""

    incarnation: str
    revision: int
    purged_revision: int


@dataclass(frozen=True, slots=True)
class ChangePage(Generic[Job]):
    """Batch jobs whose latest change lies after a revision, oldest change first, tombstones among them.

    `through` is the revision that a reader has reached with this page; `more` says that the page was cut. `feed` is
    where the team stood as the page was read.
    """

    jobs: tuple[Job, ...]
    through: int
    more: bool
    feed: TeamFeed


@dataclass(frozen=True, slots=True)
class LivePage:
    """Open batch jobs in the order of their ids, as of `feed`; `more` says that the page was cut."""

    jobs: tuple[BatchJob, ...]
    more: bool
    feed: TeamFeed


@dataclass(frozen=True, slots=True)
class FilteredPage:
    """Batch jobs that meet a filter. `edge` is the id down to which was looked; None: there is nothing below."""

    jobs: tuple[BatchJob, ...]
    edge: int | None


@dataclass(frozen=True, slots=True)
class Census:
    """Open batch jobs of one team in one pool and shown state: how many, and since when the oldest is in it."""

    team: str
    pool: PoolId
    state: State
    count: int
    oldest_time: datetime
