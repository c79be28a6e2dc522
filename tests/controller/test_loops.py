"""Loops wake on a change or a timer, and survive what they meet."""

import asyncio
from collections.abc import Collection
from datetime import timedelta
from typing import Any

import pytest
from prometheus_client import CollectorRegistry

from gateway.controller.guard import Guard, first_of, stop_tasks
from gateway.controller.loop import Loop, LoopConfig, PoolLoop
from gateway.controller.per_pool import PerPool
from gateway.domain.batch_job import PoolId
from gateway.store.errors import LeaseLostError, StoreUnavailableError
from gateway.telemetry.metrics import Metrics
from support.clock import DrivenClock
from support.store import OTHER_POOL, POOL

CONFIG = LoopConfig(interval=timedelta(seconds=10), gap=timedelta(seconds=1))


@pytest.fixture
def clock() -> DrivenClock:
    return DrivenClock()


@pytest.fixture
def metrics() -> Metrics:
    return Metrics(CollectorRegistry())


@pytest.fixture
def guard(metrics: Metrics) -> Guard:
    return Guard(metrics)


def failures(metrics: Metrics, loop: str) -> float:
    return metrics.registry.get_sample_value("batchjobs_loop_failures_total", {"loop": loop}) or 0.0


class Passes:
    """Work that tells of each pass."""

    def __init__(self, *errors: Exception) -> None:
        self.count, self._errors = 0, list(errors)
        self.begun: asyncio.Queue[int] = asyncio.Queue()

    async def __call__(self) -> None:
        self.count += 1
        self.begun.put_nowait(self.count)
        if self._errors:
            raise self._errors.pop(0)


async def turn(clock: DrivenClock, seconds: float, sleepers: int = 1) -> None:
    await clock.until_sleeping(sleepers)
    clock.advance(seconds)


async def test_it_runs_on_its_timer(clock: DrivenClock, guard: Guard) -> None:
    passes = Passes()
    task = asyncio.create_task(Loop("l", passes, CONFIG, guard=guard, clock=clock).run())
    assert await passes.begun.get() == 1
    await turn(clock, 1)
    await turn(clock, 9.5)
    assert passes.begun.empty()
    await turn(clock, 0.5)
    assert await passes.begun.get() == 2
    await stop_tasks([task])


async def test_it_runs_at_once_when_woken_but_rests_between(clock: DrivenClock, guard: Guard) -> None:
    passes = Passes()
    loop = Loop("l", passes, CONFIG, guard=guard, clock=clock)
    task = asyncio.create_task(loop.run())
    await passes.begun.get()
    loop.wake()
    loop.wake()
    await clock.until_sleeping()
    assert passes.begun.empty()
    clock.advance(1)
    assert await passes.begun.get() == 2
    await turn(clock, 1)
    await turn(clock, 9)
    assert passes.begun.empty(), "two wakes while it rested are one pass"
    await stop_tasks([task])


async def test_at_half_time_it_rests_as_long_as_its_pass_took(clock: DrivenClock, guard: Guard) -> None:
    passes = asyncio.Queue[int]()

    async def long_pass() -> None:
        passes.put_nowait(1)
        await clock.sleep(3)

    config = LoopConfig(interval=timedelta(seconds=10), gap=timedelta(seconds=1), half_time=True)
    loop = Loop("l", long_pass, config, guard=guard, clock=clock)
    task = asyncio.create_task(loop.run())
    await passes.get()
    loop.wake()
    await turn(clock, 3)
    await turn(clock, 2.5)
    assert passes.empty()
    await turn(clock, 0.5)
    assert await passes.get()
    await stop_tasks([task])


async def test_a_pass_that_fails_is_counted_and_not_the_last(
    clock: DrivenClock, guard: Guard, metrics: Metrics
) -> None:
    passes = Passes(RuntimeError("a defect"), StoreUnavailableError("down"))
    task = asyncio.create_task(Loop("l", passes, CONFIG, guard=guard, clock=clock).run())
    for _ in range(2):
        await passes.begun.get()
        await turn(clock, 1)
        await turn(clock, 10)
    assert await passes.begun.get() == 3
    assert failures(metrics, "l") == 2
    await stop_tasks([task])


async def test_a_lost_lease_ends_it(clock: DrivenClock, guard: Guard) -> None:
    with pytest.raises(LeaseLostError):
        await Loop("l", Passes(LeaseLostError("over")), CONFIG, guard=guard, clock=clock).run()


async def test_the_same_failure_is_logged_once_with_its_names(
    guard: Guard, metrics: Metrics, capsys: pytest.CaptureFixture[str]
) -> None:
    async def fail(words: str) -> None:
        raise RuntimeError(words)

    for words in ("one", "one", "one", "two"):
        assert not await guard.run("poll", "teams/ranking/batchJobs/7", fail(words))

    told = capsys.readouterr().out
    lines = [line for line in told.splitlines() if "loop_failed" in line]
    assert len(lines) == 2
    assert all("teams/ranking/batchJobs/7" in line for line in lines)
    assert failures(metrics, "poll") == 4


class Work(PerPool):
    """Pools that hang or fail at the test's word."""

    name = "work"

    def __init__(self, guard: Guard, *pools: PoolId) -> None:
        self._guard = guard
        self.known: Collection[PoolId] = pools
        self.done: list[PoolId] = []
        self.hang: set[PoolId] = set()
        self.fail: set[PoolId] = set()

    async def pools(self) -> Collection[PoolId]:
        return self.known

    async def run_pool(self, pool: PoolId) -> None:
        if pool in self.hang:
            await asyncio.Event().wait()
        if pool in self.fail:
            raise RuntimeError(str(pool))
        self.done.append(pool)


async def test_a_pool_that_fails_leaves_the_others_alone(guard: Guard, metrics: Metrics) -> None:
    work = Work(guard, POOL, OTHER_POOL)
    work.fail.add(POOL)
    await work.run_once()
    assert work.done == [OTHER_POOL]
    assert failures(metrics, "work") == 1


async def test_a_pool_that_hangs_keeps_no_other_from_its_next_pass(clock: DrivenClock, guard: Guard) -> None:
    work = Work(guard, POOL, OTHER_POOL)
    work.hang.add(POOL)
    loop = PoolLoop(work, CONFIG, guard=guard, clock=clock)
    task = asyncio.create_task(loop.run())
    for _ in range(30):
        await turn(clock, 1, sleepers=2)
    assert work.done.count(OTHER_POOL) >= 2
    assert POOL not in work.done
    await stop_tasks([task])


async def test_pools_come_and_go(clock: DrivenClock, guard: Guard) -> None:
    work = Work(guard, POOL)
    loop = PoolLoop(work, CONFIG, guard=guard, clock=clock)
    task = asyncio.create_task(loop.run())
    await turn(clock, 1, sleepers=2)
    work.known = [OTHER_POOL]
    loop.wake()
    while OTHER_POOL not in work.done:
        await turn(clock, 1, sleepers=1)
    before = work.done.count(POOL)
    for _ in range(20):
        await turn(clock, 1, sleepers=2)
    assert work.done.count(POOL) == before
    await stop_tasks([task])


async def test_first_of_raises_what_ended_it_and_cancels_the_rest() -> None:
    async def fail() -> None:
        raise RuntimeError("first")

    waiting: Any = asyncio.create_task(asyncio.Event().wait())
    with pytest.raises(RuntimeError, match="first"):
        await first_of(fail(), waiting)
    assert waiting.cancelled()
