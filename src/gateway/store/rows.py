"""The one codec between rows and the domain's batch job."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from sys import intern
from typing import Any, Final, Protocol, TypeVar

from gateway.domain.batch_job import AttemptOutcome, BatchJob, PoolId, Transition
from gateway.domain.states import State
from gateway.store import documents

FIXED: Final = (
    *("id", "team", "spec", "pool", "effective_model", "creator", "priority", "source_bytes"),
    *("create_time", "queue_deadline", "request_id"),
)
"""Columns that are written once, in the order of `encode_fixed`."""

CHANGING: Final = (
    *("state", "state_time", "revision", "update_time", "cancel_time", "delete_time", "submit_time", "start_time"),
    *("end_time", "expire_time", "vertex_name", "vertex_update_time", "vertex_start_time", "vertex_end_time"),
    *("error", "partial_failures", "row_counts", "output", "attempt_count", "refusals", "attempts", "transitions"),
    *("charge", "slot_time"),
)
"""Columns that a change writes, in the order of `encode_changing`."""

_ENCODER: Final = json.JSONEncoder(ensure_ascii=False, allow_nan=False, separators=(",", ":"))
_DECODER: Final = json.JSONDecoder()
_EMPTY: Final = "[]"

Value = TypeVar("Value")

NAMES: Final = ", ".join((*FIXED, *CHANGING))
COLUMNS_OF_B: Final = ", ".join(f"b.{column}" for column in (*FIXED, *CHANGING))
_OUR_OWN: Final = frozenset({"state_time", "refusals", "charge", "slot_time"})
NEWS_OF_B: Final = ", ".join(f"b.{column}" for column in ("id", *CHANGING) if column not in _OUR_OWN)
"""The columns that `decode_onto` reads."""


@dataclass(frozen=True, slots=True)
class Slot:
    """The slot that a row holds: since when (None: it holds none), and what its dispatch was charged."""

    time: datetime | None = None
    charge: float = 0.0


class Row(Protocol):
    """A row by its columns' names, as the driver gives it."""

    def __getitem__(self, column: str) -> Any: ...


def decode(row: Row) -> BatchJob:
    """The batch job of a row that has every column of `NAMES`."""
    return BatchJob(
        id=row["id"],
        team=row["team"],
        spec=documents.read_spec(_document(row["spec"])),
        pool=_pool(row["pool"]),
        effective_model=intern(row["effective_model"]),
        creator=intern(row["creator"]),
        create_time=row["create_time"],
        queue_deadline=row["queue_deadline"],
        source_bytes=row["source_bytes"],
        **_changing(row, ()),
    )


def decode_onto(held: BatchJob, row: Row) -> BatchJob:
    """The batch job of a row that has the columns of `NEWS_OF_B`, for whoever holds it as it was before or after: what
    is written once is taken from there.
    """
    return BatchJob(
        id=held.id,
        team=held.team,
        spec=held.spec,
        pool=held.pool,
        effective_model=held.effective_model,
        creator=held.creator,
        create_time=held.create_time,
        queue_deadline=held.queue_deadline,
        source_bytes=held.source_bytes,
        **_changing(row, held.transitions),
    )


def decode_slot(row: Row) -> Slot:
    """The slot that the row holds."""
    return Slot(row["slot_time"], row["charge"])


def encode_fixed(job: BatchJob, request_id: str) -> tuple[Any, ...]:
    """The values of `FIXED`."""
    return (
        *(job.id, job.team, _text(documents.write_spec(job.spec)), str(job.pool), job.effective_model, job.creator),
        *(job.effective_priority, job.source_bytes, job.create_time, job.queue_deadline, request_id),
    )


def encode_changing(job: BatchJob, slot: Slot) -> tuple[Any, ...]:
    """The values of `CHANGING`. `state_time` is when the shown state began, `refusals` how often Vertex refused it."""
    state_time = job.transitions[-1].time if job.transitions else job.create_time
    refusals = sum(attempt.outcome is AttemptOutcome.REFUSED for attempt in job.attempts)
    return (
        *(job.state.value, state_time, job.revision, job.update_time, job.cancel_time, job.delete_time),
        *(job.submit_time, job.start_time, job.end_time, job.expire_time),
        *(job.vertex_name, job.vertex_update_time, job.vertex_start_time, job.vertex_end_time),
        None if job.error is None else _text(documents.write_status(job.error)),
        _text([documents.write_status(each) for each in job.partial_failures]),
        None if job.rows is None else _text(documents.write_rows(job.rows)),
        None if job.output is None else _text(documents.write_output(job.output)),
        *(job.attempt_count, refusals),
        _text([documents.write_attempt(each) for each in job.attempts]),
        _text([documents.write_transition(each) for each in job.transitions]),
        *(slot.charge, slot.time),
    )


def _changing(row: Row, history: tuple[Transition, ...]) -> dict[str, Any]:
    """The columns that a change writes; `history` is what is held of the transitions."""
    return {
        "state": State[row["state"]],
        "update_time": row["update_time"],
        "revision": row["revision"],
        "cancel_time": row["cancel_time"],
        "delete_time": row["delete_time"],
        "submit_time": row["submit_time"],
        "start_time": row["start_time"],
        "end_time": row["end_time"],
        "expire_time": row["expire_time"],
        "vertex_name": row["vertex_name"],
        "vertex_update_time": row["vertex_update_time"],
        "vertex_start_time": row["vertex_start_time"],
        "vertex_end_time": row["vertex_end_time"],
        "error": _optional(row["error"], documents.read_status),
        "partial_failures": _each(row["partial_failures"], documents.read_status),
        "rows": _optional(row["row_counts"], documents.read_rows),
        "output": _optional(row["output"], documents.read_output),
        "attempt_count": row["attempt_count"],
        "attempts": _each(row["attempts"], documents.read_attempt),
        "transitions": documents.read_history(_document(row["transitions"]), history),
    }


@lru_cache(maxsize=256)
def _pool(text: str) -> PoolId:
    """One value for all batch jobs of a pool: ten thousand watches hold ten thousand batch jobs."""
    return PoolId.parse(text)


def _text(document: Any) -> str:
    return _ENCODER.encode(document)


def _document(text: str) -> Any:
    """What PostgreSQL wrote, without the search for white space around it that takes longer than a short document."""
    return _DECODER.raw_decode(text)[0]


def _optional(text: str | None, read: Callable[[Any], Value]) -> Value | None:
    return None if text is None else read(_document(text))


def _each(text: str, read: Callable[[Any], Value]) -> tuple[Value, ...]:
    return () if text == _EMPTY else tuple([read(each) for each in _document(text)])
