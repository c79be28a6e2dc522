"""The states of a job, with the numbers and names that Vertex gives them."""

from __future__ import annotations

from enum import IntEnum

from google.cloud.aiplatform_v1.types import JobState

_PREFIX = "JOB_STATE_"


class State(IntEnum):
    """A job's state; `wire_name` is how Vertex writes it."""

    QUEUED = JobState.JOB_STATE_QUEUED
    PENDING = JobState.JOB_STATE_PENDING
    RUNNING = JobState.JOB_STATE_RUNNING
    SUCCEEDED = JobState.JOB_STATE_SUCCEEDED
    FAILED = JobState.JOB_STATE_FAILED
    CANCELLING = JobState.JOB_STATE_CANCELLING
    CANCELLED = JobState.JOB_STATE_CANCELLED
    PAUSED = JobState.JOB_STATE_PAUSED
    EXPIRED = JobState.JOB_STATE_EXPIRED
    UPDATING = JobState.JOB_STATE_UPDATING
    PARTIALLY_SUCCEEDED = JobState.JOB_STATE_PARTIALLY_SUCCEEDED

    @property
    def wire_name(self) -> str:
        return _PREFIX + self.name


WIRE_NAMES = frozenset({f"{_PREFIX}UNSPECIFIED"} | {state.wire_name for state in State})
NOT_STARTED = frozenset({State.QUEUED, State.PENDING})
ENDED = frozenset({State.SUCCEEDED, State.PARTIALLY_SUCCEEDED, State.FAILED, State.CANCELLED, State.EXPIRED})
HOLDS_ROOM = frozenset({State.RUNNING, State.CANCELLING, State.UPDATING})
# Vertex documents an end time for these three; for the other ends a reader falls back to the update time.
WITH_END_TIME = frozenset({State.SUCCEEDED, State.FAILED, State.CANCELLED})
