"""GetTeamUsage over a real connection."""

import copy
import json
from datetime import UTC, datetime

import pytest

from batchjobs.v1 import batch_jobs_pb2 as pb
from gateway.domain.states import State
from support.caller import batch_job, refusal
from support.gateway import POLICY

Limit = pb.TeamUsage.Limit
USAGE_NAMES = [
    "",
    "teams/ranking",
    "teams/ranking/usage/",
    "teams/-/usage",
    "teams/Ranking/usage",
    "teams/ranking/usage\n",
]


async def usage_of(gateway, team: str = "ranking", principal: str = "") -> pb.TeamUsage:
    caller = gateway.caller(principal or team)
    return await caller.call("GetTeamUsage", pb.GetTeamUsageRequest(name=f"teams/{team}/usage"))


def limits(usage: pb.TeamUsage) -> dict[str, tuple[int | None, int, int]]:
    """Limit, use and mode by the quota's name; None: no limit."""
    return {each.quota: (each.limit if each.HasField("limit") else None, each.used, each.mode) for each in usage.limits}


@pytest.fixture
async def led(start_gateway):
    """A gateway with a leader that does nothing, whose time stands still; quotas of every kind."""
    policy = copy.deepcopy(POLICY)
    policy["teams"]["ranking"]["quotas"] = {
        "active_jobs": 1,
        "queued_jobs": 10,
        "creates_per_minute": 30,
        "jobs_per_day": {"limit": 2, "mode": "shadow"},
    }
    gateway = await start_gateway(role="api", driven=True, policy=policy)
    await gateway.lead()
    return gateway


async def test_limits_are_shown_with_mode_and_use(led):
    caller = led.caller("ranking")
    running = await caller.create()
    await caller.create()
    await caller.create()
    await led.move(running.name, State.SUBMITTING, State.RUNNING)
    usage = await usage_of(led)
    assert usage.name == "teams/ranking/usage"
    assert limits(usage) == {
        "active_jobs": (1, 1, Limit.ENFORCE),
        "queued_jobs": (10, 2, Limit.ENFORCE),
        "creates_per_minute": (30, 3, Limit.ENFORCE),
        "jobs_per_day": (2, 3, Limit.SHADOW),
        "input_bytes_per_day": (None, usage.limits[4].used, Limit.ENFORCE),
    }
    assert usage.limits[4].used > 0
    assert usage.as_of_time.ToDatetime(UTC) == led.time.now()


async def test_use_that_counts_by_time_says_when_it_begins_anew(led):
    await led.caller("ranking").create()
    resets = {
        each.quota: each.reset_time.ToDatetime(UTC)
        for each in (await usage_of(led)).limits
        if each.HasField("reset_time")
    }
    assert resets["jobs_per_day"] == resets["input_bytes_per_day"] == datetime(2026, 1, 2, tzinfo=UTC)
    assert (resets["creates_per_minute"] - led.time.now()).total_seconds() == 2
    assert resets.keys() == {"jobs_per_day", "input_bytes_per_day", "creates_per_minute"}


async def test_what_is_over_is_not_counted(led):
    """Tokens come back and the day ends without a create that says so."""
    await led.caller("ranking").create()
    await led.time.leap(24 * 3600)
    shown = limits(await usage_of(led))
    assert (shown["creates_per_minute"][1], shown["jobs_per_day"][1], shown["queued_jobs"][1]) == (0, 0, 1)


async def test_rights_are_shown_aliases_among_the_models(led):
    await led.set_policy(lambda policy: policy["aliases"].update(secret="palm-2", pro="gemini-2.5-pro"))
    usage = await usage_of(led)
    assert list(usage.allowed_models) == ["gemini-*", "flash", "pro"]
    assert list(usage.allowed_regions) == ["us-central1", "europe-west4"]
    assert list(usage.source_patterns) == POLICY["teams"]["ranking"]["sources"]
    assert list(usage.destination_patterns) == POLICY["teams"]["ranking"]["destinations"]


async def test_each_pool_shows_what_is_active_and_queued_and_why_it_waits(led):
    caller = led.caller("ranking")
    running, held = await caller.create(), await caller.create(batch_job(priority=90))
    await caller.create()
    await led.move(running.name, State.SUBMITTING)
    await led.advance(1)
    here, there = (await usage_of(led)).pools
    assert (here.pool, here.capacity, here.active, here.queued) == ("corp-ml/us-central1", 4, 1, 2)
    assert here.waiting.reason == pb.TEAM_LIMIT
    assert here.waiting.position == (await caller.get(held.name)).waiting.position == 0
    assert (there.pool, there.capacity, there.active, there.queued) == ("corp-ml/europe-west4", 2, 0, 0)
    assert not there.HasField("waiting")


async def test_each_pool_shows_how_long_the_latest_batch_jobs_waited(led):
    now = led.time.now().timestamp()
    waits = json.dumps([[now, 10.0], [now, 600.0], [now - 60, 50.0], [now - 30 * 24 * 3600, 1.0]])
    share = "INSERT INTO shares (team, pool, waits) VALUES ('ranking', 'corp-ml/us-central1', $1)"
    await led.sql(share, waits)
    here, there = (await usage_of(led)).pools
    assert here.recent_median_wait.ToTimedelta().total_seconds() == 50
    assert not there.HasField("recent_median_wait")


async def test_what_is_open_in_a_pool_that_the_team_has_lost_is_shown_behind(led):
    await led.caller("ranking").create()
    await led.set_policy(lambda policy: policy["pools"].pop(0))
    await led.advance(1)
    there, lost = (await usage_of(led)).pools
    assert (lost.pool, lost.capacity, lost.queued) == ("corp-ml/us-central1", 0, 1)
    assert lost.waiting.reason == pb.POOL_DRAINING
    assert there.pool == "corp-ml/europe-west4"


async def test_other_teams_count_nothing_and_may_not_look(led):
    await led.caller("ranking").create()
    assert limits(await usage_of(led, "search"))["queued_jobs"][1] == 0
    assert (await refusal(usage_of(led, "ranking", "search"))).reason == "TEAM_FORBIDDEN"
    assert (await usage_of(led, "ranking", "operator")).name == "teams/ranking/usage"


async def test_an_operator_is_told_that_there_is_no_such_team_and_nobody_else(led):
    refused = await refusal(usage_of(led, "nobody", "operator"))
    assert (refused.code, refused.reason) == ("NOT_FOUND", "NOT_FOUND")
    assert refused.details["ResourceInfo"].resource_name == "teams/nobody/usage"
    assert (await refusal(usage_of(led, "nobody", "ranking"))).reason == "TEAM_FORBIDDEN"


@pytest.mark.parametrize("name", USAGE_NAMES)
async def test_a_name_of_another_form_is_invalid(gateway, name):
    refused = await refusal(gateway.caller("ranking").call("GetTeamUsage", pb.GetTeamUsageRequest(name=name)))
    assert (refused.reason, refused.fields) == ("INVALID_SPEC", {"name": {"NAME_FORM"}})
