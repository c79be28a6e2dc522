"""Who leads: by the lease, by the leader's own clock, and only while it reaches Vertex."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

import pytest

from gateway.controller.leader import Leader
from gateway.controller.leadership import Leadership
from gateway.controller.term import Setting, Term
from gateway.store.errors import LeaseLostError, StoreUnavailableError
from gateway.store.lease import Held, Lease
from support.controller import POOL, World
from support.database import run_sql

LEASE = timedelta(seconds=10)
THIRD = 3.34


class Led:
    """A leader whose loops are the test's: it sees each term begin and end."""

    def __init__(self, setting: Setting) -> None:
        self.terms: asyncio.Queue[Term] = asyncio.Queue()
        self.ended: asyncio.Queue[Term] = asyncio.Queue()
        self.setting = setting
        self.leader = Leader(setting, self._lead)
        self.fail_with: Exception | None = None

    async def _lead(self, term: Term) -> None:
        await self.terms.put(term)
        try:
            if self.fail_with is not None:
                raise self.fail_with
            await asyncio.Event().wait()
        finally:
            self.ended.put_nowait(term)

    @property
    def gauge(self) -> float | None:
        return self.setting.metrics.registry.get_sample_value("batchjobs_leader")


@asynccontextmanager
async def campaigning(world: World, **changes: Any) -> Any:
    led = Led(await world.setting(lease=LEASE, **changes))
    running = asyncio.create_task(led.leader.run())
    try:
        yield led
    finally:
        await led.leader.stop()
        await running


@pytest.fixture
def renewed(monkeypatch: pytest.MonkeyPatch) -> "asyncio.Queue[Held | None]":
    """What each renewal came to."""
    original, outcomes = Lease.renew, asyncio.Queue[Held | None]()

    async def renew(self: Lease, held: Held) -> Held | None:
        outcome = await original(self, held)
        outcomes.put_nowait(outcome)
        return outcome

    monkeypatch.setattr(Lease, "renew", renew)
    return outcomes


@pytest.fixture
def released(monkeypatch: pytest.MonkeyPatch) -> asyncio.Event:
    """Set once a lease was given back."""
    original, done = Lease.release, asyncio.Event()

    async def release(self: Lease, held: Held) -> None:
        await original(self, held)
        done.set()

    monkeypatch.setattr(Lease, "release", release)
    return done


async def turn(world: World) -> None:
    """Let the time come at which a leader renews."""
    await world.time.until_asleep(THIRD)
    await world.advance(THIRD)


async def test_it_leads_by_the_lease_and_renews_it(world: World, renewed: "asyncio.Queue[Held | None]") -> None:
    async with campaigning(world) as led:
        term = await led.terms.get()
        for _ in range(12):
            await turn(world)
            assert await renewed.get() is not None
        assert led.leader.term is term
        assert led.gauge == 1
        assert term.leadership.expires == world.time.boottime() + LEASE.total_seconds()


async def test_only_one_of_two_leads(world: World) -> None:
    async with campaigning(world) as first:
        await first.terms.get()
        second = Led(await world.setting(lease=LEASE))
        await second.leader.run_once()
        assert second.leader.term is None
        assert second.terms.empty()


async def test_a_lease_that_nobody_renews_is_taken_when_it_runs_out(world: World) -> None:
    """And not at the next look at it, which would leave the slots free for a third of its length longer."""
    dead = await world.setting(lease=LEASE)
    assert await dead.store.lease.acquire() is not None
    await world.advance(LEASE.total_seconds() - 1)
    async with campaigning(world) as led:
        await world.time.until_asleep(1.0)
        await world.advance(1)
        await led.terms.get()


async def test_it_gives_the_lease_back_at_once_when_it_stops(world: World) -> None:
    async with campaigning(world) as first:
        await first.terms.get()
    assert first.gauge == 0

    async with campaigning(world) as second:
        await second.terms.get()


async def test_stop_before_run_returns(world: World) -> None:
    led = Led(await world.setting(lease=LEASE))
    await led.leader.stop()


async def test_losing_the_lease_ends_the_loops_and_clears_the_gauges(world: World) -> None:
    async with campaigning(world) as led:
        term = await led.terms.get()
        led.setting.metrics.leader.set_active({str(POOL): 3})
        await run_sql(world.url, "UPDATE lease SET term = 'another', expires_at = 'infinity'")

        await turn(world)
        await led.ended.get()

        assert term.leadership.over.is_set()
        assert led.gauge == 0
        assert led.setting.metrics.registry.get_sample_value("batchjobs_pool_active", {"pool": str(POOL)}) is None


async def test_a_database_that_is_silent_ends_it_by_its_own_clock(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The renewal hangs; it must not lead past the end that it counted from before the renewal was sent."""

    async def hang(*_: object) -> Held | None:
        await asyncio.Event().wait()
        return None

    async with campaigning(world) as led:
        term = await led.terms.get()
        monkeypatch.setattr(Lease, "renew", hang)
        await turn(world)
        await world.time.until_asleep(2 * THIRD)
        assert not term.leadership.over.is_set()
        await world.advance(2 * THIRD)
        await led.ended.get()

        assert term.leadership.over.is_set()


async def test_a_renewal_that_fails_is_tried_again_before_the_end(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    original, failures, renewed = Lease.renew, [StoreUnavailableError("down")], asyncio.Event()

    async def renew(self: Lease, held: Held) -> Held | None:
        if failures:
            raise failures.pop()
        renewed.set()
        return await original(self, held)

    monkeypatch.setattr(Lease, "renew", renew)
    async with campaigning(world) as led:
        term = await led.terms.get()
        await turn(world)
        await turn(world)
        await renewed.wait()
        assert not failures
        assert not term.leadership.over.is_set()


async def test_loops_that_end_by_themselves_end_the_term(world: World) -> None:
    """A lease held by a replica whose loops are dead would stop everything."""
    led = Led(await world.setting(lease=LEASE))
    led.fail_with = RuntimeError("a defect")
    await led.leader.run_once()

    assert led.leader.term is None
    async with campaigning(world) as other:
        await other.terms.get()


async def test_a_leader_that_reaches_no_pool_while_work_waits_stands_back(
    world: World, renewed: "asyncio.Queue[Held | None]", released: asyncio.Event
) -> None:
    await world.create()
    async with campaigning(world) as led:
        term = await led.terms.get()
        term.reach.missed(world.time.boottime())
        for _ in range(3):
            await turn(world)
            await renewed.get()
        await led.ended.get()
        await released.wait()

        other = Led(await world.setting(lease=LEASE))
        standing = asyncio.create_task(other.leader.run_once())
        await other.terms.get()
        assert led.terms.empty(), "it stands back one turn, so that another may try"
        await other.leader.stop()
        standing.cancel()


async def test_silence_without_work_is_no_reason_to_stand_back(
    world: World, renewed: "asyncio.Queue[Held | None]"
) -> None:
    async with campaigning(world) as led:
        term = await led.terms.get()
        term.reach.missed(world.time.boottime())
        for _ in range(6):
            await turn(world)
            await renewed.get()
        assert not term.leadership.over.is_set()


async def test_an_answer_ends_the_silence(world: World) -> None:
    setting = await world.setting()
    held = Held("term", world.time.boottime() + 10)
    term = Term(setting, Leadership(held, clock=world.time, config=setting.config))
    assert term.reach.silence == 0
    term.reach.missed(world.time.boottime())
    await world.advance(5)
    term.reach.missed(world.time.boottime())
    assert term.reach.silence == 5
    term.reach.heard()
    assert term.reach.silence == 0


async def test_no_transaction_is_started_past_the_end(world: World) -> None:
    setting = await world.setting(lease=LEASE)
    term = Term(setting, Leadership(Held("t", world.time.boottime() + 10), clock=world.time, config=setting.config))
    started: list[str] = []

    async def write(fence: str) -> None:
        started.append(fence)

    await term.fenced(write)
    await world.advance(10)
    with pytest.raises(LeaseLostError):
        await term.fenced(write)
    assert started == ["t"]
    assert term.leadership.over.is_set()


async def test_a_term_that_is_over_stays_over(world: World) -> None:
    setting = await world.setting(lease=LEASE)
    leadership = Leadership(Held("t", world.time.boottime() + 10), clock=world.time, config=setting.config)
    leadership.lose()
    leadership.renewed(Held("t", world.time.boottime() + 100))
    with pytest.raises(LeaseLostError):
        leadership.require()
    assert leadership.submits_until < world.time.boottime()


async def test_the_fences_word_ends_the_term(world: World) -> None:
    leader = await world.lead()
    await world.usurp()
    write: Callable[[str], Awaitable[object]] = lambda term: leader.setting.store.sweeps.purge_request_ids(term, 1)  # noqa: E731 - one write of many
    with pytest.raises(LeaseLostError):
        await leader.term.fenced(write)
    assert leader.leadership.over.is_set()


async def test_what_is_won_while_stopping_is_given_back(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """The stop came while the lease was being acquired."""
    led = Led(await world.setting(lease=LEASE))
    original = Lease.acquire

    async def acquire(self: Lease) -> Held | None:
        held = await original(self)
        led.leader._stopping.set()
        return held

    monkeypatch.setattr(Lease, "acquire", acquire)
    await led.leader.run()
    monkeypatch.undo()

    assert led.terms.empty()
    assert await led.setting.store.lease.acquire() is not None
