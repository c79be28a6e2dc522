"""Who gets a slot, and what the policy in force allows."""

import asyncio
from dataclasses import replace

import pytest

from gateway.controller.bells import Bell
from gateway.domain.batch_job import PoolId
from gateway.domain.states import State
from gateway.policy.model import Mode, Pool, Quota, Quotas
from gateway.store.database import Database
from support.blocking import team_lock
from support.controller import CANCEL, CREATE, LIST, OTHER_POOL, POOL, World, policy, team
from vertex_emulator import FaultKind


def pools(capacity: int, other: int = 8) -> tuple[Pool, Pool]:
    return (Pool(POOL, capacity=capacity), Pool(OTHER_POOL, capacity=other))


async def test_a_pools_capacity_is_never_exceeded(world: World) -> None:
    world.policy.replace(policy(pools=pools(3)))
    for _ in range(6):
        await world.create()
    leader = await world.lead()
    for _ in range(4):
        await leader.submit()
        await leader.poll()
    assert len(world.vertex_jobs()) == 3


async def test_a_slot_that_comes_free_is_taken_again(world: World) -> None:
    world.policy.replace(policy(pools=pools(1)))
    first, second = await world.create(), await world.create()
    leader = await world.lead()
    await leader.submit()
    assert await world.state(second) is State.QUEUED

    await world.advance(4000)
    await leader.poll()
    await leader.submit()

    assert (await world.state(first), await world.state(second)) == (State.SUCCEEDED, State.PENDING)


async def test_a_shrunk_pool_starts_nothing_until_it_fits(world: World) -> None:
    jobs = [await world.create() for _ in range(5)]
    world.policy.replace(policy(pools=pools(4)))
    leader = await world.lead()
    await leader.submit()
    world.policy.replace(policy(pools=pools(2)))
    for count, job in enumerate(jobs[:3]):
        await leader.submit()
        assert await world.state(jobs[4]) is State.QUEUED, f"{4 - count} still run"
        await world.want_cancel(job)
        await leader.loops.cancel.run_once()
        await world.advance(10)
        await leader.poll()

    await leader.submit()
    assert await world.state(jobs[4]) is State.PENDING


async def test_a_teams_limit_is_over_all_pools(world: World) -> None:
    world.policy.replace(policy(team("ranking", active=3)))
    for turn in range(6):
        await world.create(pool=(POOL, OTHER_POOL)[turn % 2])
    leader = await world.lead()
    for _ in range(3):
        await leader.submit()
    assert len(world.vertex_jobs()) == 3


async def test_a_limit_in_shadow_limits_nothing(world: World) -> None:
    quotas = Quotas(active_jobs=Quota(1, Mode.SHADOW))
    world.policy.replace(policy(team("ranking", quotas=quotas)))
    for _ in range(3):
        await world.create()
    leader = await world.lead()
    await leader.submit()
    assert len(world.vertex_jobs()) == 3


async def test_a_team_at_its_limit_delays_nobody(world: World) -> None:
    world.policy.replace(policy(team("ranking", active=1), team("search")))
    for _ in range(3):
        await world.create("ranking")
    others = [await world.create("search") for _ in range(3)]
    leader = await world.lead(submits_in_flight=8)
    await leader.submit()
    assert {await world.state(job) for job in others} == {State.PENDING}


async def test_slots_are_shared_by_weight(world: World) -> None:
    world.policy.replace(policy(team("ranking", weight=3), team("search"), pools=pools(8)))
    for _ in range(8):
        await world.create("ranking")
        await world.create("search")
    leader = await world.lead(submits_in_flight=8)
    await leader.submit()
    teams = [job.message.labels["batchjobs_team"] for job in world.vertex_jobs()]
    assert (teams.count("ranking"), teams.count("search")) == (6, 2)


async def test_a_paused_team_is_held(world: World) -> None:
    world.policy.replace(policy(team("ranking", paused=True)))
    job = await world.create()
    leader = await world.lead()
    await leader.submit()
    assert await world.state(job) is State.QUEUED


async def test_a_pool_of_capacity_0_is_drained(world: World) -> None:
    running = await world.create()
    leader = await world.lead()
    await leader.submit()
    world.policy.replace(policy(pools=pools(0)))
    waiting = await world.create()
    await leader.submit()
    await world.advance(4000)
    await leader.poll()
    await leader.submit()
    assert (await world.state(running), await world.state(waiting)) == (State.SUCCEEDED, State.QUEUED)
    assert leader.term.state(POOL).capacity == 0


async def test_a_removed_pool_is_polled_and_cancelled_in_until_it_is_empty(world: World) -> None:
    running, unwanted = await world.create(), await world.create()
    leader = await world.lead()
    await leader.submit()
    world.policy.replace(policy(pools=(Pool(OTHER_POOL),)))
    waiting = await world.create()
    await world.want_cancel(unwanted)

    second = await world.usurp()
    await second.submit()
    await second.loops.cancel.run_once()
    await world.advance(4000)
    await second.poll()

    states = [await world.state(job) for job in (running, unwanted, waiting)]
    assert states == [State.SUCCEEDED, State.CANCELLED, State.QUEUED]
    assert len(world.calls(CANCEL)) == 1


async def test_a_removed_team_is_held_and_what_runs_is_followed_to_its_end(world: World) -> None:
    running = await world.create()
    leader = await world.lead()
    await leader.submit()
    waiting = await world.create()
    world.policy.replace(policy(team("search")))

    await leader.submit()
    await world.advance(4000)
    await leader.poll()

    assert (await world.state(running), await world.state(waiting)) == (State.SUCCEEDED, State.QUEUED)


async def test_each_attempt_records_what_it_went_by(world: World) -> None:
    world.policy.replace(policy(team("ranking", active=5), pools=pools(7), hash="feedfeedfeedfeed"))
    job = await world.create()
    leader = await world.lead()
    await leader.submit()
    (attempt,) = (await world.read(job)).attempts
    assert (attempt.term, attempt.policy_hash) == (leader.leadership.term, "feedfeedfeedfeed")
    assert (attempt.capacity, attempt.team_limit) == (7, 5)


async def test_a_locked_team_delays_no_other(world: World) -> None:
    world.policy.replace(policy(team("ranking"), team("search")))
    held, free = await world.create("ranking"), await world.create("search")
    impatient = await Database.open(world.url)
    leader = await world.lead(database=impatient)
    await leader.scan()

    async with team_lock(world.url, "ranking"):
        await leader.dispatch()
        await leader.flights.landed()
        assert await world.state(free) is State.PENDING
        assert await world.state(held) is State.QUEUED

    await leader.submit()
    assert await world.state(held) is State.PENDING
    await impatient.close()


async def test_everything_that_may_run_runs(world: World) -> None:
    """No free slot while an eligible batch job waits: across teams, pools, and more than one pass."""
    world.policy.replace(policy(team("ranking", active=6), team("search", weight=0.5), pools=pools(5, 4)))
    for turn in range(20):
        await world.create(("ranking", "search")[turn % 2], pool=(POOL, OTHER_POOL)[turn % 3 % 2])
    leader = await world.lead()
    for _ in range(6):
        await leader.submit()
    counts = {region: sum(job.place.region == region for job in world.vertex_jobs()) for region in regions()}
    assert counts == {POOL.region: 5, OTHER_POOL.region: 4}


def regions() -> list[str]:
    return [POOL.region, OTHER_POOL.region]


@pytest.mark.parametrize("lost", [0, 2])
async def test_two_leaders_at_once_never_exceed_a_pool(world: World, lost: int) -> None:
    """One was taken over and does not know: both dispatch at once."""
    world.policy.replace(policy(pools=pools(4)))
    for _ in range(10):
        await world.create()
    if lost:
        world.fault(CREATE, FaultKind.STATUS, code="UNAVAILABLE", times=lost)
    first = await world.lead()
    await first.scan()
    second = await world.usurp()
    await second.scan()
    await asyncio.gather(*(each.loops.dispatch.run_once() for each in (first, second)), return_exceptions=True)
    for each in (first, second):
        await each.flights.landed()
    await second.submit()

    snapshot = await second.setting.store.dispatches.snapshot({})
    assert snapshot.active_in(POOL) == 4
    assert len(world.calls(CREATE)) == 4


async def test_the_pool_of_a_batch_job_may_be_in_another_project(world: World) -> None:
    other = PoolId("corp-lab", POOL.region)
    world.policy.replace(policy(team("ranking", pools=(POOL, other)), pools=(Pool(POOL), Pool(other))))
    job = await world.create(pool=other)
    leader = await world.lead()
    await leader.submit()
    assert world.calls(CREATE)[0].request.parent == f"projects/corp-lab/locations/{POOL.region}"
    assert (await world.read(job)).vertex_name


async def test_a_limit_that_was_lowered_holds_for_the_next_dispatch(world: World) -> None:
    world.policy.replace(policy(team("ranking", active=4)))
    for _ in range(6):
        await world.create()
    leader = await world.lead()
    await leader.submit()
    world.policy.replace(replace(policy(team("ranking", active=2)), hash="0000000000000000"))
    await leader.submit()
    assert len(world.vertex_jobs()) == 4


async def test_a_pool_that_was_not_scanned_yet_is_scanned_at_once_if_something_waits_for_it(world: World) -> None:
    """Else the first batch job of a pool would wait for a timer."""
    leader, rung = await world.lead(), list[PoolId | None]()
    leader.term.bells.hang(Bell.RESOLVE, rung.append)
    await leader.dispatch()
    assert not rung
    await world.create()
    await leader.dispatch()
    assert rung == [POOL]


async def test_a_pool_whose_scan_failed_is_scanned_again_in_its_own_time(world: World) -> None:
    leader, rung = await world.lead(), list[PoolId | None]()
    await world.create()
    world.fault(LIST, FaultKind.STATUS, code="UNAVAILABLE")
    await leader.scan()
    leader.term.bells.hang(Bell.RESOLVE, rung.append)
    await leader.dispatch()
    assert not rung
