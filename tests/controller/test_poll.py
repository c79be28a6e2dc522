"""What runs is followed by one list a pool; what is missing from it is asked for by name."""

from typing import Any

from gateway.cloud.vertex_wire import running_filter
from gateway.domain.batch_job import BatchJob
from gateway.domain.states import State
from gateway.policy.model import Counts, Pool
from support.controller import CREATE, GET, LIST, OTHER_POOL, POOL, T_SECONDS, Replica, World, policy
from vertex_emulator import FaultKind


async def running(world: World, count: int = 1, **config: Any) -> tuple[list[BatchJob], Replica]:
    """Batch jobs that Vertex runs, and their leader."""
    jobs = [await world.create() for _ in range(count)]
    leader = await world.lead(**config)
    await leader.poll()
    await leader.submit()
    await world.advance(10)
    return jobs, leader


async def test_one_list_serves_the_whole_pool(world: World) -> None:
    jobs, leader = await running(world, 4)
    world.emulator.calls.clear()

    await leader.poll()

    assert {await world.state(job) for job in jobs} == {State.RUNNING}
    assert [call.request.filter for call in world.calls(LIST)] == [running_filter()]
    assert world.calls(GET) == []


async def test_an_end_is_recorded_with_everything_vertex_says(world: World) -> None:
    (job,), leader = await running(world)
    await world.advance(4000)

    await leader.poll()

    row = await world.read(job)
    message = world.vertex_job(job).message
    assert row.state is State.SUCCEEDED
    assert row.rows
    assert row.rows.succeeded == 3
    assert row.output
    assert row.output.gcs_directory == message.output_info.gcs_output_directory
    assert row.end_time == world.time.now()
    assert row.vertex_end_time == message.end_time.ToDatetime(job.create_time.tzinfo)
    assert len(world.calls(GET)) == 1


async def test_a_vertex_job_deleted_by_hand_frees_its_slot(world: World) -> None:
    (job,), leader = await running(world)
    world.emulator.jobs.remove(world.vertex_job(job))

    await leader.poll()
    assert await world.state(job) is State.PENDING, "not settled: it may yet show up"
    await world.advance(T_SECONDS)
    await leader.poll()

    row = await world.read(job)
    assert (row.state, row.transitions[-1].reason) == (State.FAILED, "VERTEX_JOB_GONE")
    assert row.error
    assert row.error.code == 5
    snapshot = await leader.setting.store.dispatches.snapshot({})
    assert snapshot.active_in(POOL) == 0


async def test_a_list_that_lags_ends_nothing(world: World) -> None:
    world.fault(LIST, FaultKind.LIST_LAG, seconds=60, times=None)
    (job,), leader = await running(world)

    await leader.poll()

    assert await world.state(job) is State.RUNNING


async def test_an_older_answer_moves_nothing_back(world: World) -> None:
    """A get from before overtakes the list: RUNNING must not become PENDING, nor its facts older ones."""
    (job,), leader = await running(world)
    await leader.poll()
    before = await world.read(job)
    message = world.vertex_job(job).message
    newer = message.update_time.ToDatetime()
    message.state = 2
    message.completion_stats.successful_count = 1
    message.update_time.FromDatetime(newer.replace(year=2025))

    await leader.poll()

    assert before.state is State.RUNNING
    assert await world.read(job) == before


async def test_cancelling_on_vertex_without_a_wish_keeps_the_last_state(world: World) -> None:
    (job,), leader = await running(world)
    await leader.poll()
    world.vertex_job(job).message.state = 6

    await leader.poll()

    row = await world.read(job)
    assert (row.state, row.shown_state) == (State.RUNNING, State.RUNNING)


async def test_nothing_new_makes_no_revision(world: World) -> None:
    (job,), leader = await running(world)
    await leader.poll()
    before = await world.read(job)
    await world.advance(10)
    await leader.poll()
    assert await world.read(job) == before


async def test_a_failed_page_ends_nothing(world: World) -> None:
    (job,), leader = await running(world)
    await world.advance(4000)
    world.fault(LIST, FaultKind.STATUS, code="UNAVAILABLE")

    await leader.poll()

    assert await world.state(job) is State.PENDING
    assert world.calls(GET) == []


async def test_one_that_cannot_be_read_stops_no_other(world: World) -> None:
    (bad, good), leader = await running(world, 2)
    await world.advance(4000)
    world.fault(GET, FaultKind.STATUS, code="INTERNAL", resource=f"*{world.vertex_job(bad).id}", times=None)

    await leader.poll()

    assert await world.state(good) is State.SUCCEEDED
    assert await world.state(bad) is State.PENDING


async def test_where_nothing_is_open_nothing_is_listed(world: World) -> None:
    leader = await world.lead()
    await leader.poll()
    assert world.calls(LIST) == []


async def test_after_an_ambiguous_submit_a_pool_is_listed_for_twice_t(world: World) -> None:
    """What lands late must be seen, and takes room until it is gone, though nothing is open any more."""
    job = await world.create()
    world.fault(CREATE, FaultKind.STATUS, code="UNAVAILABLE")
    leader = await world.lead()
    await leader.submit()
    await world.want_cancel(job)
    await leader.scan()
    await world.advance(T_SECONDS)
    await leader.scan()
    assert await world.state(job) is State.CANCELLED
    world.emulator.calls.clear()

    await world.advance(T_SECONDS - 10)
    await leader.poll()
    assert len(world.calls(LIST)) == 1
    await world.advance(20)
    await leader.poll()
    assert len(world.calls(LIST)) == 1


async def test_others_are_counted_where_they_take_room(world: World) -> None:
    world.policy.replace(policy(pools=(Pool(POOL, capacity=3, counts=Counts.ALL), Pool(OTHER_POOL))))
    (first,), leader = await running(world)
    for _ in range(2):
        world.clone(world.vertex_job(first), lambda message: message.labels.clear())
    second = await world.create()

    await leader.poll()
    await leader.submit()

    assert leader.term.state(POOL).others == 2
    assert await world.state(second) is State.QUEUED


async def test_others_do_not_count_where_only_ours_do(world: World) -> None:
    world.policy.replace(policy(pools=(Pool(POOL, capacity=2), Pool(OTHER_POOL))))
    (first,), leader = await running(world)
    world.clone(world.vertex_job(first), lambda message: message.labels.clear())
    second = await world.create()

    await leader.poll()
    await leader.submit()

    assert leader.term.state(POOL).others == 0
    assert await world.state(second) is State.PENDING


async def test_a_pool_that_others_share_is_not_used_on_an_old_list(world: World) -> None:
    world.policy.replace(policy(pools=(Pool(POOL, counts=Counts.ALL), Pool(OTHER_POOL))))
    job = await world.create()
    leader = await world.lead()
    await leader.poll()
    await world.advance(11)

    await leader.submit()
    assert await world.state(job) is State.QUEUED

    await leader.poll()
    await leader.submit()
    assert await world.state(job) is State.PENDING
