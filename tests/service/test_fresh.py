"""Values worked out on demand: at most once in a while, once for all who ask meanwhile."""

import asyncio

import pytest

from gateway.service.fresh import Fresh
from support.clock import DrivenClock


class Source:
    """Counts how often it is asked; holds its answers back while `gate` is closed."""

    def __init__(self) -> None:
        self.asked = 0
        self.gate = asyncio.Event()
        self.gate.set()
        self.reached = asyncio.Event()
        self.error: Exception | None = None

    async def __call__(self, key: str) -> str:
        self.asked += 1
        number = self.asked
        self.reached.set()
        await self.gate.wait()
        if self.error:
            raise self.error
        return f"{key}{number}"


async def test_a_value_is_kept_for_its_time_and_no_longer():
    clock, source = DrivenClock(), Source()
    fresh = Fresh(source, clock, seconds=1)
    assert [await fresh.get("a"), await fresh.get("a")] == ["a1", "a1"]
    clock.advance(0.9)
    assert await fresh.get("a") == "a1"
    clock.advance(0.1)
    assert await fresh.get("a") == "a2"


async def test_those_who_ask_at_one_time_share_one_computation():
    source = Source()
    source.gate.clear()
    fresh = Fresh(source, DrivenClock(), seconds=1)
    waiting = [asyncio.ensure_future(fresh.get("a")) for _ in range(5)]
    await source.reached.wait()
    source.gate.set()
    assert await asyncio.gather(*waiting) == ["a1"] * 5


async def test_one_who_gives_up_does_not_take_the_value_from_the_others():
    source = Source()
    source.gate.clear()
    fresh = Fresh(source, DrivenClock(), seconds=1)
    first, second = (asyncio.ensure_future(fresh.get("a")) for _ in range(2))
    await source.reached.wait()
    first.cancel()
    source.gate.set()
    assert await second == "a1"


async def test_a_failure_is_not_kept():
    source = Source()
    source.error = ValueError("away")
    fresh = Fresh(source, DrivenClock(), seconds=1)
    with pytest.raises(ValueError, match="away"):
        await fresh.get("a")
    source.error = None
    assert await fresh.get("a") == "a2"


async def test_the_age_counts_from_before_the_value_was_worked_out():
    """What was read at the beginning is as old as the beginning."""
    clock, source = DrivenClock(), Source()
    source.gate.clear()
    fresh = Fresh(source, clock, seconds=1)
    slow = asyncio.ensure_future(fresh.get("a"))
    await source.reached.wait()
    clock.advance(1)
    source.gate.set()
    assert await slow == "a1"
    assert await fresh.get("a") == "a2"
