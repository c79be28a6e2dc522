"""The gateway's resource: what a caller asked for, and what has become of it."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum, unique
from typing import Any, Final, NamedTuple, Self

from gateway.domain.states import ACTIVE, ENDS, State, may_move, shown
from gateway.domain.vertex_job import Output, Rows, Status

DEFAULT_PRIORITY: Final = 50
MAX_TRANSITIONS: Final = 32
MAX_REFUSED_ATTEMPTS: Final = 16


class IllegalMoveError(Exception):
    """A move that the transition table does not hold: a defect of the caller, never a caller's bad input."""


class PoolId(NamedTuple):
    """A (Google Cloud project, region) pair, written `project/region`. A tuple, since it is a key everywhere."""

    project: str
    region: str

    def __str__(self) -> str:
        return f"{self.project}/{self.region}"

    @classmethod
    def parse(cls, text: str) -> Self:
        project, region = text.split("/")
        return cls(project, region)


@dataclass(frozen=True, slots=True)
class GcsSource:
    """One JSONL object, `gs://bucket/object`."""

    uri: str


@dataclass(frozen=True, slots=True)
class BigQuerySource:
    """One table, `bq://project.dataset.table`."""

    table: str


@dataclass(frozen=True, slots=True)
class GcsDestination:
    """A folder, `gs://bucket/prefix`; Vertex makes a directory of its own below it."""

    output_uri_prefix: str


@dataclass(frozen=True, slots=True)
class BigQueryDestination:
    """One table, `bq://project.dataset.table`, made where it does not exist."""

    table: str


Source = GcsSource | BigQuerySource
Destination = GcsDestination | BigQueryDestination


@dataclass(frozen=True, slots=True)
class Spec:
    """What the caller sent, kept as sent: aliases, defaults and inferred places are never written back into it."""

    model: str
    source: Source
    destination: Destination
    display_name: str = ""
    region: str = ""
    priority: int | None = None
    model_parameters: Mapping[str, Any] = field(default_factory=dict)
    labels: Mapping[str, str] = field(default_factory=dict)
    max_queue_duration: timedelta | None = None
    project: str = ""
    """The id or number of the Google Cloud project that its pool must be of; "" leaves that to the policy."""

    @property
    def source_uri(self) -> str:
        return self.source.uri if isinstance(self.source, GcsSource) else self.source.table

    @property
    def destination_uri(self) -> str:
        destination = self.destination
        return destination.output_uri_prefix if isinstance(destination, GcsDestination) else destination.table


@unique
class AttemptOutcome(StrEnum):
    """How one create call on Vertex turned out. An attempt without an outcome is still open or ambiguous."""

    ACCEPTED = "ACCEPTED"
    REFUSED = "REFUSED"  # the server said no: it was never made
    FOUND = "FOUND"  # the answer was lost, a scan found the Vertex job
    ABSENT = "ABSENT"  # two scans, the last begun after T, did not find it


@dataclass(frozen=True, slots=True)
class Attempt:
    """One create call: the random id on its Vertex job's label, and what it went by."""

    id: str
    number: int
    time: datetime
    term: str
    policy_hash: str
    capacity: int
    team_limit: int
    outcome: AttemptOutcome | None = None
    outcome_time: datetime | None = None
    outcome_reason: str = ""


@dataclass(frozen=True, slots=True)
class Transition:
    """One entry of the history: the state (CANCELLING is the wish to cancel), when, why, by whom, at which revision."""

    state: State
    time: datetime
    reason: str
    actor: str
    revision: int


@dataclass(frozen=True, slots=True)
class BatchJob:
    """`teams/{team}/batchJobs/{id}`. Times are the store's, aware, in UTC; `vertex_*` times are Vertex's own."""

    id: int
    team: str
    spec: Spec
    state: State
    pool: PoolId
    effective_model: str
    creator: str
    create_time: datetime
    update_time: datetime
    queue_deadline: datetime | None
    """When it expires if it is still queued; None where neither caller nor policy set a bound."""
    revision: int
    source_bytes: int = 0
    cancel_time: datetime | None = None
    delete_time: datetime | None = None
    submit_time: datetime | None = None
    """When the row last became SUBMITTING."""
    start_time: datetime | None = None
    end_time: datetime | None = None
    expire_time: datetime | None = None
    """When retention removes it; set when it ends."""
    vertex_name: str = ""
    vertex_update_time: datetime | None = None
    vertex_start_time: datetime | None = None
    vertex_end_time: datetime | None = None
    error: Status | None = None
    partial_failures: tuple[Status, ...] = ()
    rows: Rows | None = None
    output: Output | None = None
    attempt_count: int = 0
    attempts: tuple[Attempt, ...] = ()
    transitions: tuple[Transition, ...] = ()

    @property
    def name(self) -> str:
        return job_name(self.team, self.id)

    @property
    def shown_state(self) -> State:
        return shown(self.state, cancel_wanted=self.cancel_time is not None)

    @property
    def ended(self) -> bool:
        return self.state in ENDS

    @property
    def active(self) -> bool:
        return self.state in ACTIVE

    @property
    def effective_priority(self) -> int:
        return DEFAULT_PRIORITY if self.spec.priority is None else self.spec.priority

    @property
    def attempt(self) -> Attempt | None:
        """The latest attempt, if there was one."""
        return self.attempts[-1] if self.attempts else None

    def evolve(self, **changes: Any) -> Self:
        """A copy with these fields changed. State changes go through `move`."""
        return replace(self, **changes)

    def move(self, to: State, *, time: datetime, reason: str, actor: str, **changes: Any) -> Self:
        """A copy in state `to`, with the move in its history; the store fills in the revision.

        Raises:
            IllegalMoveError: the table does not hold the pair.

        """
        if not may_move(self.state, to):
            raise IllegalMoveError(f"{self.name}: {self.state} to {to}")
        entry = Transition(to, time, reason, actor, self.revision + 1)
        return replace(self, state=to, transitions=remember(self.transitions, entry), update_time=time, **changes)

    def wish_cancel(self, *, time: datetime, actor: str) -> Self:
        """A copy that carries the wish to cancel; its entry in the history is CANCELLING."""
        entry = Transition(State.CANCELLING, time, "CANCEL_REQUESTED", actor, self.revision + 1)
        return replace(self, cancel_time=time, update_time=time, transitions=remember(self.transitions, entry))


def job_name(team: str, job_id: int) -> str:
    """A batch job's resource name."""
    return f"teams/{team}/batchJobs/{job_id}"


def remember(history: tuple[Transition, ...], entry: Transition) -> tuple[Transition, ...]:
    """The history with `entry` added, bounded: of all put-backs the first and the last stay, and 32 entries at most."""
    kept = [*history, entry]
    put_backs = [
        i for i in range(1, len(kept)) if kept[i].state is State.QUEUED and kept[i - 1].state is State.SUBMITTING
    ]
    for i in reversed(put_backs[1:-1]):
        del kept[i - 1 : i + 1]
    if len(kept) > MAX_TRANSITIONS:
        half = MAX_TRANSITIONS // 2
        kept = kept[:half] + kept[-half:]
    return tuple(kept)


def remember_attempt(attempts: tuple[Attempt, ...], attempt: Attempt) -> tuple[Attempt, ...]:
    """The attempts with one added. All that may ever show up on Vertex stay; of the refused, the last sixteen."""
    refused = [a for a in attempts if a.outcome is AttemptOutcome.REFUSED]
    forgotten = {a.id for a in refused[: -MAX_REFUSED_ATTEMPTS + 1]} if len(refused) >= MAX_REFUSED_ATTEMPTS else set()
    return (*(a for a in attempts if a.id not in forgotten), attempt)
