"""What Vertex shows moves a batch job forward, never back, and only along the table."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.controller.observe import observe
from gateway.domain.batch_job import BatchJob
from gateway.domain.states import ENDS, MOVES, State
from gateway.domain.vertex_job import Output, Rows, Status, VertexJob
from support.store import POOL, SPEC

START = datetime(2026, 1, 1, tzinfo=UTC)
DAY = timedelta(days=1)
NOW = START + DAY
NAME = "projects/1/locations/us-central1/batchPredictionJobs/9"
QUEUED = BatchJob(
    id=1,
    team="ranking",
    spec=SPEC,
    state=State.QUEUED,
    pool=POOL,
    effective_model="m",
    creator="dev:ranking",
    create_time=START,
    update_time=START,
    queue_deadline=None,
    revision=1,
)
VERTEX = VertexJob(
    name=NAME,
    state=State.PENDING,
    model="m",
    source_uri="",
    destination_uri="",
    labels={},
    create_time=START,
    update_time=START,
)


def row(state: State, **changes: object) -> BatchJob:
    known = {} if state in {State.QUEUED, State.SUBMITTING} else {"vertex_name": NAME, "vertex_update_time": START}
    return replace(QUEUED, state=state, submit_time=START, **{**known, **changes})


def shows(state: State, **changes: object) -> VertexJob:
    return replace(VERTEX, **{"state": state, "update_time": START + timedelta(seconds=1), **changes})


def seen(job: BatchJob, found: VertexJob) -> BatchJob | None:
    return observe(job, found, NOW, retention=DAY)


STATES = st.sampled_from([s for s in State if s is not State.CANCELLING])
SHOWN = st.sampled_from([s for s in State if s not in {State.QUEUED, State.SUBMITTING}])
TIMES = st.integers(-5, 5).map(lambda seconds: START + timedelta(seconds=seconds))


@given(STATES, st.lists(st.tuples(SHOWN, TIMES), max_size=12))
def test_any_order_of_answers_moves_only_along_the_table_and_never_back_in_time(
    first: State, answers: list[tuple[State, datetime]]
) -> None:
    job = row(first)
    for state, time in answers:
        after = seen(job, shows(state, update_time=time))
        if after is None:
            continue
        assert after.state is job.state or after.state in MOVES[job.state]
        assert job.vertex_update_time is None or time >= job.vertex_update_time
        assert not job.ended
        assert after.state is not State.CANCELLING
        job = after


@pytest.mark.parametrize("state", list(State))
def test_an_older_answer_changes_nothing(state: State) -> None:
    job = row(State.RUNNING, vertex_update_time=START + timedelta(seconds=2))
    assert seen(job, shows(state)) is None


@pytest.mark.parametrize("end", sorted(ENDS))
def test_nothing_leaves_an_end(end: State) -> None:
    assert seen(row(end), shows(State.RUNNING)) is None


@pytest.mark.parametrize(
    ("first", "expected"),
    [
        (State.PENDING, State.PENDING),
        (State.RUNNING, State.RUNNING),
        (State.PAUSED, State.PAUSED),
    ],
)
def test_cancelling_keeps_the_last_state(first: State, expected: State) -> None:
    assert (seen(row(first), shows(State.CANCELLING)) or row(first)).state is expected


@pytest.mark.parametrize(("started", "expected"), [(None, State.PENDING), (START, State.RUNNING)])
def test_what_is_adopted_while_it_is_being_cancelled_gets_a_state_of_ours(
    started: datetime | None, expected: State
) -> None:
    after = seen(row(State.SUBMITTING), shows(State.CANCELLING, start_time=started))
    assert after
    assert (after.state, after.vertex_name) == (expected, NAME)


def test_the_facts_of_an_end_are_kept_and_times_are_the_stores() -> None:
    end = shows(
        State.FAILED,
        start_time=START,
        end_time=START + timedelta(hours=2),
        error=Status(3, "bad rows"),
        partial_failures=(Status(5, "row 7"),),
        rows=Rows(1, 2, None),
        output=Output(gcs_directory="gs://b/o"),
    )
    after = seen(row(State.RUNNING, start_time=START), end)
    assert after
    assert (after.end_time, after.expire_time, after.update_time) == (NOW, NOW + DAY, NOW)
    assert (after.vertex_start_time, after.vertex_end_time) == (START, START + timedelta(hours=2))
    assert (after.error, after.partial_failures) == (end.error, end.partial_failures)
    assert (after.rows, after.output) == (end.rows, end.output)


def test_what_is_shown_once_is_not_forgotten_when_it_is_shown_no_more() -> None:
    job = row(State.RUNNING, rows=Rows(1, 0, 5), output=Output(gcs_directory="gs://b/o"))
    after = seen(job, shows(State.SUCCEEDED))
    assert after
    assert (after.rows, after.output) == (job.rows, job.output)


def test_progress_without_a_move_is_a_change() -> None:
    after = seen(row(State.RUNNING), shows(State.RUNNING, rows=Rows(5, 0, 5)))
    assert after
    assert (after.rows, len(after.transitions)) == (Rows(5, 0, 5), 0)


def test_a_new_update_time_alone_is_no_change() -> None:
    """A revision at every poll would tell every watcher that nothing has happened."""
    assert seen(row(State.RUNNING), shows(State.RUNNING)) is None


def test_a_run_that_was_never_seen_running_began_so_long_ago_as_it_ran() -> None:
    end = shows(State.SUCCEEDED, start_time=START, end_time=START + timedelta(minutes=10))
    after = seen(row(State.PENDING), end)
    assert after
    assert after.start_time == NOW - timedelta(minutes=10)


@pytest.mark.parametrize("ran", [timedelta(days=9), timedelta(seconds=-5)])
def test_a_run_is_never_longer_than_the_slot_was_held_nor_below_zero(ran: timedelta) -> None:
    """Vertex's clock is not ours."""
    after = seen(row(State.PENDING), shows(State.SUCCEEDED, start_time=START, end_time=START + ran))
    assert after
    assert after.start_time
    assert START <= after.start_time <= NOW
