"""How many time series there can be: what callers send cannot raise it, and 50 teams stay below 20,000."""

import re
from itertools import product
from pathlib import Path

import grpc
import pytest
from prometheus_client import CollectorRegistry, disable_created_metrics
from prometheus_client.metrics import MetricWrapperBase

from docs.tools import series
from gateway.api.batch_jobs.servicer import SERVICE
from gateway.api.interceptors.counting import usual_name
from gateway.api.rest.twins import rest_twins
from gateway.api.server import HEALTH_SERVICE, REFLECTION_SERVICE
from gateway.cloud import vertex_messages
from gateway.cloud.lookups import LookupResult
from gateway.cloud.vertex_errors import Code
from gateway.domain.states import ENDS, OPEN, State
from gateway.errors import Reason
from gateway.policy.model import Quotas
from gateway.service.observe_jobs import PHASES
from gateway.telemetry.loop_metrics import LOOPS
from gateway.telemetry.metrics import Metrics
from gateway.telemetry.process_metrics import HOW_RESOLVED

GATEWAY = Path(__file__).parents[2] / "src" / "gateway"
TEAMS = [f"team-{number}" for number in range(50)]
EVERY_TEAM = [*TEAMS, "made up"]
POOLS = [f"project/region-{number}" for number in range(8)]
MODELS = [*(f"gemini-{number}" for number in range(8)), "tuned", "other"]
QUOTAS = [name for name, _ in Quotas().items()]
SHOWN = [*OPEN, State.CANCELLING]
METHODS = ("create", "get", "list", "cancel", "delete", "get_operation")


class Recording(CollectorRegistry):
    """A registry that keeps what was registered."""

    def __init__(self) -> None:
        super().__init__()
        self.metrics: list[MetricWrapperBase] = []

    def register(self, collector) -> None:
        super().register(collector)
        self.metrics.append(collector)


@pytest.fixture
def full() -> Metrics:
    """Everything that can happen has happened, in the installation that the page reckons with."""
    disable_created_metrics()
    metrics = Metrics(Recording())
    metrics.names.replace(teams=TEAMS, model_label=lambda name: name)
    fill_jobs(metrics)
    fill_leader(metrics)
    fill_process(metrics)
    fill_rpcs(metrics)
    return metrics


def fill_jobs(metrics: Metrics) -> None:
    jobs = metrics.jobs
    for team in EVERY_TEAM:
        for decision in ("admitted", "replayed", "validated"):
            jobs.admission(team, decision)
        for reason in Reason:
            jobs.admission(team, "refused", reason.value)
        for quota in QUOTAS:
            jobs.admission(team, "would_refuse", quota)
        for state in State:
            jobs.transition(team, state)
        for model, outcome in product(MODELS, ENDS):
            jobs.finished(team, model, outcome, 1)
        for model, outcome in product(MODELS, ("succeeded", "failed", "incomplete")):
            jobs.rows(team, model, outcome, 1)
    for phase, pool in product(PHASES.values(), POOLS):
        jobs.phase(phase, pool, 1)


def fill_leader(metrics: Metrics) -> None:
    leader = metrics.leader
    leader.set_jobs(dict.fromkeys(product(EVERY_TEAM, POOLS, SHOWN), 1))
    leader.set_oldest(dict.fromkeys(product(POOLS, SHOWN), 1.0))
    quotas = dict.fromkeys(product(EVERY_TEAM, QUOTAS), 1.0)
    leader.set_quotas(quotas, quotas)
    by_pool = (leader.set_eligible, leader.set_capacity, leader.set_active, leader.set_others, leader.set_unresolved)
    for fill in by_pool:
        fill(dict.fromkeys(POOLS, 1))
    leader.set_gates(dict.fromkeys(POOLS, True))
    leader.expect_polls(frozenset(POOLS))


def fill_process(metrics: Metrics) -> None:
    regions = [pool.split("/")[1] for pool in POOLS]
    for method, region, code in product(METHODS, regions, Code):
        metrics.vertex.request(method, region, code.name, 1)
    for how in HOW_RESOLVED:
        metrics.vertex.resolved(how)
    for kind, result in product(("bucket", "object", "dataset", "table"), LookupResult):
        metrics.process.location_lookup(kind, result)
    for operation, failure in product(range(series.LABELS["op"]), ("busy", "unavailable", "unknown")):
        metrics.process.store_request(f"operation-{operation}", 1, failure)
    for loop in LOOPS:
        metrics.loops.failed(loop)
    for listener in ("tokens", "mtls"):
        metrics.identity.certificate_taken(listener, 1)
    for issuer in ("corp", "cluster-a", "cluster-b", "partners"):
        metrics.identity.keys_read(issuer)
    for policy in ("one", "another"):
        metrics.policy.loaded(policy, 1)
    metrics.process.build("1.0", "all")


def fill_rpcs(metrics: Metrics) -> None:
    by_rest = [twin.service for twin in rest_twins(vertex_api=True)]
    services = (SERVICE, vertex_messages.load().service, *by_rest, HEALTH_SERVICE, REFLECTION_SERVICE)
    methods = [(service.full_name, method.name) for service in services for method in service.methods]
    for service, method in [*methods, ("unknown", "unknown")]:
        metrics.rpcs.started("unary", service, method)
        for code in grpc.StatusCode:
            metrics.rpcs.handled("unary", service, method, usual_name(code), 1)


def every(metrics: Metrics) -> list[MetricWrapperBase]:
    assert isinstance(metrics.registry, Recording)
    return metrics.registry.metrics


def shown(metric: MetricWrapperBase) -> int:
    return sum(len(family.samples) for family in metric.collect())


def test_no_metric_can_have_more_series_than_its_formula_says(full: Metrics):
    over = {m._name: (shown(m), series.most(m)) for m in every(full) if shown(m) > series.most(m)}
    assert over == {}


def test_the_formulas_promise_no_more_than_can_be(full: Metrics):
    """Where a label gains or loses a value, the page must follow."""
    under = {m._name: (shown(m), series.most(m)) for m in every(full) if shown(m) < series.most(m)}
    assert under == {}


def test_fifty_teams_make_at_most_twenty_thousand_series(full: Metrics):
    assert sum(series.most(metric) for metric in every(full)) <= 20_000


def test_names_that_callers_make_up_add_nothing(full: Metrics):
    before = sum(map(shown, every(full)))
    for made_up in ("a", "b", "c"):
        full.jobs.admission(made_up, "refused", "TEAM_FORBIDDEN")
        full.jobs.transition(made_up, State.QUEUED)
        full.jobs.finished(made_up, MODELS[0], State.FAILED, 1)
    assert sum(map(shown, every(full))) == before


def literals(folder: str, pattern: str) -> set[str]:
    """What the pattern's group finds in the sources of a folder."""
    return {found for file in (GATEWAY / folder).rglob("*.py") for found in re.findall(pattern, file.read_text())}


def test_every_loop_is_counted_from_the_start_and_under_its_own_name():
    by_pool = literals("controller", r'\n    name = "(\w+)"')
    named = literals("controller", r'\n_NAME.* = "(\w+)"')
    called = literals("controller", r'(?:_guard\.run|_loop| Loop)\("(\w+)"')
    assert by_pool | {f"{name}_pools" for name in by_pool} | named | called == set(LOOPS)


def test_the_store_has_as_many_operations_as_the_formula_says():
    operations = literals("store", r'\.(?:session|snapshot|transaction)\(\s*"(\w+)"')
    operations |= literals("store", r'self\._jobs\(\s*"(\w+)"')
    assert len(operations) == series.LABELS["op"]
