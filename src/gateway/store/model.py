"""The values that go into the store and come out of it, beside the batch job itself. All frozen, none of them SQL's."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from gateway.domain.batch_job import BatchJob, PoolId, Spec


@dataclass(frozen=True, slots=True)
class NewBatchJob:
    """A create that passed every check before Admit. `request_id` "" means that the caller sent none.

    `content_hash` is the hash of the canonical request as sent; `max_queue_duration` the caller's, else the policy's.
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
class Share:
    """What a team has received from one pool. `service` is slot-seconds divided by weight."""

    service: float = 0.0
    mean_run_seconds: float | None = None
    """The recent mean run time; None before the first end."""


@dataclass(frozen=True, slots=True)
class Charge:
    """What a dispatch costs: the share as it becomes, and the estimate that its end will correct."""

    share: Share
    seconds: float
    weight: float


@dataclass(frozen=True, slots=True)
class Take:
    """An order to dispatch: QUEUED → SUBMITTING for one batch job, under one leader's term.

    `capacity` is how many may be active in the pool (others' jobs already taken off), `limit` how many of the team
    over all pools (None: no limit). `charge` is the pure fair-share rule.
    """

    term: str
    pool: PoolId
    team: str
    id: int
    attempt_id: str
    policy_hash: str
    capacity: int
    limit: int | None
    charge: Callable[[Share], Charge]


@dataclass(frozen=True, slots=True)
class Head:
    """A queued batch job as dispatch needs it: little enough to read many. `refused` counts Vertex's refusals of it."""

    id: int
    team: str
    pool: PoolId
    priority: int
    create_time: datetime
    refused: int = 0


@dataclass(frozen=True, slots=True)
class Counts:
    """How many batch jobs of one team are in one pool."""

    active: int = 0
    queued: int = 0


TeamInPool = tuple[PoolId, str]


@dataclass(frozen=True, slots=True)
class Snapshot:
    """One consistent look at what dispatch decides by. `heads` holds, per pool, each team's first free-slots heads."""

    time: datetime
    counts: Mapping[TeamInPool, Counts]
    shares: Mapping[TeamInPool, Share]
    heads: Mapping[PoolId, tuple[Head, ...]]

    def active_in(self, pool: PoolId) -> int:
        """How many slots of the pool are held, all teams together."""
        return sum(counts.active for (where, _), counts in self.counts.items() if where == pool)

    def active_of(self, team: str) -> int:
        """How many slots the team holds, over all pools."""
        return sum(counts.active for (_, whose), counts in self.counts.items() if whose == team)


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
class ChangePage:
    """Batch jobs whose latest change lies after a revision, oldest change first, tombstones among them.

    `through` is the revision that a reader has reached with this page; `more` says that the page was cut.
    """

    jobs: tuple[BatchJob, ...]
    through: int
    more: bool


@dataclass(frozen=True, slots=True)
class Census:
    """Open batch jobs of one team in one pool and shown state: how many, and since when the oldest is in it."""

    team: str
    pool: PoolId
    state: str
    count: int
    oldest_time: datetime
