"""What callers get to see: the batch job, and why it waits while it is queued."""

from dataclasses import dataclass
from datetime import datetime

from gateway.domain.batch_job import BatchJob
from gateway.domain.waiting import WaitingReason


@dataclass(frozen=True, slots=True)
class Waiting:
    """Why a queued batch job waits, and how many of its pool go first; None where it has no place in the order."""

    reason: WaitingReason
    position: int | None
    as_of_time: datetime


@dataclass(frozen=True, slots=True)
class View:
    """A batch job as one answer shows it. `waiting` is None unless it is queued."""

    job: BatchJob
    waiting: Waiting | None = None
