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
LABEL_GATEWAY: Final = "batchjobs_gateway"
LIST: Final = "ListBatchPredictionJobs"
CANCEL: Final = "CancelBatchPredictionJob"
ENDED: Final = frozenset(
    f"JOB_STATE_{end}" for end in ("SUCCEEDED", "PARTIALLY_SUCCEEDED", "FAILED", "CANCELLED", "EXPIRED")
)
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
    vertex_id: str
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
    peer: str
    sent: float
    effect: float | None
    made: str
    code: str


@dataclass(frozen=True, slots=True)
class Look:
    """A list of a region that Vertex answered, as it stood at `at`; `peer` is the connection that asked.

    `scan`: it was bounded by the create time, else it was of what runs. `lags`: it was made to hide what is young.
    """

    at: float
    region: str
    peer: str
    scan: bool
    lags: bool


@dataclass(frozen=True, slots=True)
class Scan:
    """A scan of a region that was complete and whose finds its leader had dealt with at `at`: noted by the store."""

    region: str
    begun: float
    at: float


@dataclass(frozen=True, slots=True)
class Job:
    """A Vertex job, there or deleted meanwhile. From `over` on it took no room; None: it lives."""

    id: str
    region: str
    gateway: str
    batch_job: int
    created: float
    over: float | None
    there: bool


@dataclass(frozen=True, slots=True)
class Policy:
    """Capacities by pool and limits by team of one version of the policy."""

    capacities: Mapping[str, int]
    limits: Mapping[str, int | None]


@dataclass(frozen=True)
class Evidence:
    """Everything that the audit reads. `settle` is T, `list_lag` its allowance for lists; `found` are the Vertex jobs
    that the gateway told of as late duplicates; `by_hand` are those that somebody deleted, with when; `policies` are
    all versions that were ever in force, by their hash; `cancelled` is when a Vertex job was first asked to end.
    """

    within: bool
    settle: float
    list_lag: float = 0.0
    changes: tuple[Change, ...] = ()
    rows: tuple[Row, ...] = ()
    revisions: Mapping[str, int] = None  # type: ignore[assignment]  # `of` and tests give it
    journal: tuple[Mapping[str, Any], ...] = ()
    creates: tuple[Create, ...] = ()
    looks: tuple[Look, ...] = ()
    scans: tuple[Scan, ...] = ()
    cancelled: Mapping[str, float] = None  # type: ignore[assignment]  # as above
    jobs: tuple[Job, ...] = ()
    live: frozenset[str] = frozenset()
    policies: Mapping[str, Policy] = None  # type: ignore[assignment]  # as above
    found: frozenset[str] = frozenset()
    by_hand: Mapping[str, float] = None  # type: ignore[assignment]  # as above
    healed: tuple[float, ...] = ()

    @classmethod
    def of(
        cls,
        *,
        within: bool,
        settle: float,
        list_lag: float,
        store: Mapping[str, Sequence[Mapping[str, Any]]],
        journal: Iterable[Mapping[str, Any]],
        calls: Sequence[Mapping[str, Any]],
        jobs: Sequence[Mapping[str, Any]],
        gone: Sequence[Mapping[str, Any]],
        policies: Mapping[str, Mapping[str, Mapping[str, int]]],
        found: Iterable[str],
        by_hand: Mapping[str, float],
        healed: Iterable[float],
    ) -> Self:
        """Read from what the store, the emulator and the callers wrote."""
        return cls(
            within=within,
            settle=settle,
            list_lag=list_lag,
            changes=tuple(_change(each) for each in store["history"]),
            rows=tuple(_row(each) for each in store["rows"]),
            revisions={each["team"]: each["revision"] for each in store["teams"]},
            journal=tuple(journal),
            creates=tuple(_create(call) for call in calls if call["method"] == "CreateBatchPredictionJob"),
            looks=tuple(_look(call) for call in calls if call["method"] == LIST and _is_a_look(call)),
            scans=tuple(Scan(_last(each["pool"]), each["begun"], each["at"]) for each in store["scans"]),
            cancelled=_first_cancels(calls),
            jobs=(*(_job(job) for job in jobs), *(_job(job) for job in gone)),
            policies={key: Policy(each["capacities"], each["limits"]) for key, each in policies.items()},
            live=frozenset(str(job["id"]) for job in jobs if job.get("state") in LIVE),
            found=frozenset(_last(name) for name in found),
            by_hand=dict(by_hand),
            healed=tuple(healed),
        )

    @cached_property
    def by_row(self) -> Mapping[int, Row]:
        return {row.id: row for row in self.rows}

    @cached_property
    def begun(self) -> Mapping[str, float]:
        """When each attempt's batch job became SUBMITTING with it: from then on T counts."""
        times: dict[str, float] = {}
        for change in self.changes:
            if change.state == "SUBMITTING" and change.attempt:
                times.setdefault(change.attempt["id"], change.at)
        return times

    def is_late(self, create: Create) -> bool:
        """Whether it took effect after all that T allows a create on its way, whatever T allows for lists."""
        began = self.begun.get(create.attempt, create.sent)
        return create.effect is not None and create.effect > began + self.settle - self.list_lag

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
        vertex_id=_last(row["vertex"]),
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
        peer=call["peer"],
        sent=_seconds(call["time"]) or 0.0,
        effect=_seconds(call["took_effect"]) if call["job"] else None,
        made=_last(call["job"]),
        code=call["code"],
    )


def _is_a_look(call: Mapping[str, Any]) -> bool:
    """Whether it says what was there. The newest come first: a list's first page is what matters."""
    return call["code"] == "OK" and bool(call["took_effect"]) and "pageToken" not in call["request"]


def _look(call: Mapping[str, Any]) -> Look:
    request = call["request"]
    return Look(
        at=_seconds(call["took_effect"]) or 0.0,
        region=_last(request["parent"]),
        peer=call["peer"],
        scan="create_time" in request.get("filter", ""),
        lags="list_lag" in call["faults"],
    )


def _first_cancels(calls: Sequence[Mapping[str, Any]]) -> dict[str, float]:
    times: dict[str, float] = {}
    for call in calls:
        if call["method"] == CANCEL:
            times.setdefault(_last(call["request"]["name"]), _seconds(call["time"]) or 0.0)
    return times


def _job(job: Mapping[str, Any]) -> Job:
    labels, removed = job.get("labels", {}), job.get("removed")
    ends = [step["time"] for step in job["history"] if step["state"] in ENDED]
    over = [_seconds(text) for text in (*ends[:1], *([removed["time"]] if removed else []))]
    return Job(
        id=str(job["id"]),
        region=job["name"].split("/")[3],
        gateway=labels.get(LABEL_GATEWAY, ""),
        batch_job=int(labels.get(LABEL_ID, 0)),
        created=_seconds(job["createTime"]) or 0.0,
        over=min((each for each in over if each is not None), default=None),
        there=removed is None,
    )


def _seconds(text: str | None) -> float | None:
    return datetime.fromisoformat(text).timestamp() if text else None


def _last(name: str) -> str:
    return name.rsplit("/", 1)[-1]
