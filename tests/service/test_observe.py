"""What follows a commit: metrics, one log line, a hint to the watchers."""

from datetime import UTC, datetime, timedelta

import pytest
import structlog
from prometheus_client import CollectorRegistry

from gateway.domain.batch_job import BatchJob, GcsDestination, GcsSource, PoolId, Spec, Transition
from gateway.domain.states import State
from gateway.domain.vertex_job import Rows
from gateway.policy.model import Policy, TeamPolicy
from gateway.service.model_labels import model_labels
from gateway.service.observe_jobs import JobObserver
from gateway.telemetry.logs import about, begin_call, merge_names
from gateway.telemetry.metrics import Metrics

START = datetime(2026, 1, 1, tzinfo=UTC)
QUEUED = BatchJob(
    id=7,
    team="ranking",
    spec=Spec("flash", GcsSource("gs://in/rows.jsonl"), GcsDestination("gs://out/x"), model_parameters={"secret": 1}),
    state=State.QUEUED,
    pool=PoolId("corp-ml", "us-central1"),
    effective_model="publishers/google/models/gemini-2.5-flash",
    creator="dev:ranking",
    create_time=START,
    update_time=START,
    queue_deadline=None,
    revision=1,
    transitions=(Transition(State.QUEUED, START, "CREATED", "dev:ranking", 1),),
)


@pytest.fixture
def metrics():
    made = Metrics(CollectorRegistry())
    made.names.replace(teams=["ranking"], model_label=lambda name: name)
    return made


@pytest.fixture
def hints():
    return []


@pytest.fixture
def observe(metrics, hints):
    return JobObserver(metrics.jobs, lambda team, revision: hints.append((team, revision)))


def value(metrics: Metrics, name: str, **labels: str) -> float | None:
    return metrics.registry.get_sample_value(name, labels)


def later(job: BatchJob, to: State, seconds: float, **changes) -> BatchJob:
    time = job.update_time + timedelta(seconds=seconds)
    return job.move(to, time=time, reason="TEST", actor="controller", **changes).evolve(revision=job.revision + 1)


def test_a_create_counts_as_a_move_into_queued(metrics, hints, observe):
    observe(None, QUEUED)
    assert value(metrics, "batchjobs_transitions_total", team="ranking", to="QUEUED") == 1
    assert hints == [("ranking", 1)]


def test_each_phase_is_timed_from_the_move_into_it(metrics, observe):
    submitting = later(QUEUED, State.SUBMITTING, 60)
    running = later(submitting, State.RUNNING, 5)
    observe(QUEUED, submitting)
    observe(submitting, running)
    pool = "corp-ml/us-central1"
    assert value(metrics, "batchjobs_phase_seconds_sum", phase="queued", pool=pool) == 60
    assert value(metrics, "batchjobs_phase_seconds_sum", phase="submitting", pool=pool) == 5


def test_an_end_is_counted_once_with_its_time_and_rows(metrics, observe):
    running = later(later(QUEUED, State.SUBMITTING, 60), State.RUNNING, 0)
    end_time = running.update_time + timedelta(seconds=40)
    ended = later(running, State.SUCCEEDED, 40, end_time=end_time, rows=Rows(498, 2, None))
    observe(running, ended)
    observe(ended, ended.evolve(delete_time=end_time, revision=9))
    labels = {"team": "ranking", "model": "flash"}
    assert value(metrics, "batchjobs_jobs_finished_total", **labels, outcome="SUCCEEDED") == 1
    assert value(metrics, "batchjobs_job_duration_seconds_sum", team="ranking", outcome="SUCCEEDED") == 100
    assert value(metrics, "batchjobs_rows_total", **labels, outcome="succeeded") == 498
    assert value(metrics, "batchjobs_rows_total", **labels, outcome="failed") == 2
    assert value(metrics, "batchjobs_rows_total", **labels, outcome="incomplete") is None


def test_a_wish_to_cancel_is_a_transition_too(metrics, observe):
    running = later(later(QUEUED, State.SUBMITTING, 1), State.RUNNING, 1)
    observe(running, running.wish_cancel(time=running.update_time, actor="dev:ranking").evolve(revision=9))
    assert value(metrics, "batchjobs_transitions_total", team="ranking", to="CANCELLING") == 1


def test_one_line_per_transition_names_everything_but_what_is_inside(observe):
    submitting = later(QUEUED, State.SUBMITTING, 60, vertex_name="projects/1/locations/l/batchPredictionJobs/9")
    with structlog.testing.capture_logs() as logs:
        observe(QUEUED, submitting)
    [line] = logs
    assert line == {
        "event": "transition",
        "log_level": "info",
        "team": "ranking",
        "batch_job": "teams/ranking/batchJobs/7",
        "vertex_job": "projects/1/locations/l/batchPredictionJobs/9",
        "pool": "corp-ml/us-central1",
        "to": "SUBMITTING",
        "reason": "TEST",
        "actor": "controller",
        "revision": 2,
    }


def test_a_transition_does_not_carry_the_names_of_the_call_that_happened_to_commit_it(observe):
    """Creates of many callers share one commit."""
    begin_call()
    about(rpc_id="another call's")
    with structlog.testing.capture_logs(processors=[merge_names]) as logs:
        observe(None, QUEUED)
    assert "rpc_id" not in logs[0]


@pytest.mark.parametrize(
    ("name", "label"),
    [
        ("flash", "flash"),
        ("gemini-2.5-flash", "gemini-2.5-flash"),
        ("publishers/google/models/gemini-2.5-flash", "gemini-2.5-flash"),
        ("projects/p/locations/us-central1/publishers/google/models/gemini-2.5-pro", "gemini-2.5-pro"),
        ("gemini-3-anything", "other"),
        ("projects/p/locations/us-central1/models/123", "tuned"),
        ("no model!", "other"),
    ],
)
def test_model_labels_are_the_policys_names_or_one_word(name, label):
    team = TeamPolicy("ranking", models=("gemini-*", "gemini-2.5-pro"))
    policy = Policy(hash="0" * 16, aliases={"flash": "gemini-2.5-flash"}, teams={"ranking": team})
    assert model_labels(policy)(name) == label
