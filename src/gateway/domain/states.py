"""The states of a batch job and the table of legal moves. The table is data: nothing about it is inferred."""

from collections.abc import Mapping
from enum import StrEnum, unique
from types import MappingProxyType
from typing import Final


@unique
class State(StrEnum):
    """A batch job's state. CANCELLING is a view, never stored: a cancel is wanted and the end is not known."""

    QUEUED = "QUEUED"
    SUBMITTING = "SUBMITTING"
    PENDING = "PENDING"
    RUNNING = "RUNNING"
    PAUSED = "PAUSED"
    CANCELLING = "CANCELLING"
    SUCCEEDED = "SUCCEEDED"
    PARTIALLY_SUCCEEDED = "PARTIALLY_SUCCEEDED"
    FAILED = "FAILED"
    CANCELLED = "CANCELLED"
    EXPIRED = "EXPIRED"


ENDS: Final = frozenset(
    {State.SUCCEEDED, State.PARTIALLY_SUCCEEDED, State.FAILED, State.CANCELLED, State.EXPIRED},
)
"""The states that nothing leaves."""

ACTIVE: Final = frozenset({State.SUBMITTING, State.PENDING, State.RUNNING, State.PAUSED})
"""The states that hold a slot of the pool, whatever Vertex calls the job."""

OPEN: Final = ACTIVE | {State.QUEUED}

MOVES: Final[Mapping[State, frozenset[State]]] = MappingProxyType(
    {
        # A Vertex job that is found for a queued batch job is adopted as it is, running or ended.
        State.QUEUED: frozenset({State.SUBMITTING, State.PENDING, State.RUNNING, State.PAUSED}) | ENDS,
        State.SUBMITTING: frozenset({State.QUEUED, State.PENDING, State.RUNNING, State.PAUSED}) | ENDS,
        State.PENDING: frozenset({State.RUNNING, State.PAUSED}) | ENDS,
        State.RUNNING: frozenset({State.PAUSED}) | ENDS,
        State.PAUSED: frozenset({State.RUNNING}) | ENDS,
        **{end: frozenset[State]() for end in ENDS},
    },
)


def may_move(current: State, to: State) -> bool:
    """Whether the table holds the pair. No pair holds CANCELLING, which is a view."""
    return to in MOVES.get(current, frozenset())


def shown(state: State, *, cancel_wanted: bool) -> State:
    """The state as callers, filters and metrics see it."""
    return State.CANCELLING if cancel_wanted and state not in ENDS else state
