"""States in Vertex's words, for clients whose loops were written before some of them."""

from collections.abc import Mapping
from typing import Any, Final

from gateway.domain.states import State

NUMBERS: Final[Mapping[State, int]] = {
    State.QUEUED: 1,
    State.SUBMITTING: 2,
    State.PENDING: 2,
    State.RUNNING: 3,
    State.SUCCEEDED: 4,
    State.FAILED: 5,
    State.CANCELLING: 6,
    State.CANCELLED: 7,
    State.PAUSED: 8,
    State.EXPIRED: 9,
    State.PARTIALLY_SUCCEEDED: 11,
}
"""JobState by our state. What is being submitted is PENDING to them: they have no word for it."""

COMPATIBLE: Final[Mapping[State, State]] = {
    State.EXPIRED: State.FAILED,
    State.PARTIALLY_SUCCEEDED: State.SUCCEEDED,
}
"""Ends that wait loops of Google's own clients do not count as ends, and what stands in for them."""


class States:
    """How states are shown, and which of ours one of theirs may be."""

    def __init__(self, *, compatible: bool) -> None:
        self._stands_in = COMPATIBLE if compatible else {}

    def number(self, shown: State) -> int:
        """The JobState of a shown state."""
        return NUMBERS[self._stands_in.get(shown, shown)]

    def names(self, job_states: Any) -> Mapping[State, str]:
        """The name of each state as it is shown. `job_states` is the descriptor of Vertex's enum JobState."""
        return {state: job_states.values_by_number[self.number(state)].name for state in State}

    def meant(self, number: int) -> frozenset[State]:
        """Our states that are shown as this one; none for a JobState that is never shown."""
        return frozenset(state for state in State if self.number(state) == number)
