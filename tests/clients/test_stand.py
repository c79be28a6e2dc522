"""The stand refuses and serves alike whenever it runs."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from clients.prepare import TEAM
from clients.samples import BIGQUERY_SAMPLE, GCS_SAMPLES
from clients.vertex.scenarios import SCENARIOS
from gateway.admission.quotas import decide
from gateway.policy.load import load_policy
from gateway.policy.match import matches_any
from gateway.policy.model import Policy
from gateway.store.model import Usage

EVENING = datetime(2026, 11, 27, 23, 59, 30, tzinfo=UTC)


@pytest.fixture
def policy() -> Policy:
    return load_policy(Path(__file__).parents[2] / "clients/policy.yaml")


@pytest.mark.parametrize("later", [timedelta(seconds=1), timedelta(minutes=1), timedelta(hours=12)])
def test_the_quota_that_is_used_up_stays_used_up_past_midnight(policy: Policy, later: timedelta) -> None:
    """And a refusal goes on saying when to try again. Nothing is dispatched, so what is queued stays so."""
    team = policy.teams[TEAM]
    used = decide(TEAM, team.quotas, Usage(), EVENING, 1)
    assert used.refusal() is None
    refusal = decide(TEAM, team.quotas, used.usage, EVENING + later, 1).refusal()
    assert team.paused
    assert refusal is not None
    assert refusal.retry_after


def test_all_that_is_to_succeed_may_be_read(policy: Policy) -> None:
    sources = {each.source for each in SCENARIOS if each.wanted.status == 0}
    assert sources >= {GCS_SAMPLES[0], BIGQUERY_SAMPLE}
    assert all(matches_any(policy.teams["ranking"].sources, each) for each in sources)
