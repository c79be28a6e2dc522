"""The gate of one pool: a pure state machine over what the `pools` table holds.

Open: submits go. Refused: Vertex takes nothing new; after a back-off one batch job is sent as a probe, and it opens the
gate or doubles the back-off. Unanswered, a create that may or may not have been done, and unreachable, a list that
failed: nothing is sent until a list succeeds that began afterwards.
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import Enum, auto, unique
from typing import Final

from gateway.store.model import PoolState

UNANSWERED: Final = "UNANSWERED"
UNREACHABLE: Final = "UNREACHABLE"
BUSY: Final = "BUSY"
DENIED: Final = "DENIED"


@dataclass(frozen=True, slots=True)
class Backoff:
    """From a refusal to the next probe: `first`, doubled with each refusal in a row, never above `longest`."""

    first: timedelta
    longest: timedelta

    def after(self, failures: int) -> timedelta:
        doubled: int = 2 ** min(failures - 1, 30)
        return min(self.first * doubled, self.longest)


@unique
class Access(Enum):
    """What a pool's gate lets through now."""

    OPEN = auto()
    PROBE = auto()  # one batch job
    CLOSED = auto()


def access(state: PoolState, now: datetime) -> Access:
    if state.gate_open:
        return Access.OPEN
    if not _waits_for_list(state) and (state.next_probe_time is None or now >= state.next_probe_time):
        return Access.PROBE
    return Access.CLOSED


def refused(state: PoolState, now: datetime, *, reason: str, sent: datetime, backoff: Backoff) -> PoolState:
    """After Vertex refused a create that became SUBMITTING at `sent`.

    What was under way when the gate closed says nothing new: four refusals at once are one.
    """
    if not state.gate_open and state.gate_time is not None and sent <= state.gate_time:
        return state
    failures = state.gate_failures + 1
    reason = state.gate_reason if _waits_for_list(state) else reason
    probe = now + backoff.after(failures)
    return replace(
        state, gate_open=False, gate_reason=reason, gate_time=now, gate_failures=failures, next_probe_time=probe
    )


def unanswered(state: PoolState, now: datetime) -> PoolState:
    """After a create whose outcome is not known; a back-off that was running goes on afterwards."""
    return replace(state, gate_open=False, gate_reason=UNANSWERED, gate_time=now, last_ambiguous_time=now)


def unreachable(state: PoolState, now: datetime) -> PoolState:
    """After a list that failed: the pool is gated alone, and says so to those who wait for it."""
    return replace(state, gate_open=False, gate_reason=UNREACHABLE, gate_time=now) if state.gate_open else state


def accepted(state: PoolState, *, sent: datetime) -> PoolState:
    """After Vertex took a create that became SUBMITTING at `sent`: a probe that passes opens the gate."""
    if state.gate_open or _waits_for_list(state) or (state.gate_time is not None and sent <= state.gate_time):
        return state
    return _opened(state)


def listed(state: PoolState, *, begun: datetime) -> PoolState:
    """After a complete list that began at `begun`: Vertex answers again. What was refused still needs a probe."""
    if not _waits_for_list(state) or (state.gate_time is not None and begun <= state.gate_time):
        return state
    return replace(state, gate_reason=BUSY) if state.gate_failures else _opened(state)


def scanned(state: PoolState, begun: datetime) -> PoolState:
    """After a complete scan that began at `begun`."""
    return replace(state, last_scan_time=begun)


def _waits_for_list(state: PoolState) -> bool:
    return not state.gate_open and state.gate_reason in {UNANSWERED, UNREACHABLE}


def _opened(state: PoolState) -> PoolState:
    return replace(state, gate_open=True, gate_reason="", gate_time=None, gate_failures=0, next_probe_time=None)
