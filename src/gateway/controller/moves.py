"""Every change that the controller makes to a batch job, as pure functions of the row and the store's time.

Each answers what the store's `change` takes: a function that gives the new row, or None where the row is no longer as
the change needs it.
"""

from collections.abc import Collection
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, Final

from gateway.controller.observe import ACTOR, observe
from gateway.controller.ours import Lost, belongs, same_vertex_job
from gateway.domain.batch_job import AttemptOutcome, BatchJob
from gateway.domain.states import State
from gateway.domain.vertex_job import LABEL_ATTEMPT, Status, VertexJob
from gateway.store.model import Change

ACCEPTED: Final = "VERTEX_ACCEPTED"
ADOPTED: Final = "ADOPTED"
REFUSED: Final = "VERTEX_REFUSED"
ABSENT: Final = "SUBMIT_ABSENT"
UNRESOLVED: Final = "SUBMIT_UNRESOLVED"
GONE: Final = "VERTEX_JOB_GONE"
CANCELLED: Final = "CANCEL_REQUESTED"
EXPIRED: Final = "QUEUE_DEADLINE"

_NOT_FOUND: Final = 5
_UNAVAILABLE: Final = 14


def accept(attempt_id: str, made: VertexJob, retention: timedelta) -> Change:
    """Record the name that Vertex answered. One that has ended keeps its end: its name is a fact all the same."""

    def change(job: BatchJob, now: datetime) -> BatchJob | None:
        settled = _settle(job, attempt_id, AttemptOutcome.ACCEPTED, now, ACCEPTED)
        if job.ended:
            return settled.evolve(vertex_name=made.name, update_time=now)
        return observe(settled, made, now, retention=retention, reason=ACCEPTED)

    return change


def adopt(found: VertexJob, gateway: str, retention: timedelta, lost: Collection[Lost] = ()) -> Change:
    """Take a Vertex job that a list showed for a batch job that has none, running or ended."""

    def change(job: BatchJob, now: datetime) -> BatchJob | None:
        waits = job.state in {State.QUEUED, State.SUBMITTING} and not job.vertex_name
        if not waits or not belongs(found, job, gateway, lost):
            return None
        settled = _settle(job, found.labels.get(LABEL_ATTEMPT, ""), AttemptOutcome.FOUND, now, ADOPTED)
        return observe(settled, found, now, retention=retention, reason=ADOPTED)

    return change


def follow(found: VertexJob, retention: timedelta) -> Change:
    """What Vertex shows of the Vertex job that the row names."""

    def change(job: BatchJob, now: datetime) -> BatchJob | None:
        same = same_vertex_job(job.vertex_name, found.name)
        return observe(job, found, now, retention=retention) if same else None

    return change


def put_back(attempt_id: str, reason: str, retention: timedelta) -> Change:
    """Vertex refused this attempt and may take a later one: to the queue, or to its end where a cancel is wanted."""

    def change(job: BatchJob, now: datetime) -> BatchJob | None:
        if not _is_trying(job, attempt_id):
            return None
        return _back(_settle(job, attempt_id, AttemptOutcome.REFUSED, now, reason), now, reason, retention)

    return change


def refuse(attempt_id: str, error: Status, retention: timedelta) -> Change:
    """Vertex will never take it: FAILED with Vertex's words, or CANCELLED where a cancel is wanted."""

    def change(job: BatchJob, now: datetime) -> BatchJob | None:
        if not _is_trying(job, attempt_id):
            return None
        settled = _settle(job, attempt_id, AttemptOutcome.REFUSED, now, REFUSED)
        if job.cancel_time:
            return _end(settled, State.CANCELLED, now, CANCELLED, retention)
        return _end(settled, State.FAILED, now, REFUSED, retention, error=error)

    return change


def absent(attempt_id: str, settle_after: timedelta, most: int, retention: timedelta) -> Change:
    """Two scans, the last begun after T, did not show it: to be submitted again, or given up after `most` times."""

    def change(job: BatchJob, now: datetime) -> BatchJob | None:
        if not _is_trying(job, attempt_id) or not is_settled(job, now, settle_after):
            return None
        settled = _settle(job, attempt_id, AttemptOutcome.ABSENT, now, ABSENT)
        if not job.cancel_time and sum(each.outcome is AttemptOutcome.ABSENT for each in settled.attempts) >= most:
            error = Status(_UNAVAILABLE, f"Vertex answered none of {most} submissions, and shows none of them.")
            return _end(settled, State.FAILED, now, UNRESOLVED, retention, error=error)
        return _back(settled, now, ABSENT, retention)

    return change


def gone(settle_after: timedelta, retention: timedelta) -> Change:
    """Vertex does not know the Vertex job any more, and that is not because its lists lag: someone deleted it."""

    def change(job: BatchJob, now: datetime) -> BatchJob | None:
        if not job.active or not job.vertex_name or not is_settled(job, now, settle_after):
            return None
        error = Status(_NOT_FOUND, f"{job.vertex_name} was deleted on Vertex before it ended.")
        return _end(job, State.FAILED, now, GONE, retention, error=error)

    return change


def expire(retention: timedelta) -> Change:
    """It waited in the queue for longer than its caller or the policy allows."""

    def change(job: BatchJob, now: datetime) -> BatchJob | None:
        if job.state is not State.QUEUED or job.queue_deadline is None or now < job.queue_deadline:
            return None
        return _end(job, State.EXPIRED, now, EXPIRED, retention)

    return change


def retire(job: BatchJob, now: datetime) -> BatchJob | None:
    """Retention: hide it and leave a tombstone, as a caller's delete does."""
    if not job.ended or job.delete_time or job.expire_time is None or now < job.expire_time:
        return None
    return job.evolve(delete_time=now, update_time=now)


def is_settled(job: BatchJob, now: datetime, settle_after: timedelta) -> bool:
    """Whether T has passed since the row became SUBMITTING."""
    return now >= (job.submit_time or job.create_time) + settle_after


def _is_trying(job: BatchJob, attempt_id: str) -> bool:
    trying = job.state is State.SUBMITTING and not job.vertex_name
    return trying and job.attempt is not None and job.attempt.id == attempt_id


def _back(job: BatchJob, now: datetime, reason: str, retention: timedelta) -> BatchJob:
    if job.cancel_time:
        return _end(job, State.CANCELLED, now, CANCELLED, retention)
    return job.move(State.QUEUED, time=now, reason=reason, actor=ACTOR)


def _end(job: BatchJob, to: State, now: datetime, reason: str, retention: timedelta, **changes: Any) -> BatchJob:
    return job.move(to, time=now, reason=reason, actor=ACTOR, end_time=now, expire_time=now + retention, **changes)


def _settle(job: BatchJob, attempt_id: str, outcome: AttemptOutcome, now: datetime, reason: str) -> BatchJob:
    """The row with the outcome of one attempt; a row that was restored to before its attempt has none to mark."""
    attempts = tuple(
        replace(each, outcome=outcome, outcome_time=now, outcome_reason=reason) if each.id == attempt_id else each
        for each in job.attempts
    )
    return job.evolve(attempts=attempts)
