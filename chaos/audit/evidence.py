"""What a run leaves behind, as plain values: the store's history, the emulator's record, the callers' journals."""

import json
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Any, Final, Self

LABEL_ID: Final = "batchjobs_id"
LABEL_ATTEMPT: Final = "batchjobs_attempt"
LIVE: Final = frozenset({"JOB_STATE_QUEUED", "JOB_STATE_PENDING", "JOB_STATE_RUNNING", "JOB_STATE_PAUSED"})


@dataclass(frozen=True, slots=True)
class Change:
    """One write to a batch job's row, in the store's order; `attempt` is the latest of its attempts."""

    place: int
    at: float
    id: int
    team: str
    pool: str
    revision: int
    state: str
    attempt: Mapping[str, Any] | None


@dataclass(frozen=True, slots=True)
class Row:
    """A batch job's row at the end."""

    id: int
    team: str
    pool: str
    state: str
    revision: int
    request_id: str
    vertex_id: str
    deleted: bool

    @property
    def name(self) -> str:
        return f"teams/{self.team}/batchJobs/{self.id}"


@dataclass(frozen=True, slots=True)
class Create:
    """One create that reached Vertex. `made` is the Vertex job's id, empty where nothing came of it."""

    batch_job: int
    attempt: str
    region: str
    sent: float
    effect: float | None
    made: str
    code: str


@dataclass(frozen=True)
class Evidence:
    """Everything that the audit reads. `settle` is T; `found` are the Vertex jobs that the gateway told of as late
    duplicates; `by_hand` are those that somebody deleted, with when.
    """

    within: bool
    settle: float
    changes: tuple[Change, ...] = ()
    rows: tuple[Row, ...] = ()
    revisions: Mapping[str, int] = None  # type: ignore[assignment]  # `of` and tests give it
    journal: tuple[Mapping[str, Any], ...] = ()
    creates: tuple[Create, ...] = ()
    live: frozenset[str] = frozenset()
    found: frozenset[str] = frozenset()
    by_hand: Mapping[str, float] = None  # type: ignore[assignment]  # as above
    healed: tuple[float, ...] = ()

    @classmethod
    def of(
        cls,
        *,
        within: bool,
        settle: float,
        store: Mapping[str, Sequence[Mapping[str, Any]]],
        journal: Iterable[Mapping[str, Any]],
        calls: Iterable[Mapping[str, Any]],
        jobs: Iterable[Mapping[str, Any]],
        found: Iterable[str],
        by_hand: Mapping[str, float],
        healed: Iterable[float],
    ) -> Self:
        """Read from what the store, the emulator and the callers wrote."""
        return cls(
            within=within,
            settle=settle,
            changes=tuple(_change(each) for each in store["history"]),
            rows=tuple(_row(each) for each in store["rows"]),
            revisions={each["team"]: each["revision"] for each in store["teams"]},
            journal=tuple(journal),
            creates=tuple(_create(call) for call in calls if call["method"] == "CreateBatchPredictionJob"),
            live=frozenset(str(job["id"]) for job in jobs if job.get("state") in LIVE),
            found=frozenset(_last(name) for name in found),
            by_hand=dict(by_hand),
            healed=tuple(healed),
        )

    @cached_property
    def by_row(self) -> Mapping[int, Row]:
        return {row.id: row for row in self.rows}

    @cached_property
    def creates_of(self) -> Mapping[int, list[Create]]:
        """The creates for each batch job, in the order in which they were sent."""
        grouped: defaultdict[int, list[Create]] = defaultdict(list)
        for each in sorted(self.creates, key=lambda create: create.sent):
            grouped[each.batch_job].append(each)
        return grouped

    @cached_property
    def changes_of(self) -> Mapping[int, list[Change]]:
        grouped: defaultdict[int, list[Change]] = defaultdict(list)
        for each in self.changes:
            grouped[each.id].append(each)
        return grouped


def _change(row: Mapping[str, Any]) -> Change:
    attempt = row["attempt"]
    return Change(
        place=row["place"],
        at=row["at"],
        id=row["id"],
        team=row["team"],
        pool=row["pool"],
        revision=row["revision"],
        state=row["state"],
        attempt=json.loads(attempt) if isinstance(attempt, str) else attempt,
    )


def _row(row: Mapping[str, Any]) -> Row:
    return Row(
        id=row["id"],
        team=row["team"],
        pool=row["pool"],
        state=row["state"],
        revision=row["revision"],
        request_id=row["request_id"],
        vertex_id=_last(row["vertex_name"]),
        deleted=row["deleted"],
    )


def _create(call: Mapping[str, Any]) -> Create:
    job = call["request"].get("batchPredictionJob", {})
    labels = job.get("labels", {})
    return Create(
        batch_job=int(labels.get(LABEL_ID, 0)),
        attempt=labels.get(LABEL_ATTEMPT, ""),
        region=_last(call["request"].get("parent", "")),
        sent=_seconds(call["time"]) or 0.0,
        effect=_seconds(call["took_effect"]) if call["job"] else None,
        made=_last(call["job"]),
        code=call["code"],
    )


def _seconds(text: str | None) -> float | None:
    return datetime.fromisoformat(text).timestamp() if text else None


def _last(name: str) -> str:
    return name.rsplit("/", 1)[-1]
