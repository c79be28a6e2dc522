"""The table of moves, pair by pair, and the state that callers see."""

import pytest

from gateway.domain.states import ACTIVE, ENDS, MOVES, OPEN, State, may_move, shown

ORDER = [
    "QUEUED",
    "SUBMITTING",
    "PENDING",
    "RUNNING",
    "PAUSED",
    "CANCELLING",
    "SUCCEEDED",
    "PARTIALLY_SUCCEEDED",
    "FAILED",
    "CANCELLED",
    "EXPIRED",
]

# Every row says, for the states in the order above, whether the move is legal. Written out by hand from the rules:
# a queued one may be adopted in whatever state its Vertex job is, a submitting one may be put back, nothing leaves an
# end.
TABLE = {
    "QUEUED": "- x x x x - x x x x x",
    "SUBMITTING": "x - x x x - x x x x x",
    "PENDING": "- - - x x - x x x x x",
    "RUNNING": "- - - - x - x x x x x",
    "PAUSED": "- - - x - - x x x x x",
    "CANCELLING": "- - - - - - - - - - -",
    "SUCCEEDED": "- - - - - - - - - - -",
    "PARTIALLY_SUCCEEDED": "- - - - - - - - - - -",
    "FAILED": "- - - - - - - - - - -",
    "CANCELLED": "- - - - - - - - - - -",
    "EXPIRED": "- - - - - - - - - - -",
}
PAIRS = [(a, b, mark == "x") for a, row in TABLE.items() for b, mark in zip(ORDER, row.split(), strict=True)]


def test_the_table_above_names_every_state():
    assert ORDER == [state.value for state in State] == list(TABLE)


@pytest.mark.parametrize(("current", "to", "legal"), PAIRS)
def test_every_pair_of_states_is_legal_or_not_as_the_rules_say(current, to, legal):
    assert may_move(State(current), State(to)) is legal


def test_nothing_leaves_an_end_and_everything_open_may_reach_every_end():
    assert all(not MOVES[end] for end in ENDS)
    assert all(MOVES[state] >= ENDS for state in OPEN)


def test_what_is_open_is_queued_or_active_and_never_ended():
    assert {*ACTIVE, State.QUEUED} == OPEN
    assert not OPEN & ENDS
    assert {State.CANCELLING, *OPEN, *ENDS} == set(State)


@pytest.mark.parametrize("state", sorted(OPEN))
def test_a_wanted_cancel_shows_as_cancelling_until_the_end(state):
    assert shown(state, cancel_wanted=True) is State.CANCELLING
    assert shown(state, cancel_wanted=False) is state


@pytest.mark.parametrize("end", sorted(ENDS))
def test_an_end_shows_as_itself_whether_a_cancel_was_wanted_or_not(end):
    assert shown(end, cancel_wanted=True) is end
