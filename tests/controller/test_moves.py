"""The guards of every change: what finds the row otherwise than it needs it changes nothing."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from gateway.controller import moves
from gateway.domain.batch_job import Attempt, AttemptOutcome, BatchJob
from gateway.domain.states import ENDS, State
from gateway.domain.vertex_job import Status, VertexJob
from gateway.store.model import Change
from support.store import POOL, SPEC

START = datetime(2026, 1, 1, tzinfo=UTC)
DAY = timedelta(days=1)
T = timedelta(seconds=100)
NAME = "projects/1/locations/us-central1/batchPredictionJobs/9"
ERROR = Status(3, "no")
SUBMITTING = BatchJob(
    id=1,
    team="ranking",
    spec=SPEC,
    state=State.SUBMITTING,
    pool=POOL,
    effective_model="publishers/google/models/m",
    creator="dev:ranking",
    create_time=START - DAY,
    update_time=START,
    queue_deadline=START,
    revision=1,
    submit_time=START,
    attempts=(Attempt("a1", 1, START, "t", "h", 8, 0), Attempt("a2", 2, START, "t", "h", 8, 0)),
)
FOUND = VertexJob(
    name=NAME,
    state=State.RUNNING,
    model=SUBMITTING.effective_model,
    source_uri=SPEC.source_uri,
    destination_uri=SPEC.destination_uri,
    labels={
        "batchjobs_gateway": "gw",
        "batchjobs_id": "1",
        "batchjobs_attempt": "a2",
        "batchjobs_team": "ranking",
    },
    create_time=START,
    update_time=START,
)
QUEUED = replace(SUBMITTING, state=State.QUEUED)
RUNNING = replace(SUBMITTING, state=State.RUNNING, vertex_name=NAME)
ENDED = [replace(SUBMITTING, state=end, expire_time=START + DAY) for end in sorted(ENDS)]

CHANGES: dict[str, Callable[[], Change]] = {
    "put_back": lambda: moves.put_back("a2", "VERTEX_BUSY", DAY),
    "refuse": lambda: moves.refuse("a2", ERROR, DAY),
    "absent": lambda: moves.absent("a2", T, 8, DAY),
    "gone": lambda: moves.gone(T, DAY),
    "expire": lambda: moves.expire(DAY),
    "adopt": lambda: moves.adopt(FOUND, "gw", DAY),
    "follow": lambda: moves.follow(FOUND, DAY),
}


@pytest.mark.parametrize("name", CHANGES)
@pytest.mark.parametrize("row", ENDED, ids=lambda row: row.state)
def test_nothing_is_done_to_what_has_ended(name: str, row: BatchJob) -> None:
    assert CHANGES[name]()(row, START + T) is None
    assert CHANGES[name]()(replace(row, vertex_name=NAME), START + T) is None


@pytest.mark.parametrize("name", ["put_back", "refuse", "absent"])
@pytest.mark.parametrize("row", [QUEUED, RUNNING, replace(SUBMITTING, vertex_name=NAME)])
def test_an_outcome_is_for_a_row_that_is_still_trying(name: str, row: BatchJob) -> None:
    assert CHANGES[name]()(row, START + T) is None


@pytest.mark.parametrize(
    "change", [moves.put_back("a1", "X", DAY), moves.refuse("a1", ERROR, DAY), moves.absent("a1", T, 8, DAY)]
)
def test_an_outcome_is_of_the_latest_attempt(change: Change) -> None:
    assert change(SUBMITTING, START + T) is None


def test_absence_is_not_concluded_before_t_by_the_stores_clock() -> None:
    change = moves.absent("a2", T, 8, DAY)
    assert change(SUBMITTING, START + T - timedelta(microseconds=1)) is None
    after = change(SUBMITTING, START + T)
    assert after
    assert (after.state, after.attempts[1].outcome) == (State.QUEUED, AttemptOutcome.ABSENT)
    assert after.attempts[0].outcome is None


def test_a_vertex_job_is_not_gone_before_t() -> None:
    change = moves.gone(T, DAY)
    assert change(RUNNING, START + T - timedelta(microseconds=1)) is None
    assert change(SUBMITTING, START + T) is None
    after = change(RUNNING, START + T)
    assert after
    assert after.state is State.FAILED


def test_what_is_queued_expires_at_its_deadline_and_not_before() -> None:
    change = moves.expire(DAY)
    assert change(QUEUED, START - timedelta(microseconds=1)) is None
    assert change(replace(QUEUED, queue_deadline=None), START + DAY) is None
    assert change(SUBMITTING, START) is None
    after = change(QUEUED, START)
    assert after
    assert (after.state, after.expire_time) == (State.EXPIRED, START + DAY)


@pytest.mark.parametrize("row", [RUNNING, replace(SUBMITTING, vertex_name=NAME), replace(SUBMITTING, team="search")])
def test_only_a_row_without_a_vertex_job_adopts_one_that_is_its_own(row: BatchJob) -> None:
    assert moves.adopt(FOUND, "gw", DAY)(row, START) is None


def test_a_row_follows_its_own_vertex_job_only() -> None:
    assert moves.follow(replace(FOUND, name=NAME + "0"), DAY)(replace(RUNNING, state=State.PENDING), START) is None
    assert moves.follow(FOUND, DAY)(replace(RUNNING, state=State.PENDING), START)


def test_retention_takes_what_ended_and_was_kept_for_long_enough() -> None:
    ended = ENDED[0]
    assert moves.retire(ended, START) is None
    assert moves.retire(RUNNING, START + DAY) is None
    assert moves.retire(replace(ended, delete_time=START), START + DAY) is None
    assert moves.retire(replace(ended, expire_time=None), START + DAY) is None
    after = moves.retire(ended, START + DAY)
    assert after
    assert after.delete_time == START + DAY


def test_the_name_of_one_that_has_ended_is_kept_and_its_end_too() -> None:
    after = moves.accept("a2", FOUND, DAY)(ENDED[0], START)
    assert after
    assert (after.state, after.vertex_name) == (ENDED[0].state, NAME)
