"""The batch job's own rules: moves, history, attempts."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.domain.batch_job import (
    MAX_REFUSED_ATTEMPTS,
    MAX_TRANSITIONS,
    Attempt,
    AttemptOutcome,
    BatchJob,
    BigQueryDestination,
    BigQuerySource,
    GcsDestination,
    GcsSource,
    IllegalMoveError,
    PoolId,
    Spec,
    Transition,
    remember,
    remember_attempt,
)
from gateway.domain.states import State

T0 = datetime(2025, 6, 1, tzinfo=UTC)
GCS_SPEC = Spec("gemini-2.5-flash", GcsSource("gs://in/rows.jsonl"), GcsDestination("gs://out/run"))


def a_job(**changes):
    fields = {
        "id": 174873600000012345,
        "team": "ranking",
        "spec": GCS_SPEC,
        "state": State.QUEUED,
        "pool": PoolId("corp-ml", "us-central1"),
        "effective_model": "publishers/google/models/gemini-2.5-flash",
        "creator": "dev:ranking",
        "create_time": T0,
        "update_time": T0,
        "queue_deadline": None,
        "revision": 7,
    }
    return BatchJob(**{**fields, **changes})


def entries(*states):
    return tuple(
        Transition(State(name), T0 + timedelta(seconds=n), "TEST", "test", n) for n, name in enumerate(states, start=1)
    )


def history_of(*states):
    """The history that these states leave when they are remembered one by one."""
    history = ()
    for entry in entries(*states):
        history = remember(history, entry)
    return history


def states(history):
    return [str(entry.state) for entry in history]


def test_a_legal_move_changes_state_time_and_history():
    later = T0 + timedelta(minutes=1)
    moved = a_job().move(State.SUBMITTING, time=later, reason="SLOT_FREE", actor="controller", submit_time=later)
    assert moved.state is State.SUBMITTING
    assert moved.update_time == moved.submit_time == later
    assert moved.transitions == (Transition(State.SUBMITTING, later, "SLOT_FREE", "controller", 8),)


def test_an_illegal_move_is_an_error_and_changes_nothing():
    ended = a_job(state=State.SUCCEEDED)
    with pytest.raises(IllegalMoveError, match="SUCCEEDED to RUNNING"):
        ended.move(State.RUNNING, time=T0, reason="TEST", actor="test")
    assert ended.state is State.SUCCEEDED


def test_the_wish_to_cancel_keeps_the_state_and_shows_as_cancelling():
    wished = a_job(state=State.RUNNING).wish_cancel(time=T0, actor="dev:ranking")
    assert wished.state is State.RUNNING
    assert wished.shown_state is State.CANCELLING
    assert wished.cancel_time == T0
    assert states(wished.transitions) == ["CANCELLING"]


def test_a_name_is_made_of_team_and_id_and_an_absent_priority_counts_as_fifty():
    assert a_job().name == "teams/ranking/batchJobs/174873600000012345"
    assert a_job().effective_priority == 50


def test_priority_zero_is_not_absent():
    spec = Spec("m", GcsSource("gs://in/a"), GcsDestination("gs://out"), priority=0)
    assert a_job(spec=spec).effective_priority == 0


def test_uris_are_read_from_whichever_source_and_destination_there_is():
    tables = Spec("m", BigQuerySource("bq://p.d.in"), BigQueryDestination("bq://p.d.out"))
    assert (tables.source_uri, tables.destination_uri) == ("bq://p.d.in", "bq://p.d.out")
    assert (GCS_SPEC.source_uri, GCS_SPEC.destination_uri) == ("gs://in/rows.jsonl", "gs://out/run")


def test_a_pool_reads_what_it_writes():
    assert PoolId.parse(str(PoolId("corp-ml", "us-central1"))) == PoolId("corp-ml", "us-central1")


def test_of_many_put_backs_the_first_and_the_last_stay():
    history = history_of("QUEUED", *["SUBMITTING", "QUEUED"] * 9, "SUBMITTING", "PENDING")
    assert states(history) == ["QUEUED", "SUBMITTING", "QUEUED", "SUBMITTING", "QUEUED", "SUBMITTING", "PENDING"]
    assert history[2].revision == 3
    assert history[4].revision == 19


def test_two_put_backs_both_stay():
    names = ("QUEUED", "SUBMITTING", "QUEUED", "SUBMITTING", "QUEUED", "SUBMITTING", "SUCCEEDED")
    assert states(history_of(*names)) == list(names)


def test_a_cancel_wished_while_queued_is_no_put_back():
    names = ("QUEUED", "SUBMITTING", "CANCELLING", "CANCELLED")
    assert states(history_of(*names)) == list(names)


def test_a_long_history_keeps_its_beginning_and_its_end():
    history = history_of("QUEUED", "SUBMITTING", "PENDING", *["RUNNING", "PAUSED"] * 40, "SUCCEEDED")
    assert len(history) == MAX_TRANSITIONS
    assert states(history)[:3] == ["QUEUED", "SUBMITTING", "PENDING"]
    assert history[-1].state is State.SUCCEEDED


@given(st.lists(st.sampled_from(list(State)), max_size=120))
def test_whatever_happens_the_history_is_bounded_in_order_and_ends_with_the_latest(names):
    history = history_of(*names)
    assert len(history) <= MAX_TRANSITIONS
    assert [entry.revision for entry in history] == sorted({entry.revision for entry in history})
    if names:
        assert history[-1] == entries(*names)[-1]
        assert history[0] == entries(*names)[0]


def an_attempt(number, outcome=None):
    return Attempt(f"a{number}", number, T0, "term", "hash", 8, 6, outcome)


OUTCOMES = st.lists(st.sampled_from([None, *AttemptOutcome]), max_size=80)


@given(OUTCOMES)
def test_every_attempt_that_may_still_show_up_is_kept_and_the_refused_are_bounded(outcomes):
    kept = ()
    for number, outcome in enumerate(outcomes, start=1):
        kept = remember_attempt(kept, an_attempt(number, outcome))
    numbers = [attempt.number for attempt in kept]
    not_refused = [n for n, o in enumerate(outcomes, start=1) if o is not AttemptOutcome.REFUSED]
    assert numbers == sorted(numbers)
    assert set(not_refused) <= set(numbers)
    assert len(kept) - len(not_refused) <= MAX_REFUSED_ATTEMPTS
    assert not outcomes or kept[-1].number == len(outcomes)


def test_of_the_refused_attempts_the_latest_are_kept():
    kept = ()
    for number in range(1, 41):
        kept = remember_attempt(kept, an_attempt(number, AttemptOutcome.REFUSED))
    assert [attempt.number for attempt in kept] == list(range(25, 41))


def test_the_latest_attempt_is_the_one_at_hand():
    assert a_job().attempt is None
    assert a_job(attempts=(an_attempt(1), an_attempt(2))).attempt == an_attempt(2)
