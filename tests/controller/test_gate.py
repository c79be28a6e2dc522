"""The gate of a pool: the pure machine, and probes through it."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from gateway.controller import gate
from gateway.controller.gate import Access, Backoff
from gateway.domain.states import State
from gateway.store.model import PoolState
from support.controller import CREATE, LIST, POOL, World
from vertex_emulator import FaultKind

NOW = datetime(2026, 1, 1, tzinfo=UTC)
SECOND = timedelta(seconds=1)
BACKOFF = Backoff(first=5 * SECOND, longest=60 * SECOND)
OPEN = PoolState(POOL)


def refuse(state: PoolState, now: datetime, sent: datetime | None = None) -> PoolState:
    sent = sent or now - timedelta(milliseconds=1)
    return gate.refused(state, now, reason=gate.BUSY, sent=sent, backoff=BACKOFF)


def test_a_refusal_closes_it_until_the_back_off_has_passed() -> None:
    closed = refuse(OPEN, NOW)
    assert gate.access(closed, NOW + 4.9 * SECOND) is Access.CLOSED
    assert gate.access(closed, NOW + 5 * SECOND) is Access.PROBE


def test_the_back_off_doubles_up_to_its_bound() -> None:
    state, waits = OPEN, []
    for turn in range(6):
        now = NOW + turn * timedelta(hours=1)
        state = refuse(state, now)
        assert state.next_probe_time
        waits.append((state.next_probe_time - now).total_seconds())
    assert waits == [5, 10, 20, 40, 60, 60]


def test_refusals_of_what_was_under_way_already_are_one() -> None:
    """Four creates at once are refused at once; that is one finding, not four doublings."""
    state = refuse(OPEN, NOW + 2 * SECOND, sent=NOW)
    assert refuse(state, NOW + 3 * SECOND, sent=NOW + SECOND) == state


def test_a_probe_that_passes_opens_it() -> None:
    closed = refuse(refuse(OPEN, NOW), NOW + 10 * SECOND)
    assert gate.accepted(closed, sent=NOW + 20 * SECOND) == OPEN


def test_what_was_sent_before_it_closed_is_no_probe() -> None:
    closed = refuse(OPEN, NOW + SECOND, sent=NOW)
    assert gate.accepted(closed, sent=NOW) == closed


def test_an_unanswered_create_closes_it_until_a_list_begun_later_succeeds() -> None:
    closed = gate.unanswered(OPEN, NOW)
    assert gate.access(closed, NOW + timedelta(days=1)) is Access.CLOSED
    assert gate.listed(closed, begun=NOW - SECOND) == closed
    assert gate.access(gate.listed(closed, begun=NOW + SECOND), NOW + SECOND) is Access.OPEN


def test_a_list_does_not_stand_in_for_a_probe() -> None:
    """A Vertex that refuses creates still lists: what was refused stays closed until a create passes."""
    closed = refuse(OPEN, NOW)
    assert gate.listed(closed, begun=NOW + SECOND) == closed
    both = gate.listed(gate.unanswered(closed, NOW + SECOND), begun=NOW + 2 * SECOND)
    assert gate.access(both, NOW + 10 * SECOND) is Access.PROBE


def test_a_failed_list_closes_it_and_a_complete_one_opens_it() -> None:
    closed = gate.unreachable(OPEN, NOW)
    assert (closed.gate_open, closed.last_ambiguous_time) == (False, None)
    assert gate.listed(closed, begun=NOW + SECOND) == OPEN
    refused = refuse(OPEN, NOW)
    assert gate.unreachable(refused, NOW + SECOND) == refused


@pytest.mark.parametrize("failures", [1, 5, 100, 100_000])
def test_the_back_off_stays_within_bounds(failures: int) -> None:
    assert BACKOFF.first <= BACKOFF.after(failures) <= BACKOFF.longest


def test_a_gate_that_was_never_written_is_open() -> None:
    assert gate.access(replace(OPEN), NOW) is Access.OPEN


async def test_a_closed_gate_sends_one_probe_and_it_opens_the_gate(world: World) -> None:
    jobs = [await world.create() for _ in range(3)]
    world.fault(CREATE, FaultKind.STATUS, code="RESOURCE_EXHAUSTED", times=3)
    leader = await world.lead()
    await leader.submit()
    assert len(world.calls(CREATE)) == 3

    await leader.submit()
    assert len(world.calls(CREATE)) == 3, "the back-off has not passed"
    await world.advance(5)
    world.fault(CREATE, FaultKind.LATE_ANSWER, seconds=1)
    await leader.dispatch()
    await world.called(CREATE, 4)
    await leader.dispatch()
    await world.advance(1)
    await leader.flights.landed()
    assert len(world.calls(CREATE)) == 4, "one probe, not three"
    assert leader.term.state(POOL).gate_open

    await leader.submit()
    assert {await world.state(job) for job in jobs} == {State.PENDING}


async def test_a_probe_that_is_refused_doubles_the_wait(world: World) -> None:
    await world.create()
    world.fault(CREATE, FaultKind.STATUS, code="RESOURCE_EXHAUSTED", times=None)
    leader = await world.lead()
    await leader.submit()
    await world.advance(5)
    await leader.submit()

    assert len(world.calls(CREATE)) == 2
    assert leader.term.state(POOL).next_probe_time == world.time.now() + timedelta(seconds=10)


async def test_the_probe_is_the_head_refused_least_often(world: World) -> None:
    """Always the same head would shut the pool for ever where it is the head that Vertex does not want."""
    await world.create(name="unwanted")
    world.fault(CREATE, FaultKind.STATUS, code="PERMISSION_DENIED", display_name="unwanted", times=None)
    leader = await world.lead()
    await leader.submit()
    fine = await world.create(name="fine")
    await world.advance(5)

    await leader.submit()

    assert await world.state(fine) is State.PENDING
    assert leader.term.state(POOL).gate_open


async def test_what_is_refused_three_times_while_others_pass_fails(world: World) -> None:
    unwanted = await world.create(name="unwanted")
    world.fault(
        CREATE, FaultKind.STATUS, code="PERMISSION_DENIED", message="not this", display_name="unwanted", times=None
    )
    leader = await world.lead()
    for turn in range(3):
        assert await world.state(unwanted) is State.QUEUED, f"after {turn} refusals"
        await leader.submit()
        await world.create(name="fine")
        await world.advance(60)
        await leader.submit()

    row = await world.read(unwanted)
    assert (row.state, row.attempt_count) == (State.FAILED, 3)
    assert row.error
    assert row.error.message == "not this"


async def test_what_is_refused_without_anothers_success_between_never_fails(world: World) -> None:
    job = await world.create()
    world.fault(CREATE, FaultKind.STATUS, code="PERMISSION_DENIED", times=None)
    leader = await world.lead()
    for _ in range(6):
        await leader.submit()
        await world.advance(400)
    assert await world.state(job) is State.QUEUED


@pytest.mark.parametrize("emulating", [{"capacity": 2, "capacity_mode": "refuse", "run_seconds": 600.0}])
async def test_a_pool_smaller_than_the_policy_says_fails_nobody(world: World) -> None:
    """Vertex takes two where the policy says eight: everything is refused now and then, and everything gets through."""
    jobs = [await world.create() for _ in range(8)]
    leader = await world.lead()
    for _ in range(60):
        await leader.submit()
        await leader.poll()
        await world.advance(120)

    assert {await world.state(job) for job in jobs} == {State.SUCCEEDED}


async def test_a_failed_list_gates_the_pool(world: World) -> None:
    job = await world.create()
    world.fault(LIST, FaultKind.STATUS, code="UNAVAILABLE")
    leader = await world.lead()
    await leader.submit()
    assert leader.term.state(POOL).gate_reason == gate.UNREACHABLE
    assert world.calls(CREATE) == []

    await leader.submit()
    assert await world.state(job) is State.PENDING


async def test_the_gate_outlives_its_leader(world: World) -> None:
    await world.create()
    world.fault(CREATE, FaultKind.STATUS, code="RESOURCE_EXHAUSTED", times=None)
    await (await world.lead()).submit()

    second = await world.usurp()
    await second.submit()

    assert len(world.calls(CREATE)) == 1
