"""A batch job that is itself the reason for its refusals fails; one that met a full pool never does."""

from hypothesis import given
from hypothesis import strategies as st

from gateway.controller.answers import Meaning
from gateway.controller.strikes import Strikes

BUSY, DENIED = Meaning.BUSY, Meaning.DENIED


def test_the_third_refusal_with_others_successes_between_is_the_last() -> None:
    strikes = Strikes()
    assert not strikes.refused(1, DENIED, 0)
    strikes.accepted(2, 0)
    assert not strikes.refused(1, DENIED, 0)
    strikes.accepted(3, 0)
    assert strikes.refused(1, DENIED, 0)


@given(st.lists(st.integers(0, 8), max_size=30))
def test_without_anothers_success_it_never_is(loads: list[int]) -> None:
    strikes = Strikes()
    assert not any(strikes.refused(1, BUSY, load) for load in loads)


@given(st.lists(st.tuples(st.integers(2, 9), st.integers(0, 8)), max_size=40), st.integers(0, 8))
def test_a_full_pool_fails_nobody(takes: list[tuple[int, int]], capacity: int) -> None:
    """Vertex takes what comes while fewer than its capacity run, and refuses what comes then."""
    strikes = Strikes()
    for job, load in takes:
        if load < capacity:
            strikes.accepted(job, load)
        else:
            assert not strikes.refused(1, BUSY, load)


def test_its_own_success_clears_it() -> None:
    strikes = Strikes()
    for _ in range(2):
        strikes.refused(1, DENIED, 0)
        strikes.accepted(2, 0)
    strikes.accepted(1, 0)
    assert not strikes.refused(1, DENIED, 0)


def test_a_success_with_more_running_shows_that_the_pool_had_room() -> None:
    strikes = Strikes()
    for _ in range(2):
        assert not strikes.refused(1, BUSY, 4)
        strikes.accepted(2, 5)
    assert strikes.refused(1, BUSY, 4)
