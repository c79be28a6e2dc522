"""Emulated time."""

from __future__ import annotations

import asyncio
import math
from datetime import UTC, datetime, timedelta

import pytest

from vertex_emulator import DrivenClock, RealClock

START = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.fixture
def clock() -> DrivenClock:
    return DrivenClock(START)


async def test_work_is_done_in_the_order_in_which_it_is_due(clock: DrivenClock) -> None:
    done: list[tuple[str, float]] = []

    def note(name: str):
        async def act() -> None:
            done.append((name, (clock.now() - START).total_seconds()))

        return act

    clock.call_later(3, note("late"))
    clock.call_later(1, note("early"))
    clock.call_later(1, note("early too"))
    await clock.advance(2)
    assert done == [("early", 1), ("early too", 1)]
    await clock.advance(1)
    assert done[2:] == [("late", 3)]
    assert clock.now() == START + timedelta(seconds=3)


async def test_work_that_begets_work_is_finished_before_advance_returns(clock: DrivenClock) -> None:
    moments: list[float] = []

    async def again() -> None:
        await asyncio.to_thread(moments.append, (clock.now() - START).total_seconds())
        if len(moments) < 5:
            clock.call_later(1, again)

    clock.call_later(1, again)
    await clock.advance(100)
    assert moments == [1, 2, 3, 4, 5]


async def test_time_waits_for_work_that_is_under_way(clock: DrivenClock) -> None:
    """Work between two sleeps sees one moment, however many turns of the loop it takes."""
    seen: list[datetime] = []

    async def work() -> None:
        for _ in range(3):
            await clock.sleep(1)
            for _ in range(20):
                await asyncio.sleep(0)
            seen.append(clock.now())

    clock.spawn(work())
    await clock.advance(10)
    assert seen == [START + timedelta(seconds=n) for n in (1, 2, 3)]


async def test_a_cancelled_sleeper_is_never_woken_and_holds_nothing_up(clock: DrivenClock) -> None:
    task = clock.spawn(clock.sleep(5))
    await clock.settle()
    clock.cancel(task)
    await clock.advance(10)
    assert task.cancelled()


async def test_endless_sleep_ends_with_the_clock(clock: DrivenClock) -> None:
    task = clock.spawn(clock.sleep(math.inf))
    await clock.advance(1_000_000)
    assert not task.done()
    await clock.close()
    assert task.cancelled()


async def test_work_that_fails_is_logged_and_stops_nothing(
    clock: DrivenClock, caplog: pytest.LogCaptureFixture
) -> None:
    done = []

    async def fail() -> None:
        raise ValueError("broken")

    async def act() -> None:
        done.append(1)

    clock.call_later(1, fail)
    clock.call_later(2, act)
    await clock.advance(3)
    assert done == [1]
    assert "scheduled work failed" in caplog.text


async def test_only_work_of_the_clock_may_sleep_on_it(clock: DrivenClock) -> None:
    """Others would be overtaken: the clock cannot know that they are awake."""
    with pytest.raises(RuntimeError, match="spawned"):
        await clock.sleep(1)


async def test_a_scaled_clock_runs_faster_than_real_time() -> None:
    clock = RealClock(scale=1_000_000)
    before = clock.now()
    await clock.sleep(1000)
    assert clock.now() - before >= timedelta(seconds=1000)
    endless = clock.spawn(clock.sleep(math.inf))
    await clock.sleep(1)
    await clock.close()
    assert endless.cancelled()
