"""What waits in the queue for too long expires there; what was dispatched in time does not."""

from datetime import timedelta

from gateway.domain.states import State
from support.controller import T_SECONDS, World, policy, team


async def test_a_queue_deadline_ends_what_still_waits(world: World) -> None:
    job = await world.create(max_queue_duration=timedelta(minutes=5))
    patient = await world.create()
    leader = await world.lead()
    await world.advance(299)
    await leader.loops.expire.run_once()
    assert await world.state(job) is State.QUEUED

    await world.advance(1)
    await leader.loops.expire.run_once()

    row = await world.read(job)
    assert (row.state, row.end_time) == (State.EXPIRED, world.time.now())
    assert row.expire_time == world.time.now() + timedelta(days=30)
    assert await world.state(patient) is State.QUEUED


async def test_what_runs_does_not_expire(world: World) -> None:
    job = await world.create(max_queue_duration=timedelta(minutes=5))
    leader = await world.lead()
    await leader.submit()
    await world.advance(3 * T_SECONDS + 300)
    await leader.loops.expire.run_once()
    assert await world.state(job) is State.PENDING


async def test_the_queue_of_a_removed_team_expires_and_is_kept_for_the_default_time(world: World) -> None:
    job = await world.create(max_queue_duration=timedelta(minutes=5))
    world.policy.replace(policy(team("search")))
    leader = await world.lead()
    await leader.submit()
    assert await world.state(job) is State.QUEUED
    await world.advance(300)
    await leader.loops.expire.run_once()

    row = await world.read(job)
    assert row.state is State.EXPIRED
    assert row.expire_time == world.time.now() + timedelta(days=30)


async def test_the_teams_own_retention_counts(world: World) -> None:
    world.policy.replace(policy(team("ranking", retention=timedelta(days=3))))
    job = await world.create(max_queue_duration=timedelta(minutes=5))
    leader = await world.lead()
    await world.advance(300)
    await leader.loops.expire.run_once()
    assert (await world.read(job)).expire_time == world.time.now() + timedelta(days=3)
