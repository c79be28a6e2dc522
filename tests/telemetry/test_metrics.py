"""What operators see."""

import re

import pytest
from prometheus_client import CollectorRegistry, disable_created_metrics, generate_latest

from gateway.telemetry.metrics import Metrics

EVERY_METRIC = {
    "grpc_server_started_total",
    "grpc_server_handled_total",
    "grpc_server_handling_seconds",
    "batchjobs_admissions_total",
    "batchjobs_jobs",
    "batchjobs_transitions_total",
    "batchjobs_job_duration_seconds",
    "batchjobs_phase_seconds",
    "batchjobs_jobs_finished_total",
    "batchjobs_oldest_seconds",
    "batchjobs_eligible_queued",
    "batchjobs_pool_capacity",
    "batchjobs_pool_active",
    "batchjobs_pool_others",
    "batchjobs_pool_gate_open",
    "batchjobs_quota_limit",
    "batchjobs_quota_used",
    "batchjobs_rows_total",
    "batchjobs_vertex_request_seconds",
    "batchjobs_poll_age_seconds",
    "batchjobs_submits_unresolved",
    "batchjobs_submits_resolved_total",
    "batchjobs_duplicates_total",
    "batchjobs_leader",
    "batchjobs_loop_failures_total",
    "batchjobs_policy_info",
    "batchjobs_policy_last_reload_successful",
    "batchjobs_policy_last_reload_timestamp_seconds",
    "batchjobs_location_lookups_total",
    "batchjobs_store_request_seconds",
    "batchjobs_store_failures_total",
    "batchjobs_watches",
    "batchjobs_event_loop_lag_seconds",
    "batchjobs_certificate_expiry_timestamp_seconds",
    "batchjobs_certificate_last_reload_successful",
    "batchjobs_issuer_keys_timestamp_seconds",
    "batchjobs_calls_in_flight",
    "batchjobs_calls_waiting",
    "batchjobs_build_info",
}


@pytest.fixture
def metrics() -> Metrics:
    disable_created_metrics()
    return Metrics(CollectorRegistry(), monotonic=lambda: 100.0)


def text(metrics: Metrics) -> str:
    return generate_latest(metrics.registry).decode()


def lines(metrics: Metrics, name: str) -> list[str]:
    return [line for line in text(metrics).splitlines() if re.match(rf"{name}[{{ ]", line)]


def test_every_metric_of_the_design_exists_with_a_help_text(metrics):
    helps = dict(re.findall(r"^# HELP (\S+) (.+)$", text(metrics), re.MULTILINE))
    assert set(helps) == EVERY_METRIC
    assert all(len(each) > 15 for each in helps.values())


def test_two_sets_of_metrics_share_nothing(metrics):
    other = Metrics(CollectorRegistry())
    metrics.vertex.duplicate()
    assert lines(other, "batchjobs_duplicates_total") == ["batchjobs_duplicates_total 0.0"]


def test_a_team_that_the_policy_does_not_name_is_unknown(metrics):
    metrics.names.replace(teams=["ranking"], model_label=lambda name: name)
    metrics.jobs.transition("ranking", "QUEUED")
    for made_up in ("a", "b", "c"):
        metrics.jobs.transition(made_up, "QUEUED")
    assert lines(metrics, "batchjobs_transitions_total") == [
        'batchjobs_transitions_total{team="ranking",to="QUEUED"} 1.0',
        'batchjobs_transitions_total{team="unknown",to="QUEUED"} 3.0',
    ]


def test_unknown_teams_are_added_up_in_the_gauges(metrics):
    metrics.leader.set_jobs({("a", "p/r", "QUEUED"): 2, ("b", "p/r", "QUEUED"): 3})
    assert lines(metrics, "batchjobs_jobs") == ['batchjobs_jobs{pool="p/r",state="QUEUED",team="unknown"} 5.0']


def test_what_is_no_longer_in_the_picture_disappears(metrics):
    metrics.leader.set_active({"p/a": 1, "p/b": 2})
    metrics.leader.set_active({"p/b": 3})
    assert lines(metrics, "batchjobs_pool_active") == ['batchjobs_pool_active{pool="p/b"} 3.0']


def test_a_leader_that_loses_clears_every_gauge_about_batch_jobs(metrics):
    leader = metrics.leader
    leader.leads(leading=True)
    leader.set_jobs({("t", "p/r", "QUEUED"): 1})
    leader.set_oldest({("p/r", "QUEUED"): 5})
    leader.set_quotas({("t", "active_jobs"): 2}, {("t", "active_jobs"): 1})
    leader.set_gates({"p/r": True})
    leader.polled("p/r")
    for set_by_pool in (leader.set_eligible, leader.set_capacity, leader.set_active, leader.set_others):
        set_by_pool({"p/r": 1})
    leader.set_unresolved({"p/r": 1})
    shown = {line.split("{")[0] for line in text(metrics).splitlines() if 'pool="p/r"' in line or 'team="' in line}
    assert len(shown) == 11
    leader.leads(leading=False)
    left = [line for line in text(metrics).splitlines() if 'pool="p/r"' in line or 'team="' in line]
    assert left == []
    assert lines(metrics, "batchjobs_leader") == ["batchjobs_leader 0.0"]


def test_the_age_of_a_poll_grows_by_itself():
    """A poll loop that hangs must show: nobody is left to raise its age."""
    now = 100.0
    metrics = Metrics(CollectorRegistry(), monotonic=lambda: now)
    metrics.leader.polled("p/r")
    now = 130.0
    assert lines(metrics, "batchjobs_poll_age_seconds") == ['batchjobs_poll_age_seconds{pool="p/r"} 30.0']
    metrics.leader.expect_polls(frozenset({"p/r"}))
    assert lines(metrics, "batchjobs_poll_age_seconds") == ['batchjobs_poll_age_seconds{pool="p/r"} 30.0']
    metrics.leader.expect_polls(frozenset())
    assert lines(metrics, "batchjobs_poll_age_seconds") == []


def test_a_pool_that_was_never_listed_grows_old_too():
    """Lists that all fail from the first one on must not leave the alert without a number to go by."""
    now = 100.0
    metrics = Metrics(CollectorRegistry(), monotonic=lambda: now)
    metrics.leader.expect_polls(frozenset({"p/r"}))
    now = 120.0
    metrics.leader.expect_polls(frozenset({"p/r"}))
    assert lines(metrics, "batchjobs_poll_age_seconds") == ['batchjobs_poll_age_seconds{pool="p/r"} 20.0']


def test_a_store_that_fails_is_timed_and_counted(metrics):
    metrics.process.store_request("get", 0.1, "")
    metrics.process.store_request("get", 5.0, "unavailable")
    assert lines(metrics, "batchjobs_store_request_seconds_count") == [
        'batchjobs_store_request_seconds_count{op="get"} 2.0'
    ]
    assert lines(metrics, "batchjobs_store_failures_total") == [
        'batchjobs_store_failures_total{how="unavailable",op="get"} 1.0'
    ]


def test_rare_codes_of_vertex_share_a_label(metrics):
    for code in ("OK", "ABORTED", "DATA_LOSS"):
        metrics.vertex.request("get", "us-central1", code, 0.1)
    counts = lines(metrics, "batchjobs_vertex_request_seconds_count")
    assert [re.findall('code="(.*?)".* (.*)', line)[0] for line in counts] == [("OK", "1.0"), ("OTHER", "2.0")]


def test_only_unary_calls_are_timed(metrics):
    """A watch lasts as long as its batch job does: its time says nothing about the server."""
    metrics.rpcs.handled("unary", "s", "Get", "OK", 0.1)
    metrics.rpcs.handled("server_stream", "s", "Watch", "OK", 3600)
    timed = lines(metrics, "grpc_server_handling_seconds_count")
    assert len(timed) == 1
    assert 'grpc_method="Get"' in timed[0]
