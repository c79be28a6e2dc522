"""Which Vertex jobs are ours: seven things match, or six where the row knows no attempt."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from gateway.controller import ours
from gateway.domain.batch_job import Attempt, BatchJob
from gateway.domain.states import State
from gateway.domain.vertex_job import VertexJob
from support.store import POOL, SPEC

NOW = datetime(2026, 1, 1, tzinfo=UTC)
ATTEMPTS = tuple(Attempt(each, number, NOW, "term", "hash", 8, 0) for number, each in enumerate(("a1", "a2"), 1))
JOB = BatchJob(
    id=123,
    team="ranking",
    spec=SPEC,
    state=State.SUBMITTING,
    pool=POOL,
    effective_model="publishers/google/models/gemini-2.5-flash",
    creator="dev:ranking",
    create_time=NOW,
    update_time=NOW,
    queue_deadline=None,
    revision=1,
    attempts=ATTEMPTS,
)
FOUND = VertexJob(
    name="projects/123456/locations/us-central1/batchPredictionJobs/987",
    state=State.RUNNING,
    model="publishers/google/models/gemini-2.5-flash",
    source_uri=SPEC.source_uri,
    destination_uri=SPEC.destination_uri,
    labels=ours.labels_of(JOB, "a1", "gw"),
    create_time=NOW,
    update_time=NOW,
)


def labelled(**labels: str) -> VertexJob:
    return replace(FOUND, labels={**FOUND.labels, **labels})


def test_what_we_sent_is_ours() -> None:
    assert ours.belongs(FOUND, JOB, "gw")


@pytest.mark.parametrize("attempt", ["a1", "a2"])
def test_every_attempt_that_was_ever_sent_counts(attempt: str) -> None:
    assert ours.belongs(labelled(batchjobs_attempt=attempt), JOB, "gw")


@pytest.mark.parametrize(
    "found",
    [
        labelled(batchjobs_gateway="another"),
        labelled(batchjobs_id="124"),
        labelled(batchjobs_team="search"),
        labelled(batchjobs_attempt="a3"),
        replace(FOUND, model="publishers/google/models/gemini-2.5-pro"),
        replace(FOUND, source_uri="gs://ranking-in/other.jsonl"),
        replace(FOUND, destination_uri="gs://ranking-out/other"),
        replace(FOUND, labels={}),
    ],
)
def test_one_difference_is_enough(found: VertexJob) -> None:
    assert not ours.belongs(found, JOB, "gw")


def test_a_row_restored_to_before_its_attempt_goes_by_the_other_six() -> None:
    restored = replace(JOB, state=State.QUEUED, attempts=())
    assert ours.belongs(FOUND, restored, "gw")
    assert not ours.belongs(labelled(batchjobs_team="search"), restored, "gw")


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("publishers/google/models/m", "projects/1/locations/r/publishers/google/models/m", True),
        ("projects/corp/locations/r/models/55", "projects/123/locations/r/models/55@2", True),
        ("publishers/google/models/55", "projects/123/locations/r/models/55", False),
        ("publishers/google/models/m", "publishers/google/models/n", False),
    ],
)
def test_models_are_compared_by_their_last_segment(one: str, other: str, same: bool) -> None:
    assert ours.same_model(one, other) is same


def test_vertex_jobs_are_compared_by_their_last_segment() -> None:
    by_id = "projects/corp-ml/locations/us-central1/batchPredictionJobs/987"
    assert ours.same_vertex_job(FOUND.name, by_id)
    assert not ours.same_vertex_job(FOUND.name, by_id + "6")
    assert not ours.same_vertex_job("", "")


def test_a_trailing_slash_of_the_destination_says_nothing() -> None:
    assert ours.belongs(replace(FOUND, destination_uri=SPEC.destination_uri + "/"), JOB, "gw")


@pytest.mark.parametrize("claimed", ["", "x", "-1", "1.5", "١٢٣", "123 "])
def test_a_label_that_is_no_id_claims_nothing(claimed: str) -> None:
    assert ours.claims(labelled(batchjobs_id=claimed), "gw") is None


def test_a_callers_label_never_stands_in_for_ours() -> None:
    forged = replace(JOB, spec=replace(SPEC, labels={"batchjobs_team": "search", "own": "x"}))
    assert ours.labels_of(forged, "a1", "gw")["batchjobs_team"] == "ranking"


def test_of_several_the_one_with_results_is_kept_then_one_alive_then_the_oldest() -> None:
    failed = replace(FOUND, name="f/1", state=State.FAILED)
    young = replace(FOUND, name="y/2", create_time=NOW + timedelta(seconds=1))
    old = replace(FOUND, name="o/3")
    done = replace(FOUND, name="d/4", state=State.SUCCEEDED, create_time=NOW + timedelta(seconds=2))
    assert ours.best([failed, young, old, done]) is done
    assert ours.best([failed, young, old]) is old
    assert ours.best([failed]) is failed
