"""Cancel and Delete over a real connection."""

from gateway.domain import states
from support.caller import State, refusal


async def test_cancelling_what_is_queued_ends_it_at_once(gateway):
    caller = gateway.caller("ranking")
    job = await caller.create()
    cancelled = await caller.cancel(job.name)
    assert cancelled.state == State.CANCELLED
    assert cancelled.HasField("end_time")
    assert cancelled.expire_time.ToDatetime() > cancelled.end_time.ToDatetime()
    assert (cancelled.transitions[-1].reason, cancelled.transitions[-1].actor) == ("CANCEL_REQUESTED", "dev:ranking")
    assert cancelled.revision > job.revision


async def test_cancelling_what_runs_records_the_wish(gateway):
    caller = gateway.caller("ranking")
    job = await caller.create()
    await gateway.move(job.name, states.State.SUBMITTING, states.State.RUNNING)
    wished = await caller.cancel(job.name)
    assert wished.state == State.CANCELLING
    assert not wished.HasField("end_time")
    again = await caller.cancel(job.name)
    assert (again.state, again.revision) == (State.CANCELLING, wished.revision)


async def test_success_may_still_win_over_a_cancel(gateway):
    caller = gateway.caller("ranking")
    job = await caller.create()
    await gateway.move(job.name, states.State.SUBMITTING, states.State.RUNNING)
    await caller.cancel(job.name)
    await gateway.move(job.name, states.State.SUCCEEDED)
    assert (await caller.get(job.name)).state == State.SUCCEEDED


async def test_an_ended_batch_job_comes_back_from_a_cancel_unchanged(gateway):
    caller = gateway.caller("ranking")
    job = await caller.create()
    cancelled = await caller.cancel(job.name)
    assert await caller.cancel(job.name) == cancelled


async def test_an_operator_may_cancel_and_is_named_in_the_history(gateway):
    job = await gateway.caller("ranking").create()
    cancelled = await gateway.caller("operator", "ranking").cancel(job.name)
    assert cancelled.transitions[-1].actor == "dev:operator"


async def test_only_what_has_ended_can_be_deleted(gateway):
    caller = gateway.caller("ranking")
    job = await caller.create()
    refused = await refusal(caller.delete(job.name))
    assert (refused.code, refused.reason) == ("FAILED_PRECONDITION", "NOT_ENDED")
    assert "Cancel it" in refused.subjects[job.name]


async def test_what_is_deleted_is_not_found_from_then_on(gateway):
    caller = gateway.caller("ranking")
    job = await caller.create(request_id="once")
    await caller.cancel(job.name)
    await caller.delete(job.name)
    for call in (caller.get(job.name), caller.cancel(job.name), caller.delete(job.name)):
        assert (await refusal(call)).reason == "NOT_FOUND"
    assert not (await caller.list()).batch_jobs
    assert (await refusal(caller.create(request_id="once"))).reason == "NOT_FOUND"


async def test_an_operator_may_not_delete(gateway):
    job = await gateway.caller("ranking").create()
    await gateway.caller("ranking").cancel(job.name)
    refused = await refusal(gateway.caller("operator", "ranking").delete(job.name))
    assert (refused.code, refused.reason) == ("PERMISSION_DENIED", "ROLE_FORBIDDEN")


async def test_another_team_can_neither_cancel_nor_delete(gateway):
    job = await gateway.caller("ranking").create()
    for call in (gateway.caller("search").cancel(job.name), gateway.caller("search").delete(job.name)):
        assert (await refusal(call)).reason == "TEAM_FORBIDDEN"
    assert (await gateway.caller("ranking").get(job.name)).state == State.QUEUED
