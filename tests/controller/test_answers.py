"""The answer table: each row, first as a pure rule, then through the real loops against a refusing Vertex."""

from datetime import timedelta

import pytest

from gateway.cloud.vertex_errors import Code, TooLateError, VertexError
from gateway.controller import gate
from gateway.controller.answers import Meaning, meaning
from gateway.domain.batch_job import AttemptOutcome
from gateway.domain.states import State
from gateway.domain.vertex_job import Status
from support.controller import CREATE, OTHER_POOL, POOL, World
from vertex_emulator import FaultKind

REFUSALS = {
    Code.INVALID_ARGUMENT: Meaning.FAILED,
    Code.FAILED_PRECONDITION: Meaning.FAILED,
    Code.NOT_FOUND: Meaning.FAILED,
    Code.RESOURCE_EXHAUSTED: Meaning.BUSY,
    Code.PERMISSION_DENIED: Meaning.DENIED,
    Code.UNAUTHENTICATED: Meaning.DENIED,
}


@pytest.mark.parametrize("code", list(Code)[1:])
def test_every_code_of_the_server_has_one_meaning(code: Code) -> None:
    assert meaning(VertexError(code, "no", from_server=True)) is REFUSALS.get(code, Meaning.AMBIGUOUS)


@pytest.mark.parametrize("code", list(Code)[1:])
def test_what_the_server_did_not_say_is_ambiguous(code: Code) -> None:
    """A RESOURCE_EXHAUSTED of our own making is about the size of an answer: Vertex has made the job."""
    assert meaning(VertexError(code, "no", from_server=False)) is Meaning.AMBIGUOUS


def test_a_create_that_was_too_late_to_send_is_ambiguous() -> None:
    assert meaning(TooLateError(0.1)) is Meaning.AMBIGUOUS


@pytest.mark.parametrize(
    ("code", "reason", "message"),
    [
        (Code.FAILED_PRECONDITION, "SERVICE_DISABLED", "Vertex AI API has not been used in project 1 before"),
        (Code.FAILED_PRECONDITION, "BILLING_DISABLED", "no billing"),
        (Code.NOT_FOUND, "CONSUMER_INVALID", "no such project"),
        (Code.FAILED_PRECONDITION, "", "Service agents are being provisioned. Try again in a few minutes."),
    ],
)
def test_what_meets_every_batch_job_of_the_project_fails_none(code: Code, reason: str, message: str) -> None:
    assert meaning(VertexError(code, message, from_server=True, reason=reason)) is Meaning.DENIED


@pytest.mark.parametrize("code", ["INVALID_ARGUMENT", "FAILED_PRECONDITION", "NOT_FOUND"])
async def test_a_refusal_of_this_batch_job_fails_it_and_nothing_else(world: World, code: str) -> None:
    bad, good = await world.create(name="bad"), await world.create(name="good")
    world.fault(CREATE, FaultKind.STATUS, code=code, message="Vertex says no.", display_name="bad")
    leader = await world.lead()

    await leader.submit()

    failed = await world.read(bad)
    assert (failed.state, failed.error) == (State.FAILED, Status(Code[code], "Vertex says no."))
    assert (failed.end_time, failed.expire_time) == (world.time.now(), world.time.now() + timedelta(days=30))
    assert failed.attempts[0].outcome is AttemptOutcome.REFUSED
    assert await world.state(good) is State.PENDING
    assert leader.term.state(POOL).gate_open


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        ("RESOURCE_EXHAUSTED", gate.BUSY),
        ("PERMISSION_DENIED", gate.DENIED),
        ("UNAUTHENTICATED", gate.DENIED),
    ],
)
async def test_a_refusal_of_everybody_puts_back_and_closes_the_gate(world: World, code: str, reason: str) -> None:
    job = await world.create()
    world.fault(CREATE, FaultKind.STATUS, code=code)
    leader = await world.lead()

    await leader.submit()

    back = await world.read(job)
    assert (back.state, back.attempt_count, back.attempts[0].outcome) == (State.QUEUED, 1, AttemptOutcome.REFUSED)
    state = (await leader.setting.store.pools.all())[POOL]
    assert (state.gate_open, state.gate_reason) == (False, reason)
    assert state.next_probe_time == world.time.now() + timedelta(seconds=5)


async def test_revoked_credentials_fail_nobody(world: World) -> None:
    jobs = [await world.create() for _ in range(6)]
    world.fault(CREATE, FaultKind.STATUS, code="PERMISSION_DENIED", times=None)
    leader = await world.lead()

    for _ in range(12):
        await leader.submit()
        await world.advance(400)

    assert {await world.state(job) for job in jobs} == {State.QUEUED}


@pytest.mark.parametrize(
    "code",
    [
        *("CANCELLED", "UNKNOWN", "DEADLINE_EXCEEDED", "ALREADY_EXISTS", "ABORTED", "OUT_OF_RANGE", "UNIMPLEMENTED"),
        *("INTERNAL", "UNAVAILABLE", "DATA_LOSS"),
    ],
)
async def test_everything_else_is_ambiguous(world: World, code: str) -> None:
    """It stays SUBMITTING and keeps its slot, nothing is sent again, and the gate waits for a list."""
    job = await world.create()
    world.fault(CREATE, FaultKind.DROP_ANSWER, code=code)
    leader = await world.lead()

    await leader.submit()
    await leader.dispatch()

    row = await world.read(job)
    assert (row.state, row.attempts[0].outcome) == (State.SUBMITTING, None)
    assert len(world.calls(CREATE)) == 1
    state = leader.term.state(POOL)
    assert (state.gate_open, state.gate_reason, state.last_ambiguous_time) == (False, gate.UNANSWERED, row.submit_time)


async def test_a_pool_in_trouble_is_gated_alone(world: World) -> None:
    here, there = await world.create(), await world.create(pool=OTHER_POOL)
    world.fault(CREATE, FaultKind.STATUS, code="RESOURCE_EXHAUSTED", region=POOL.region, times=None)
    leader = await world.lead()

    await leader.submit()

    assert await world.state(here) is State.QUEUED
    assert await world.state(there) is State.PENDING
    assert leader.term.state(OTHER_POOL).gate_open
