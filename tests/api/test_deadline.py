"""The time that a call may take."""

import asyncio
from contextlib import suppress

import pytest

from gateway.api.interceptors.deadline import DeadlinePassedError, TimeLimit


def cancels() -> int:
    """How many cancellations of this task nobody has taken back."""
    task = asyncio.current_task()
    assert task is not None
    return task.cancelling()


async def test_work_whose_time_is_up_is_cancelled_and_its_task_is_not():
    with pytest.raises(DeadlinePassedError), TimeLimit(0):
        await asyncio.Event().wait()
    assert cancels() == 0


async def test_a_caller_that_has_gone_as_well_counts_more():
    async def work() -> None:
        with TimeLimit(0):
            try:
                await asyncio.Event().wait()
            finally:
                task.cancel()

    task = asyncio.create_task(work())
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_work_that_ends_all_the_same_leaves_no_cancellation_behind():
    with TimeLimit(0), suppress(asyncio.CancelledError):
        await asyncio.Event().wait()
    assert cancels() == 0


async def test_work_that_fails_as_its_time_is_up_keeps_its_own_failure():
    async def work() -> None:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            raise ValueError("its own") from None

    with pytest.raises(ValueError, match="its own"), TimeLimit(0):
        await work()
    assert cancels() == 0


async def test_a_timer_that_was_not_needed_cancels_nobody():
    with TimeLimit(0):
        pass
    passed = asyncio.Event()
    asyncio.get_running_loop().call_later(0, passed.set)
    await passed.wait()
    assert cancels() == 0
