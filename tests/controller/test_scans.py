"""What counts as proof of absence, and what a later attempt waits for."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.controller.scans import Scan, Scans
from gateway.domain.batch_job import Attempt, BatchJob
from gateway.domain.states import State
from gateway.store.errors import StoreUnavailableError
from support.store import POOL, SPEC

START = datetime(2026, 1, 1, tzinfo=UTC)
T = timedelta(seconds=100)
SLACK = timedelta(seconds=300)
SECOND = timedelta(seconds=1)
ROW = BatchJob(
    id=1,
    team="ranking",
    spec=SPEC,
    state=State.SUBMITTING,
    pool=POOL,
    effective_model="m",
    creator="dev:ranking",
    create_time=START - timedelta(hours=1),
    update_time=START,
    queue_deadline=None,
    revision=1,
    submit_time=START,
    attempts=(Attempt("a1", 1, START, "t", "h", 8, 0),),
)


def at(seconds: float, *matched: int, reach: timedelta = SLACK) -> Scan:
    return Scan(START + seconds * SECOND, START - reach, frozenset(matched))


def proven(*scans: Scan, row: BatchJob = ROW) -> bool:
    kept = Scans(T, SLACK)
    for scan in scans:
        kept.note(POOL, scan, whole=False)
    return kept.prove_absent(row)


def test_two_scans_the_last_begun_after_t_prove_absence() -> None:
    assert proven(at(1), at(100))


def test_one_scan_does_not() -> None:
    assert not proven(at(200))


def test_two_scans_before_t_do_not() -> None:
    assert not proven(at(1), at(99.999))


def test_a_scan_from_before_the_attempt_does_not_count() -> None:
    assert not proven(at(0), at(100))
    assert not proven(at(-10), at(100))


def test_a_scan_that_does_not_reach_back_to_the_attempt_does_not_count() -> None:
    assert not proven(at(1, reach=SLACK - SECOND), at(100))
    assert not proven(at(1), at(100, reach=timedelta(0)))


def test_a_scan_that_showed_it_forbids_the_conclusion() -> None:
    assert not proven(at(1, 1), at(100), at(101))


def test_the_scans_of_another_pool_do_not_count() -> None:
    kept = Scans(T, SLACK)
    for scan in (at(1), at(100)):
        kept.note(POOL._replace(region="elsewhere"), scan, whole=False)
    assert not kept.prove_absent(ROW)


@given(st.lists(st.integers(-50, 300), max_size=8))
def test_absence_is_never_concluded_from_less(times: list[int]) -> None:
    counted = sorted(each for each in times if each > 0)
    assert proven(*(at(each) for each in sorted(times))) == (len(counted) >= 2 and counted[-1] >= 100)


def test_a_put_back_batch_job_waits_for_a_scan_begun_later() -> None:
    kept = Scans(T, SLACK)
    before = replace(at(10), number=kept.begin())
    kept.put_back(ROW)
    assert kept.blocks(POOL, 1)
    kept.note(POOL, before, whole=False)
    assert kept.blocks(POOL, 1), "it began before"
    kept.note(POOL, replace(at(11, reach=timedelta(0)), number=kept.begin()), whole=False)
    assert kept.blocks(POOL, 1), "it did not reach back to the first attempt"
    kept.note(POOL, replace(at(12), number=kept.begin()), whole=False)
    assert not kept.blocks(POOL, 1)


def test_what_was_found_and_not_adopted_waits_until_a_scan_that_reaches_it_has_dealt_with_it() -> None:
    kept = Scans(T, SLACK)
    before = replace(at(1), number=kept.begin())
    finding = replace(at(2, 1), number=kept.begin())
    kept.hold(ROW)
    kept.note(POOL, before, whole=True)
    kept.note(POOL, finding, whole=True)
    assert kept.blocks(POOL, 1), "the one began before it was there, the other showed it"
    again = replace(at(3, 1), number=kept.begin())
    kept.hold(ROW)
    kept.note(POOL, again, whole=True)
    assert kept.blocks(POOL, 1), "it could not be adopted once more"
    kept.note(POOL, replace(at(4, reach=timedelta(0)), number=kept.begin()), whole=False)
    assert kept.blocks(POOL, 1), "it did not reach back so far"
    kept.note(POOL, replace(at(5), number=kept.begin()), whole=True)
    assert not kept.blocks(POOL, 1)


def test_what_a_list_shows_waits_until_it_is_sorted_and_for_a_scan_where_that_fails() -> None:
    kept = Scans(T, SLACK)
    with kept.sorting(POOL, {1: START}), kept.sorting(POOL, {1: START, 2: START}):
        assert kept.blocks(POOL, 1)
        assert not kept.wanted(POOL)
    assert not kept.blocks(POOL, 1)
    with pytest.raises(StoreUnavailableError), kept.sorting(POOL, {1: START}):
        raise StoreUnavailableError("down")
    assert kept.blocks(POOL, 1)
    assert kept.wanted(POOL)
    assert kept.reaches(POOL) == [START - SLACK]


def test_the_next_scan_reaches_back_to_whatever_made_a_batch_job_wait_first() -> None:
    kept = Scans(T, SLACK)
    kept.put_back(ROW)
    with pytest.raises(StoreUnavailableError), kept.sorting(POOL, {1: START + T}):
        raise StoreUnavailableError("down")
    assert kept.reaches(POOL) == [START - SLACK]


def test_a_scan_reaches_back_to_the_first_attempt_and_without_one_to_the_create() -> None:
    kept = Scans(T, SLACK)
    later = replace(ROW, attempts=(*ROW.attempts, replace(ROW.attempts[0], id="a2", time=START + T)))
    assert kept.reach(later) == START - SLACK
    assert kept.reach(replace(ROW, attempts=())) == ROW.create_time - SLACK


def test_a_pool_is_ready_after_a_scan_that_reached_every_row() -> None:
    kept = Scans(T, SLACK)
    kept.note(POOL, at(1), whole=False)
    assert not kept.ready(POOL)
    kept.note(POOL, at(2), whole=True)
    assert kept.ready(POOL)
