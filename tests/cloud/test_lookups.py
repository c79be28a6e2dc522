"""One flight per name, and what is kept of it."""

import asyncio
from collections import defaultdict
from datetime import timedelta

import pytest

from gateway.cloud.lookups import FlightCache, MissingError
from support.clock import DrivenClock


class Lookup:
    """A look-up that answers when the test says so, and counts how often it was asked for each name."""

    def __init__(self):
        self.asked, self.answers = [], {}
        self.under_way = defaultdict(asyncio.Event)

    def __call__(self, name):
        self.asked.append(name)
        self.under_way[name].set()
        return self.answers.setdefault(name, asyncio.get_running_loop().create_future())

    def answer(self, name, value):
        self.under_way[name].clear()
        self.answers.pop(name).set_result(value)

    def fail(self, name, error):
        self.under_way[name].clear()
        self.answers.pop(name).set_exception(error)


class Setting:
    def __init__(self, size=100):
        self.lookup, self.clock, self.hits = Lookup(), DrivenClock(), 0
        self.cache = FlightCache(
            self.lookup, lifetime=timedelta(minutes=5), size=size, clock=self.clock, on_hit=self.hit
        )

    def hit(self):
        self.hits += 1

    async def fly(self, name):
        """Ask, and return the waiting caller once the look-up has been asked."""
        caller = asyncio.create_task(self.cache.get(name))
        await self.lookup.under_way[name].wait()
        await asyncio.sleep(0)  # One that finds the flight under way has only now begun to wait for it.
        return caller

    async def fill(self, name, value):
        caller = await self.fly(name)
        self.lookup.answer(name, value)
        assert await caller == value


async def test_those_who_ask_at_one_time_share_one_flight():
    at = Setting()
    callers = [await at.fly("a") for _ in range(50)]
    at.lookup.answer("a", 1)
    assert await asyncio.gather(*callers) == [1] * 50
    assert at.lookup.asked == ["a"]


async def test_different_names_fly_at_the_same_time():
    at = Setting()
    callers = [await at.fly("a"), await at.fly("b")]
    at.lookup.answer("b", 2)
    at.lookup.answer("a", 1)
    assert await asyncio.gather(*callers) == [1, 2]


async def test_what_was_found_is_believed_for_its_lifetime_counted_from_the_question():
    at = Setting()
    caller = await at.fly("a")
    at.clock.advance(200)
    at.lookup.answer("a", 1)
    await caller
    at.clock.advance(99)
    assert await at.cache.get("a") == 1
    assert at.hits == 1
    at.clock.advance(1)
    await at.fill("a", 2)
    assert at.hits == 1


async def test_a_failure_reaches_all_who_waited_and_is_not_kept():
    at = Setting()
    callers = [await at.fly("a") for _ in range(3)]
    at.lookup.fail("a", MissingError("gs://a", "gone"))
    assert all(isinstance(e, MissingError) for e in await asyncio.gather(*callers, return_exceptions=True))
    await at.fill("a", 1)
    assert at.lookup.asked == ["a", "a"]


async def test_a_caller_that_gives_up_leaves_the_flight_to_the_others():
    at = Setting()
    first, second = await at.fly("a"), await at.fly("a")
    first.cancel()
    assert isinstance((await asyncio.gather(first, return_exceptions=True))[0], asyncio.CancelledError)
    at.lookup.answer("a", 1)
    assert await second == 1


async def test_a_flight_that_everybody_left_still_fills_the_cache_or_fails_in_silence(recwarn):
    at = Setting()
    for name in ("a", "b"):
        caller = await at.fly(name)
        caller.cancel()
        await asyncio.gather(caller, return_exceptions=True)
    flights = list(at.cache._flights.values())
    at.lookup.answer("a", 1)
    at.lookup.fail("b", MissingError("gs://b", "gone"))
    await asyncio.gather(*flights, return_exceptions=True)
    assert await at.cache.get("a") == 1
    assert at.cache._flights == {}
    assert not recwarn.list


async def test_the_least_recently_used_makes_room():
    at = Setting(size=2)
    for name in ("a", "b"):
        await at.fill(name, name)
    await at.cache.get("a")
    await at.fill("c", "c")
    assert await at.cache.get("a") == "a"
    await at.fill("b", "again")
    assert at.lookup.asked == ["a", "b", "c", "b"]


async def test_closing_ends_what_is_under_way():
    at = Setting()
    caller = await at.fly("a")
    await at.cache.close()
    with pytest.raises(asyncio.CancelledError):
        await caller
