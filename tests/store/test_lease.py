"""The lease and its fence, against takeovers that come at the worst moment."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta

import pytest

from gateway.domain.states import State
from gateway.store import locks
from gateway.store.changes import Changes
from gateway.store.database import Database
from gateway.store.errors import LeaseLostError
from gateway.store.lease import Held, Lease
from gateway.store.reads import Reads
from support.blocking import holding
from support.database import PATIENT, StoreTime
from support.store import create, moved, unobserved

DURATION = timedelta(seconds=10)


@pytest.fixture
def one(database: Database, store_time: StoreTime) -> Lease:
    return Lease(database.lease, store_time.clock, holder="one", duration=DURATION)


@pytest.fixture
async def two(database_url: str, store_time: StoreTime) -> AsyncIterator[Lease]:
    opened = await Database.open(database_url, limits=PATIENT)
    yield Lease(opened.lease, store_time.clock, holder="two", duration=DURATION)
    await opened.close()


async def taken(lease: Lease) -> Held:
    held = await lease.acquire()
    assert held is not None
    return held


async def test_one_holds_it_until_it_expires(one: Lease, two: Lease, store_time: StoreTime) -> None:
    assert not await one.has_leader()
    first = await taken(one)
    assert await two.acquire() is None
    assert await one.has_leader()
    await store_time.advance(10)
    assert not await one.has_leader()
    assert (await taken(two)).term != first.term


async def test_it_says_how_long_a_term_is_in_force(one: Lease, two: Lease, store_time: StoreTime) -> None:
    assert await two.left() == 0
    await taken(one)
    await store_time.advance(4)
    assert await two.left() == 6
    await store_time.advance(20)
    assert await two.left() == 0


async def test_of_many_that_try_at_once_one_gets_it(one: Lease, two: Lease) -> None:
    outcomes = await asyncio.gather(one.acquire(), two.acquire(), one.acquire(), two.acquire())
    assert sum(held is not None for held in outcomes) == 1


async def test_renewal_keeps_the_term_and_moves_the_expiry(one: Lease, two: Lease, store_time: StoreTime) -> None:
    held = await taken(one)
    await store_time.advance(9)
    renewed = await one.renew(held)
    assert renewed == Held(held.term, held.expires + 9)
    await store_time.advance(9)
    assert await two.acquire() is None


async def test_what_has_expired_is_not_renewed(one: Lease, two: Lease, store_time: StoreTime) -> None:
    held = await taken(one)
    await store_time.advance(10)
    assert await one.renew(held) is None
    await taken(two)
    assert await one.renew(held) is None


async def test_a_release_lets_another_in_at_once_and_never_ends_another_s_term(one: Lease, two: Lease) -> None:
    held = await taken(one)
    await one.release(held)
    other = await taken(two)
    await one.release(held)
    assert await two.renew(other) is not None


async def test_the_expiry_counts_from_before_the_renewal_was_sent(
    one: Lease, store_time: StoreTime, database_url: str
) -> None:
    """The answer may be slow: what the leader believes must end no later than what the row says."""
    held = await taken(one)
    sent = store_time.clock.boottime()
    async with holding(database_url, "SELECT 1 FROM lease FOR UPDATE") as holder:
        renewing = asyncio.create_task(one.renew(held))
        await holder.until_blocked()
        await store_time.advance(4)
    renewed = await renewing
    assert renewed is not None
    assert renewed.expires == sent + 10


async def test_a_term_lasts_its_whole_length_from_after_the_wait_for_the_row(
    one: Lease, store_time: StoreTime, database_url: str
) -> None:
    async with holding(database_url, "SELECT 1 FROM lease FOR UPDATE") as holder:
        acquiring = asyncio.create_task(one.acquire())
        await holder.until_blocked()
        await store_time.advance(5)
    assert await acquiring is not None
    await store_time.advance(9)
    assert await one.has_leader()


async def test_a_takeover_waits_for_the_open_writes_of_the_old_term(
    one: Lease, two: Lease, database: Database, database_url: str, store_time: StoreTime
) -> None:
    held = await taken(one)
    async with holding(database_url, "SELECT 1 FROM teams WHERE false") as holder:
        async with database.controller.transaction("old") as transaction:
            await locks.fence(transaction, held.term)
            await store_time.advance(10)
            takeover = asyncio.create_task(two.acquire())
            await holder.until_blocked()
            assert not takeover.done()
        assert await takeover is not None


async def test_a_write_that_waited_across_a_takeover_finds_no_term(
    one: Lease, two: Lease, database: Database, database_url: str, store_time: StoreTime
) -> None:
    """It reads the lease while the takeover is under way: a plain look would pass, and write under a dead term."""
    job = await create(database)
    held = await taken(one)
    async with holding(database_url, "SELECT 1 FROM lease FOR UPDATE") as holder:
        writing = asyncio.create_task(
            Changes(database.controller, unobserved).change("ranking", job.id, moved(State.CANCELLED), term=held.term)
        )
        await holder.until_blocked()
        await holder.connection.execute("UPDATE lease SET term = 'new'")
    with pytest.raises(LeaseLostError):
        await writing
    assert await Reads(database.api).get("ranking", job.id) == job


async def test_a_renewal_does_not_wait_for_the_term_s_own_writes(
    one: Lease, database: Database, store_time: StoreTime
) -> None:
    held = await taken(one)
    async with database.controller.transaction("own") as transaction:
        await locks.fence(transaction, held.term)
        assert await one.renew(held) is not None


async def test_a_standby_that_looks_does_not_hold_up_the_leader(
    one: Lease, two: Lease, database: Database, store_time: StoreTime
) -> None:
    """Looking takes no lock: here the row is locked by the leader's own write, and the look returns all the same."""
    held = await taken(one)
    async with database.controller.transaction("own") as transaction:
        await locks.fence(transaction, held.term)
        assert await two.acquire() is None


async def test_a_flood_of_creates_does_not_starve_the_renewal(
    one: Lease, database: Database, database_url: str
) -> None:
    """Every API connection waits for a lock; the lease has its own."""
    teams = [f"team-{i}" for i in range(20)]
    await asyncio.gather(*(create(database, team=team) for team in teams))
    held = await taken(one)
    async with holding(database_url, "SELECT 1 FROM teams FOR UPDATE") as holder:
        flood = [asyncio.create_task(create(database, team=team)) for team in teams]
        await holder.until_blocked(8)
        assert await one.renew(held) is not None
    await asyncio.gather(*flood)
