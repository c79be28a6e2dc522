"""What a batch job becomes by what Vertex shows of its Vertex job. Pure and monotone."""

from datetime import datetime, timedelta
from typing import Any, Final

from gateway.domain.batch_job import BatchJob
from gateway.domain.states import ENDS, State, may_move
from gateway.domain.vertex_job import VertexJob

ACTOR: Final = "controller"
REPORTED: Final = "VERTEX_REPORTED"


def observe(
    job: BatchJob, found: VertexJob, now: datetime, *, retention: timedelta, reason: str = REPORTED
) -> BatchJob | None:
    """The batch job as it is now that Vertex shows `found`; None where that says nothing new.

    Args:
        job: the row as it is.
        found: its Vertex job; that it is its is the caller's to know.
        now: the store's time. Vertex's own times are kept apart: its clock is another one.
        retention: how long it is kept after its end.
        reason: what the history says of a move.

    """
    if job.ended or _is_older(job, found):
        return None
    facts = _facts(job, found)
    to = _state(job, found)
    if to is None:
        changed = any(getattr(job, name) != value for name, value in facts.items())
        return job.evolve(**facts, vertex_update_time=found.update_time, update_time=now) if changed else None
    facts["vertex_update_time"] = found.update_time
    facts["start_time"] = job.start_time or _started(job, found, to, now)
    if to in ENDS:
        facts |= {"end_time": now, "expire_time": now + retention}
    return job.move(to, time=now, reason=reason, actor=ACTOR, **facts)


def _is_older(job: BatchJob, found: VertexJob) -> bool:
    """Whether this answer is from before the one that the row already holds: lists and gets may overtake each other."""
    return job.vertex_update_time is not None and found.update_time < job.vertex_update_time


def _state(job: BatchJob, found: VertexJob) -> State | None:
    """Where it moves; None where it stays. A move that the table does not hold is never made."""
    to = found.state
    if to is State.CANCELLING:
        # Not a state of ours: the wish is shown from our own record, and without one the last state stays.
        if job.state not in {State.QUEUED, State.SUBMITTING}:
            return None
        to = State.RUNNING if found.start_time else State.PENDING
    return to if to is not job.state and may_move(job.state, to) else None


def _facts(job: BatchJob, found: VertexJob) -> dict[str, Any]:
    """What callers can see of a Vertex job, as fields of the row. What Vertex no longer shows is not forgotten."""
    return {
        "vertex_name": job.vertex_name or found.name,
        "vertex_start_time": found.start_time or job.vertex_start_time,
        "vertex_end_time": found.end_time or job.vertex_end_time,
        "error": found.error or job.error,
        "partial_failures": found.partial_failures or job.partial_failures,
        "rows": found.rows or job.rows,
        "output": found.output or job.output,
    }


def _started(job: BatchJob, found: VertexJob, to: State, now: datetime) -> datetime | None:
    """When it began to run, on the store's clock: now, or if it ended between two looks so long ago as it ran."""
    if found.start_time is None or to not in ENDS | {State.RUNNING}:
        return now if to is State.RUNNING else None
    if to is State.RUNNING:
        return now
    ran = max((found.end_time or found.update_time) - found.start_time, timedelta(0))
    return max(now - ran, job.submit_time or job.create_time)
