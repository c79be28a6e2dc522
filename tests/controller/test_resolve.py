"""Ambiguous creates are settled by looking: what is there is adopted, what is proven absent is sent again."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest

from gateway.controller.bells import Bell
from gateway.domain.batch_job import AttemptOutcome, BatchJob
from gateway.domain.states import State
from gateway.store.database import Database
from support.blocking import team_lock
from support.controller import CREATE, LIST, POOL, T_SECONDS, Replica, World, policy, team
from vertex_emulator import FaultKind

SECOND = timedelta(seconds=1)


async def lose_answer(world: World, **job: Any) -> tuple[BatchJob, Replica]:
    """A batch job whose create was done and never answered."""
    made = await world.create(**job)
    world.fault(CREATE, FaultKind.DROP_ANSWER)
    leader = await world.lead()
    await leader.submit()
    return made, leader


async def lose_request(world: World, times: int | None = 1, **config: Any) -> tuple[BatchJob, Replica]:
    """A batch job whose create never arrived, as far as anybody can know."""
    made = await world.create()
    world.fault(CREATE, FaultKind.STATUS, code="UNAVAILABLE", times=times)
    leader = await world.lead(**config)
    await leader.submit()
    return made, leader


async def test_a_dropped_answer_is_adopted_and_nothing_is_sent_again(world: World) -> None:
    job, leader = await lose_answer(world)

    await leader.submit()
    await world.advance(2 * T_SECONDS)
    await leader.submit()

    row = await world.read(job)
    assert (row.state, row.vertex_name) == (State.PENDING, world.vertex_job(job).name)
    assert row.attempts[0].outcome is AttemptOutcome.FOUND
    assert len(world.calls(CREATE)) == 1
    assert leader.count("batchjobs_submits_resolved_total", how="found") == 1


async def test_what_is_found_ended_is_adopted_as_it_is(world: World) -> None:
    job, leader = await lose_answer(world)
    await world.advance(4000)

    await leader.scan()

    row = await world.read(job)
    assert row.state is State.SUCCEEDED
    assert row.rows
    assert row.output
    assert len(world.calls(CREATE)) == 1


async def test_a_hang_past_the_deadline_is_ambiguous_and_then_proven_absent(world: World) -> None:
    job = await world.create()
    world.fault(CREATE, FaultKind.HANG)
    leader = await world.lead()
    await leader.scan()
    await leader.dispatch()
    await world.called(CREATE)
    await world.advance(20)
    await leader.flights.landed()
    assert await world.state(job) is State.SUBMITTING

    await leader.scan()
    await world.advance(T_SECONDS - 20)
    await leader.scan()
    assert await world.state(job) is State.QUEUED
    await leader.submit()

    row = await world.read(job)
    assert row.state is State.PENDING
    assert [each.outcome for each in row.attempts] == [AttemptOutcome.ABSENT, AttemptOutcome.ACCEPTED]
    assert len({each.id for each in row.attempts}) == 2, "a new attempt has an id of its own"


async def test_a_request_delayed_in_flight_that_lands_within_t_is_the_only_one(world: World) -> None:
    job = await world.create()
    world.fault(CREATE, FaultKind.IN_FLIGHT, seconds=T_SECONDS - 10, code="UNAVAILABLE")
    leader = await world.lead()
    await leader.submit()
    for _ in range(9):
        await world.advance(10)
        await leader.submit()
    await world.advance(5)
    await leader.submit()

    assert (await world.read(job)).vertex_name == world.vertex_job(job).name
    assert len(world.calls(CREATE)) == 1


async def test_absence_needs_a_scan_begun_after_t(world: World) -> None:
    job, leader = await lose_request(world)
    for _ in range(5):
        await leader.scan()
        await world.advance(T_SECONDS / 5 - 0.01)
    await leader.scan()
    assert await world.state(job) is State.SUBMITTING

    await world.advance(1)
    await leader.scan()
    assert await world.state(job) is State.QUEUED


async def test_absence_needs_two_scans(world: World) -> None:
    job, leader = await lose_request(world)
    await world.advance(2 * T_SECONDS)

    await leader.scan()
    assert await world.state(job) is State.SUBMITTING

    await leader.scan()
    assert await world.state(job) is State.QUEUED


async def test_a_scan_with_a_failed_page_proves_nothing(world: World) -> None:
    job, leader = await lose_request(world)
    await world.advance(2 * T_SECONDS)
    await leader.scan()
    world.fault(LIST, FaultKind.STATUS, code="UNAVAILABLE")

    await leader.scan()

    assert await world.state(job) is State.SUBMITTING
    await leader.scan()
    assert await world.state(job) is State.QUEUED


async def test_another_leaders_scans_do_not_count(world: World) -> None:
    job, first = await lose_request(world)
    await world.advance(2 * T_SECONDS)
    await first.scan()

    second = await world.usurp()
    await second.scan()

    assert await world.state(job) is State.SUBMITTING


async def test_a_list_that_lags_hides_nothing_from_the_proof(world: World) -> None:
    """Vertex shows the job only sixty seconds after it was made: the scans before that must not add up to absence."""
    world.fault(LIST, FaultKind.LIST_LAG, seconds=60, times=None)
    job, leader = await lose_answer(world)
    for _ in range(11):
        await leader.scan()
        await leader.dispatch()
        await world.advance(10)

    assert (await world.read(job)).vertex_name == world.vertex_job(job).name
    assert len(world.calls(CREATE)) == 1


async def test_after_eight_attempts_proven_absent_it_fails(world: World) -> None:
    job, leader = await lose_request(world, times=None)
    for turn in range(8):
        row = await world.read(job)
        assert (row.state, row.attempt_count) == (State.SUBMITTING, turn + 1)
        await leader.scan()
        await world.advance(T_SECONDS)
        await leader.scan()
        await leader.poll()
        await leader.submit()

    row = await world.read(job)
    assert (row.state, row.transitions[-1].reason) == (State.FAILED, "SUBMIT_UNRESOLVED")
    assert row.error
    assert row.end_time
    assert len(world.calls(CREATE)) == 8
    assert leader.count("batchjobs_submits_resolved_total", how="absent") == 7
    assert leader.count("batchjobs_submits_resolved_total", how="given_up") == 1


async def test_an_ambiguous_create_keeps_its_slot(world: World) -> None:
    """Eight slots, all of them ambiguous: the ninth batch job waits until it is known that one of them is free."""
    for _ in range(9):
        await world.create()
    world.fault(CREATE, FaultKind.STATUS, code="UNAVAILABLE", times=8)
    leader = await world.lead(submits_in_flight=8)
    await leader.submit()
    await leader.submit()
    await leader.submit()

    assert len(world.calls(CREATE)) == 8


async def test_a_list_opens_the_gate_for_others_while_one_is_ambiguous(world: World) -> None:
    await lose_request(world)
    other = await world.create()
    leader = await world.usurp()
    await world.advance(1)
    await leader.submit()
    assert await world.state(other) is State.PENDING


async def crash(world: World) -> BatchJob:
    """A leader that dies between step 1 and step 3; its create was done."""
    job = await world.create()
    world.fault(CREATE, FaultKind.LATE_ANSWER, seconds=1000)
    leader = await world.lead()
    await leader.scan()
    await leader.dispatch()
    await world.emulator.calls.wait_for(lambda call: call.method == CREATE and call.took_effect is not None)
    await leader.flights.abandon()
    return job


async def test_after_a_crash_between_step_1_and_3_the_next_leader_adopts(world: World) -> None:
    job = await crash(world)
    assert await world.state(job) is State.SUBMITTING

    second = await world.usurp()
    await second.submit()

    assert (await world.read(job)).vertex_name == world.vertex_job(job).name
    assert len(world.calls(CREATE)) == 1


async def test_what_an_earlier_leader_left_closes_the_gate_until_a_list_succeeds(world: World) -> None:
    await crash(world)
    world.fault(LIST, FaultKind.STATUS, code="UNAVAILABLE", times=None)
    await world.create()

    second = await world.usurp()
    await second.submit()
    await second.submit()

    assert not second.term.state(POOL).gate_open
    assert second.term.state(POOL).last_ambiguous_time is not None
    assert len(world.calls(CREATE)) == 1


async def test_a_commit_of_step_1_with_unknown_outcome_is_never_sent(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    from gateway.store.dispatches import Dispatches
    from gateway.store.errors import CommitUnknownError

    job = await world.create()
    leader = await world.lead()
    await leader.scan()
    original = Dispatches.take

    async def take(self: Dispatches, order: Any) -> Any:
        await original(self, order)
        raise CommitUnknownError("the answer to COMMIT never came")

    monkeypatch.setattr(Dispatches, "take", take)
    await leader.dispatch()
    await leader.flights.landed()
    monkeypatch.undo()

    assert await world.state(job) is State.SUBMITTING
    assert world.calls(CREATE) == []
    await leader.scan()
    await world.advance(T_SECONDS)
    await leader.scan()
    await leader.submit()
    assert await world.state(job) is State.PENDING
    assert len(world.calls(CREATE)) == 1


async def test_a_later_attempt_comes_after_a_scan(world: World) -> None:
    """The first attempt was refused, says Vertex; if it is there all the same, the scan finds it."""
    job = await world.create()
    world.fault(CREATE, FaultKind.STATUS, code="RESOURCE_EXHAUSTED")
    leader = await world.lead()
    await leader.submit()
    assert await world.state(job) is State.QUEUED
    world.land(world.calls(CREATE)[0])
    await world.advance(60)

    await leader.dispatch()
    await leader.flights.landed()
    assert len(world.calls(CREATE)) == 1, "no scan has been made since"
    await leader.submit()

    row = await world.read(job)
    assert (row.vertex_name, row.attempt_count) == (world.vertex_job(job).name, 1)
    assert len(world.calls(CREATE)) == 1


async def test_a_new_leaders_first_submit_in_a_pool_comes_after_a_scan(world: World) -> None:
    job = await world.create()
    leader = await world.lead()

    await leader.dispatch()
    await leader.flights.landed()
    assert world.calls(CREATE) == []

    await leader.submit()
    assert await world.state(job) is State.PENDING


@pytest.mark.parametrize("ended", [False, True])
async def test_a_row_restored_to_before_its_attempt_adopts_what_it_made(world: World, ended: bool) -> None:
    """The backup is from before the dispatch: queued, no attempt known, and its Vertex job is there."""
    job = await world.create()
    await (await world.lead()).submit()
    await restore(world, job)
    await world.advance(4000 if ended else 10)

    second = await world.usurp()
    await second.submit()

    row = await world.read(job)
    assert row.state is (State.SUCCEEDED if ended else State.RUNNING)
    assert row.vertex_name == world.vertex_job(job).name
    assert len(world.calls(CREATE)) == 1


async def restore(world: World, job: BatchJob) -> None:
    """Put the row back to what it was when it was created."""
    from support.database import run_sql

    await run_sql(
        world.url,
        "UPDATE batch_jobs SET state = 'QUEUED', attempt_count = 0, attempts = '[]', vertex_name = '',"
        " vertex_update_time = NULL, submit_time = NULL WHERE id = $1",
        job.id,
    )


@pytest.mark.parametrize(
    "change",
    [
        lambda message: message.labels.update(batchjobs_attempt="deadbeef"),
        lambda message: message.labels.update(batchjobs_team="search"),
        lambda message: message.labels.update(batchjobs_gateway="other"),
        lambda message: setattr(message, "model", "publishers/google/models/gemini-2.5-pro"),
        lambda message: message.input_config.gcs_source.uris.__setitem__(0, "gs://ranking-in/other.jsonl"),
        lambda message: setattr(message.output_config.gcs_destination, "output_uri_prefix", "gs://ranking-out/other"),
    ],
)
async def test_a_clone_from_the_console_is_not_adopted(world: World, change: Any) -> None:
    """Labels and all, but not what a create of ours for this row would have said."""
    made = await world.create()
    leader = await world.lead()
    await leader.submit()
    original = world.vertex_job(made)
    job, second = await lose_request_of_another(world, leader)
    labels = {"batchjobs_id": str(job.id), "batchjobs_attempt": (await world.read(job)).attempts[0].id}

    def clone(message: Any) -> None:
        message.labels.update(labels)
        change(message)

    copy = world.clone(original, clone)
    await second.scan()
    await world.advance(T_SECONDS)
    await second.scan()

    assert await world.state(job) is State.QUEUED
    assert not copy.ended
    assert leader.count("batchjobs_duplicates_total") == 0


async def lose_request_of_another(world: World, leader: Replica) -> tuple[BatchJob, Replica]:
    job = await world.create()
    world.fault(CREATE, FaultKind.STATUS, code="UNAVAILABLE")
    await leader.submit()
    return job, leader


async def test_the_scan_reaches_back_for_clocks_that_differ(world: World) -> None:
    """Vertex's clock may be behind the store's: its job then seems older than the attempt that made it."""
    job, leader = await lose_answer(world)
    message = world.vertex_job(job).message
    message.create_time.FromDatetime(world.time.now().replace(tzinfo=None) - (5 * 60 - 1) * SECOND)
    world.vertex_job(job).create_time = message.create_time.ToDatetime(tzinfo=world.time.now().tzinfo)

    await leader.scan()

    assert await world.state(job) is State.PENDING


async def test_a_pool_that_hangs_holds_up_no_other(world: World) -> None:
    from support.controller import OTHER_POOL

    here, there = await world.create(), await world.create(pool=OTHER_POOL)
    world.fault(LIST, FaultKind.HANG, region=POOL.region)
    leader = await world.lead()
    ready = asyncio.Event()
    leader.term.bells.hang(Bell.DISPATCH, lambda _: ready.set())
    scanning = asyncio.ensure_future(leader.scan())
    await ready.wait()

    await leader.dispatch()
    await leader.flights.landed()

    assert await world.state(there) is State.PENDING
    assert await world.state(here) is State.QUEUED
    await world.advance(20)
    await scanning


async def test_one_that_cannot_be_adopted_now_voids_no_scan_and_is_not_sent_again(world: World) -> None:
    """Its team is locked for longer than the controller waits. Others of the pool go on."""
    world.policy.replace(policy(team("ranking"), team("search")))
    job = await world.create("ranking")
    await (await world.lead()).submit()
    await restore(world, job)
    other = await world.create("search")
    impatient = await Database.open(world.url)
    second = await world.usurp(database=impatient)

    async with team_lock(world.url, "ranking"):
        await second.scan()
    assert await world.state(job) is State.QUEUED
    await second.dispatch()
    await second.flights.landed()
    assert await world.state(other) is State.PENDING
    assert len(world.calls(CREATE)) == 2

    await second.submit()
    assert (await world.read(job)).vertex_name == world.vertex_job(job).name
    assert len(world.calls(CREATE)) == 2
    await impatient.close()
