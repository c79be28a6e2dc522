"""A create is sent once, in time, by who leads; its name is recorded whoever leads by then."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from gateway.domain.batch_job import AttemptOutcome, BatchJob
from gateway.domain.states import State
from gateway.store.changes import Changes
from gateway.store.dispatches import Dispatches
from gateway.store.errors import CommitUnknownError, LeaseLostError, StoreUnavailableError
from support.blocking import team_lock
from support.controller import CREATE, POOL, T_SECONDS, Replica, World
from vertex_emulator import FaultKind


async def test_a_queued_batch_job_becomes_one_vertex_job(world: World) -> None:
    job = await world.create(name="nightly")
    leader = await world.lead()

    await leader.submit()

    after = await world.read(job)
    assert after.state is State.PENDING
    assert after.vertex_name == world.vertex_job(job).name
    assert [each.outcome for each in after.attempts] == [AttemptOutcome.ACCEPTED]
    assert dict(world.vertex_job(job).message.labels) == {
        "batchjobs_gateway": "test",
        "batchjobs_id": str(job.id),
        "batchjobs_attempt": after.attempts[0].id,
        "batchjobs_team": "ranking",
    }
    assert len(world.calls(CREATE)) == 1


async def test_vertex_gets_the_callers_own_words(world: World) -> None:
    spec = {"labels": {"cost": "ads"}, "model_parameters": {"temperature": 0.5}}
    job = await world.create(name="nightly", spec=spec)
    leader = await world.lead()
    await leader.submit()

    sent = world.vertex_job(job).message
    assert (sent.display_name, sent.labels["cost"]) == ("nightly", "ads")
    assert sent.model_parameters.struct_value["temperature"] == 0.5
    assert (await world.read(job)).spec == job.spec, "what the caller sent is never overwritten"


async def begin(world: World, kind: FaultKind = FaultKind.LATE_ANSWER, **config: Any) -> tuple[BatchJob, Replica]:
    """A create that is under way: done by Vertex, and its answer is one second away."""
    job = await world.create()
    world.fault(CREATE, kind, seconds=1)
    leader = await world.lead(**config)
    await leader.scan()
    await leader.dispatch()
    if kind is FaultKind.LATE_ANSWER:
        await world.emulator.calls.wait_for(lambda call: call.method == CREATE and call.took_effect is not None)
    else:
        await world.called(CREATE)
    return job, leader


async def finish(world: World, leader: Replica) -> None:
    await world.advance(1)
    await leader.flights.landed()


async def test_nothing_is_sent_when_step_1_took_longer_than_the_deadline(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The deadline counts from before the commit: a leader that was frozen in between wakes too late to send."""
    job = await world.create()
    leader = await world.lead()
    await leader.scan()
    original = Dispatches.take

    async def slow(self: Dispatches, order: Any) -> Any:
        taken = await original(self, order)
        await world.advance(20)
        return taken

    monkeypatch.setattr(Dispatches, "take", slow)
    await leader.dispatch()
    await leader.flights.landed()

    assert world.calls(CREATE) == []
    assert await world.state(job) is State.SUBMITTING


async def test_the_call_gets_what_the_commit_has_left_of_the_deadline(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    await world.create()
    leader = await world.lead()
    await leader.scan()
    original = Dispatches.take

    async def slow(self: Dispatches, order: Any) -> Any:
        taken = await original(self, order)
        await world.advance(15)
        return taken

    monkeypatch.setattr(Dispatches, "take", slow)
    await leader.dispatch()
    await leader.flights.landed()

    (call,) = world.calls(CREATE)
    assert call.deadline_seconds is not None
    assert 4 < call.deadline_seconds < 6


async def test_a_frozen_leader_that_wakes_does_not_send(world: World) -> None:
    """It slept after its commit, past its lease; another leads, and T has begun to run."""
    job = await world.create()
    leader = await world.lead(lease=timedelta(seconds=10), create_deadline=timedelta(seconds=20))
    await leader.scan()
    await leader.dispatch()
    await world.advance(7.5)
    await leader.flights.landed()

    assert world.calls(CREATE) == []
    assert await world.state(job) is State.SUBMITTING


async def test_nothing_is_taken_within_the_margin_of_the_leases_end(world: World) -> None:
    job = await world.create()
    leader = await world.lead(lease=timedelta(seconds=10), lease_margin=timedelta(seconds=3))
    await leader.scan()
    await world.advance(7)

    await leader.dispatch()
    assert await world.state(job) is State.QUEUED

    renewed = await leader.setting.store.lease.renew(leader.leadership.held)
    assert renewed
    leader.leadership.renewed(renewed)
    await leader.dispatch()
    await leader.flights.landed()
    assert await world.state(job) is State.PENDING


async def test_a_takeover_stops_the_old_leaders_dispatch(world: World) -> None:
    """It does not know yet, and by its own clock it still leads: the fence says otherwise."""
    job = await world.create()
    first = await world.lead()
    await first.scan()
    await world.usurp()

    with pytest.raises(LeaseLostError):
        await first.dispatch()
    await first.flights.landed()

    assert await world.state(job) is State.QUEUED
    assert world.calls(CREATE) == []
    assert first.leadership.over.is_set()


async def test_the_name_is_recorded_under_another_term(world: World) -> None:
    job, first = await begin(world)
    second = await world.usurp()

    await finish(world, first)

    row = await world.read(job)
    assert (row.state, row.vertex_name) == (State.PENDING, world.vertex_job(job).name)
    await second.submit()
    assert len(world.calls(CREATE)) == 1


async def test_a_cancel_in_between_does_not_lose_the_name(world: World) -> None:
    job, leader = await begin(world)
    await world.want_cancel(job)

    await finish(world, leader)

    row = await world.read(job)
    assert (row.state, row.shown_state) == (State.PENDING, State.CANCELLING)
    assert row.vertex_name


@pytest.mark.parametrize("error", [StoreUnavailableError("down"), CommitUnknownError("who knows")])
async def test_a_silent_database_is_waited_for(world: World, monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
    """Nobody else knows the name: the create is neither cancelled nor forgotten."""
    job, leader = await begin(world)
    original, failures = Changes.record, [error] * 5

    async def record(self: Changes, *args: Any) -> Any:
        if isinstance(error, CommitUnknownError) and failures:
            await original(self, *args)
        if failures:
            raise failures.pop()
        return await original(self, *args)

    monkeypatch.setattr(Changes, "record", record)
    await world.advance_until(leader.flights.landed(), step=10)

    assert (await world.read(job)).vertex_name == world.vertex_job(job).name
    assert not world.vertex_job(job).ended
    assert leader.count("batchjobs_duplicates_total") == 0


async def test_a_locked_team_is_waited_for(world: World) -> None:
    job, leader = await begin(world)
    async with team_lock(world.url) as holder:
        await world.advance(1)
        await holder.until_blocked()
    await leader.flights.landed()

    assert (await world.read(job)).vertex_name


async def test_a_create_that_lands_after_its_row_has_ended_is_cancelled(world: World) -> None:
    """Proven absent, cancelled, and then it answers after all: whoever sees it has to stop it."""
    job, first = await begin(world, FaultKind.IN_FLIGHT)
    await world.want_cancel(job)
    await world.change(job, lambda row, now: row.move(State.CANCELLED, time=now, reason="T", actor="t", end_time=now))

    await finish(world, first)

    assert await world.state(job) is State.CANCELLED
    await world.advance(5)
    assert world.vertex_job(job).state.name == "CANCELLED"
    assert first.count("batchjobs_duplicates_total") == 1


async def test_a_create_that_answers_after_another_was_recorded_is_cancelled(world: World) -> None:
    job, first = await begin(world)
    await world.change(
        job,
        lambda row, now: row.move(
            State.PENDING, time=now, reason="T", actor="t", vertex_name="projects/1/locations/r/batchPredictionJobs/1"
        ),
    )

    await finish(world, first)

    assert (await world.read(job)).vertex_name.endswith("/1")
    await world.advance(5)
    assert world.vertex_job(job).state.name == "CANCELLED"
    assert first.count("batchjobs_duplicates_total") == 1


async def test_a_create_of_an_attempt_that_is_no_longer_the_latest_is_left_to_resolve(world: World) -> None:
    """The row carries no name and has not ended: to cancel would cancel what the next scan adopts."""
    job, first = await begin(world)
    second = await world.usurp()
    await world.change(job, lambda row, now: row.move(State.QUEUED, time=now, reason="T", actor="t"))
    taken = await world.create()
    later = replace((await world.read(job)).attempts[0], id="later", number=2)
    await world.change(job, lambda row, _: row.evolve(attempts=(*row.attempts, later)))

    await finish(world, first)
    assert not world.vertex_job(job).ended
    await second.submit()

    assert (await world.read(job)).vertex_name == world.vertex_job(job).name
    assert await world.state(taken) is State.PENDING
    assert first.count("batchjobs_duplicates_total") == 0


async def test_at_most_n_are_under_way_in_a_pool(world: World) -> None:
    for _ in range(8):
        await world.create()
    world.fault(CREATE, FaultKind.LATE_ANSWER, seconds=1, times=None)
    leader = await world.lead(submits_in_flight=3)
    await leader.scan()
    await leader.dispatch()
    await leader.dispatch()
    await world.called(CREATE, 3)

    assert leader.flights.in_pool(POOL) == len(world.calls(CREATE)) == 3
    await finish(world, leader)
    await leader.dispatch()
    await world.called(CREATE, 6)
    assert len(world.calls(CREATE)) == 6
    await finish(world, leader)


async def test_one_that_cannot_even_be_built_harms_no_other(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    from gateway.controller import submit

    original = submit.new_vertex_job

    def build(job: BatchJob, *args: Any) -> Any:
        if job.spec.display_name == "bad":
            raise ValueError("a defect")
        return original(job, *args)

    monkeypatch.setattr(submit, "new_vertex_job", build)
    bad, good = await world.create(name="bad"), await world.create()
    leader = await world.lead()
    await leader.submit()

    assert await world.state(good) is State.PENDING
    assert await world.state(bad) is State.SUBMITTING
    assert leader.count("batchjobs_loop_failures_total", loop="submit") == 1
    await world.advance(T_SECONDS)
