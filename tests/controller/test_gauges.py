"""What operators see of batch jobs and pools."""

from datetime import timedelta

from gateway.policy.model import Counts, Pool
from support.controller import CREATE, OTHER_POOL, POOL, World, policy, team
from vertex_emulator import FaultKind

HERE = {"pool": str(POOL)}


async def test_the_gauges_show_the_whole_picture(world: World) -> None:
    teams = (team("ranking", active=2), team("search", paused=True))
    world.policy.replace(policy(*teams, pools=(Pool(POOL, 3, Counts.ALL), Pool(OTHER_POOL))))
    for _ in range(4):
        await world.create("ranking")
    await world.create("search")
    leader = await world.lead()
    leader.setting.metrics.names.replace(teams=("ranking", "search"), model_label=str)
    await leader.poll()
    await leader.submit()
    world.clone(world.vertex_jobs()[0], lambda message: message.labels.clear())
    await world.advance(60)
    await leader.poll()

    await leader.loops.gauges.run_once()

    assert leader.count("batchjobs_jobs", team="ranking", state="RUNNING", **HERE) == 2
    assert leader.count("batchjobs_jobs", team="ranking", state="QUEUED", **HERE) == 2
    assert leader.count("batchjobs_jobs", team="search", state="QUEUED", **HERE) == 1
    assert leader.count("batchjobs_pool_capacity", **HERE) == 3
    assert leader.count("batchjobs_pool_active", **HERE) == 2
    assert leader.count("batchjobs_pool_others", **HERE) == 1
    assert leader.count("batchjobs_pool_gate_open", **HERE) == 1
    assert leader.count("batchjobs_eligible_queued", **HERE) == 0, "one team is at its limit, the other paused"
    assert leader.count("batchjobs_quota_limit", team="ranking", quota="active_jobs") == 2
    assert leader.count("batchjobs_quota_used", team="ranking", quota="active_jobs") == 2
    assert leader.count("batchjobs_quota_used", team="ranking", quota="queued_jobs") == 2
    assert leader.count("batchjobs_oldest_seconds", state="QUEUED", **HERE) >= 60
    assert leader.count("batchjobs_poll_age_seconds", **HERE) == 0


async def test_what_only_a_slot_keeps_waiting_is_eligible(world: World) -> None:
    world.policy.replace(policy(team("ranking"), team("search", active=2), pools=(Pool(POOL, 1),)))
    for _ in range(3):
        await world.create("ranking")
        await world.create("search")
    leader = await world.lead()
    await leader.submit()
    await leader.loops.gauges.run_once()
    ran = 1
    search = 2 - sum(job.message.labels["batchjobs_team"] == "search" for job in world.vertex_jobs())
    ranking = 3 - (ran if search == 2 else 0)
    assert leader.count("batchjobs_eligible_queued", **HERE) == search + ranking


async def test_ambiguous_submits_are_shown_until_they_are_settled(world: World) -> None:
    await world.create()
    world.fault(CREATE, FaultKind.STATUS, code="UNAVAILABLE")
    leader = await world.lead()
    await leader.submit()
    await leader.scan()
    await leader.loops.gauges.run_once()
    assert leader.count("batchjobs_submits_unresolved", **HERE) == 1

    await world.advance(100)
    await leader.scan()
    await leader.scan()
    await leader.loops.gauges.run_once()
    assert leader.count("batchjobs_submits_unresolved", **HERE) == 0


async def test_a_pool_that_is_not_polled_does_not_look_late(world: World) -> None:
    job = await world.create(max_queue_duration=timedelta(seconds=5))
    leader = await world.lead()
    await leader.poll()
    await world.advance(10)
    await leader.loops.gauges.run_once()
    registry = leader.setting.metrics.registry
    assert registry.get_sample_value("batchjobs_poll_age_seconds", HERE) is not None

    await leader.loops.expire.run_once()
    assert (await world.read(job)).ended
    await leader.loops.gauges.run_once()
    assert registry.get_sample_value("batchjobs_poll_age_seconds", HERE) is None
