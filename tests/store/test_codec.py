"""Rows and documents: what goes in comes out, of any shape, through the real database too."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from gateway.domain.batch_job import (
    Attempt,
    AttemptOutcome,
    BatchJob,
    BigQueryDestination,
    BigQuerySource,
    GcsDestination,
    GcsSource,
    Spec,
    Transition,
)
from gateway.domain.states import State
from gateway.domain.vertex_job import Output, Rows, Status
from gateway.store import documents
from gateway.store.changes import Changes
from gateway.store.database import Database
from gateway.store.reads import Reads
from support.store import create, unobserved

TEXT = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=30)
TIMES = st.datetimes(datetime(2000, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001 - bounds are naive by contract
NUMBERS = st.integers(0, 2**62)
JSON = st.recursive(
    st.none() | st.booleans() | st.floats(allow_nan=False, allow_infinity=False) | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=8,
)
SPECS = st.builds(
    Spec,
    model=TEXT,
    source=st.builds(GcsSource, TEXT) | st.builds(BigQuerySource, TEXT),
    destination=st.builds(GcsDestination, TEXT) | st.builds(BigQueryDestination, TEXT),
    display_name=TEXT,
    region=TEXT,
    priority=st.none() | st.integers(0, 100),
    model_parameters=st.dictionaries(TEXT, JSON, max_size=3),
    labels=st.dictionaries(TEXT, TEXT, max_size=3),
    max_queue_duration=st.none() | st.timedeltas(timedelta(0), timedelta(days=3650)),
)
ATTEMPTS = st.builds(
    Attempt,
    id=TEXT,
    number=NUMBERS,
    time=TIMES,
    term=TEXT,
    policy_hash=TEXT,
    capacity=NUMBERS,
    team_limit=NUMBERS,
) | st.builds(
    Attempt,
    id=TEXT,
    number=NUMBERS,
    time=TIMES,
    term=TEXT,
    policy_hash=TEXT,
    capacity=NUMBERS,
    team_limit=NUMBERS,
    outcome=st.sampled_from(AttemptOutcome),
    outcome_time=st.none() | TIMES,
    outcome_reason=TEXT,
)
TRANSITIONS = st.builds(Transition, st.sampled_from(State), TIMES, TEXT, TEXT, NUMBERS)


def through_json(document: Any) -> Any:
    return json.loads(json.dumps(document))


@given(SPECS)
def test_a_spec_is_kept_as_sent(spec: Spec) -> None:
    assert documents.read_spec(through_json(documents.write_spec(spec))) == spec


@given(ATTEMPTS)
def test_an_attempt_is_kept(attempt: Attempt) -> None:
    assert documents.read_attempt(through_json(documents.write_attempt(attempt))) == attempt


@given(TRANSITIONS)
def test_a_transition_is_kept(transition: Transition) -> None:
    assert documents.read_transition(through_json(documents.write_transition(transition))) == transition


@given(st.lists(TRANSITIONS), st.lists(TRANSITIONS), st.integers(0, 5))
def test_a_history_is_read_the_same_whatever_of_it_is_held(
    written: list[Transition], others: list[Transition], count: int
) -> None:
    held = (*written[:count], *others)
    read = documents.read_history(through_json([documents.write_transition(each) for each in written]), held)
    assert read == tuple(written)
    assert all(mine is theirs for mine, theirs in zip(read[:count], held, strict=False))


@given(TRANSITIONS, TRANSITIONS)
def test_what_is_held_gives_way_to_what_is_written(held: Transition, other: Transition) -> None:
    """Any one value may be another."""
    for name in ("state", "time", "reason", "actor", "revision"):
        written = replace(held, **{name: getattr(other, name)})
        assert documents.read_history(through_json([documents.write_transition(written)]), (held,)) == (written,)


async def test_a_batch_job_with_every_field_set_comes_back_from_the_database(database: Database) -> None:
    spec = Spec(
        model="flash",
        source=BigQuerySource("bq://p.d.rows"),
        destination=BigQueryDestination("bq://p.d.out"),
        display_name="nächtlich ☾",
        region="us-central1",
        priority=0,
        model_parameters={"temperature": 0.25, "topK": 40.0, "nested": {"a": [1.0, None, True, "x"], "big": 1e22}},
        labels={"größe": "s"},
        max_queue_duration=timedelta(microseconds=1_500_001),
    )
    job = await create(database, spec=spec, source_bytes=2**40, max_queue_duration=spec.max_queue_duration)
    assert job.spec == spec
    time = datetime(2026, 1, 2, 3, 4, 5, 678901, UTC)
    attempt = Attempt("a1", 1, time, "t", "h", 8, 2, AttemptOutcome.FOUND, time, "late")
    everything = {
        **dict.fromkeys(("cancel_time", "delete_time", "submit_time", "start_time", "end_time", "expire_time"), time),
        **dict.fromkeys(("vertex_update_time", "vertex_start_time", "vertex_end_time"), time),
        "vertex_name": "projects/1/locations/l/batchPredictionJobs/2",
        "error": Status(3, "Fehler: ü"),
        "partial_failures": (Status(9, "x"), Status(4, "y")),
        "rows": Rows(490, 10, None),
        "output": Output(gcs_directory="gs://b/o"),
        "attempt_count": 1,
        "attempts": (attempt,),
    }
    changed = await Changes(database.controller, unobserved).change(
        "ranking", job.id, lambda job, _: job.evolve(**everything)
    )
    assert changed is not None
    stored = await Changes(database.controller, unobserved).read("ranking", job.id)
    assert stored == changed.after == job.evolve(**everything, revision=2, update_time=changed.after.update_time)
    assert isinstance(stored, BatchJob)
    [news] = (await Reads(database.api).news("ranking", 1, 10)).jobs
    assert (news.id, news.revision, news.of(job)) == (stored.id, stored.revision, stored)
