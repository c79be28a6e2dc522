"""Why a queued batch job waits: the reason and the place in its pool's order."""

from datetime import UTC, datetime

import pytest

from batchjobs.v1 import batch_jobs_pb2 as pb
from gateway.domain.batch_job import PoolId
from gateway.domain.fair_share import Contender, Head, PoolSnapshot, TeamSnapshot
from gateway.domain.shares import Share, Standing
from gateway.domain.states import State
from gateway.policy.model import Mode, Policy, Pool, Quota, Quotas, TeamPolicy
from gateway.service.waiting import look_ahead, pool_snapshots, team_snapshots
from gateway.store.model import PoolState
from support.caller import batch_job

POOL = PoolId("corp-ml", "us-central1")
POLICY = Policy(
    hash="0" * 16,
    pools={POOL: Pool(POOL, capacity=5)},
    teams={
        "ranking": TeamPolicy("ranking", weight=3, quotas=Quotas(active_jobs=Quota(2)), paused=True),
        "search": TeamPolicy("search", quotas=Quotas(active_jobs=Quota(2, Mode.SHADOW))),
    },
)


def snapshots(states):
    """With two batch jobs active in the pool."""
    return pool_snapshots(POLICY, states, [Contender(POOL, "ranking", Share(), backlogged=True, active=2)])


def test_a_pool_is_as_its_leader_last_wrote_about_it():
    written = datetime(2026, 1, 1, tzinfo=UTC)
    state = PoolState(POOL, capacity=3, gate_open=False, others=1, strays=2, update_time=written)
    assert snapshots({POOL: state}) == {POOL: PoolSnapshot(POOL, 3, 2, others=1, strays=2, gate_open=False)}


def test_before_a_leader_has_written_a_pool_is_as_the_policy_says():
    assert snapshots({}) == {POOL: PoolSnapshot(POOL, 5, 2)}


def test_a_pool_that_the_policy_dropped_is_none():
    assert PoolId("gone", "us-central1") not in snapshots({})


def test_a_limit_in_shadow_mode_holds_nobody():
    teams = team_snapshots(POLICY, {"ranking": 2, "search": 9})
    assert (teams["ranking"].limit, teams["ranking"].active, teams["ranking"].paused) == (2, 2, True)
    assert (teams["search"].limit, teams["search"].has_room) == (None, True)


def test_what_a_team_at_its_limit_is_next_for_in_another_pool_counts_in_the_explanation():
    """Its last slot is kept for the older batch job there, so that here the other team goes first."""
    elsewhere, time = PoolId("corp-ml", "europe-west4"), datetime(2026, 1, 1, tzinfo=UTC)
    pools = {POOL: PoolSnapshot(POOL, 1, 0), elsewhere: PoolSnapshot(elsewhere, 1, 1)}
    teams = {name: TeamSnapshot(name, 1, 0, limit) for name, limit in (("ranking", 1), ("search", None))}
    shares = {name: Share(service, 60.0, Standing.CONTENDING) for name, service in (("ranking", 0), ("search", 500))}
    queues = (("ranking", POOL, 2), ("ranking", elsewhere, 1), ("search", POOL, 3))
    contenders = tuple(
        Contender(pool, name, shares[name], backlogged=True, heads=(Head(number, 50, time),))
        for name, pool, number in queues
    )
    choices, coming = look_ahead(POOL, pools, teams, contenders)
    assert [choice.head.id for choice in choices] == [3, 2]
    assert coming.taken == {3}


@pytest.fixture
async def led(start_gateway):
    """A gateway whose store shows a leader that has written about no pool yet."""
    gateway = await start_gateway(role="api", driven=True)
    await gateway.lead()
    return gateway


async def waiting(gateway, name: str) -> pb.BatchJob.Waiting:
    """The reason as of now: a second later nothing older is answered."""
    await gateway.advance(1)
    return (await gateway.caller(name.split("/")[1]).get(name)).waiting


async def test_positions_follow_the_order_of_dispatch(led):
    caller = led.caller("ranking")
    first, second = await caller.create(), await caller.create()
    urgent = await caller.create(batch_job(priority=90))
    positions = [(await waiting(led, job.name)).position for job in (urgent, first, second)]
    assert positions == [0, 1, 2]


async def test_a_free_slot_is_the_reason_to_expect_the_next_pass_and_a_taken_one_is_a_full_pool(led):
    await led.set_policy(lambda policy: policy["pools"][0].update(capacity=1))
    first, second = await led.caller("ranking").create(), await led.caller("ranking").create()
    assert (await waiting(led, first.name)).reason == pb.DISPATCHING
    assert (await waiting(led, second.name)).reason == pb.POOL_FULL
    await led.move(first.name, State.SUBMITTING)
    told = await waiting(led, second.name)
    assert (told.reason, told.position) == (pb.POOL_FULL, 0)


async def test_answers_of_creates_within_one_look_do_not_claim_a_full_pool(led):
    created = [await led.caller("ranking").create() for _ in range(2)]
    validated = await led.caller("ranking").create(validate_only=True)
    assert [job.waiting.reason for job in (*created, validated)] == [pb.DISPATCHING] * 3


async def test_a_team_at_its_limit_is_the_reason(led):
    await led.set_policy(lambda policy: policy["teams"]["ranking"].update(quotas={"active_jobs": 1}))
    running, held = await led.caller("ranking").create(), await led.caller("ranking").create()
    await led.move(running.name, State.SUBMITTING)
    assert (await waiting(led, held.name)).reason == pb.TEAM_LIMIT


async def test_a_paused_team_is_the_reason_and_it_has_no_place(led):
    job = await led.caller("ranking").create()
    await led.set_policy(lambda policy: policy["teams"]["ranking"].update(paused=True))
    told = await waiting(led, job.name)
    assert told.reason == pb.TEAM_PAUSED
    assert not told.HasField("position")


async def test_a_pool_without_capacity_drains(led):
    job = await led.caller("ranking").create()
    await led.set_policy(lambda policy: policy["pools"][0].update(capacity=0))
    assert (await waiting(led, job.name)).reason == pb.POOL_DRAINING


async def test_a_pool_that_left_the_policy_drains(led):
    job = await led.caller("ranking").create()
    await led.set_policy(lambda policy: policy["pools"].pop(0))
    assert (await waiting(led, job.name)).reason == pb.POOL_DRAINING


async def test_a_removed_teams_batch_jobs_are_held_and_operators_see_why(led):
    job = await led.caller("ranking").create()
    await led.set_policy(lambda policy: policy["teams"].pop("ranking"))
    await led.advance(1)
    shown = await led.caller("operator", "ranking").get(job.name)
    assert shown.waiting.reason == pb.TEAM_REMOVED


async def test_without_a_leader_that_is_the_reason(start_gateway):
    gateway = await start_gateway(role="api", driven=True)
    job = await gateway.caller("ranking").create()
    assert (await waiting(gateway, job.name)).reason == pb.NO_LEADER


async def test_a_pools_order_is_worked_out_at_most_once_a_second(led, monkeypatch):
    explainer = led.app.use_cases.get._explainer
    job = await led.caller("ranking").create()
    await led.advance(1)
    asked = []
    contenders = explainer._reads.contenders

    async def counted(pool, limit):
        asked.append(pool)
        return await contenders(pool, limit)

    monkeypatch.setattr(explainer._reads, "contenders", counted)
    for _ in range(5):
        await led.caller("ranking").get(job.name)
    assert len(asked) == 1
    await led.advance(1)
    await led.caller("ranking").get(job.name)
    assert len(asked) == 2
