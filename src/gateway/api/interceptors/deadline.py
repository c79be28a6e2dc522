"""Deadlines: work ends a little before the caller stops waiting, so that the caller gets an answer and not silence."""

import asyncio
from typing import Any, Final

from gateway.api.call import Call, Proceed

LONGEST_UNARY: Final = 60.0
"""Seconds that a unary call may take where its caller set no deadline, or a longer one."""

SHAVED_SHARE: Final = 0.1
SHAVED_AT_MOST: Final = 0.2


class DeadlinePassedError(Exception):
    """The time that a call has is used up; the message, if any, is for the caller."""


class Deadline:
    """Cancels the work when its time is up. What has been committed by then stays committed."""

    async def around(self, call: Call, proceed: Proceed) -> Any:
        """Give the work what is left of the caller's time, less what the answer needs to travel."""
        seconds = allowed(call.context.time_remaining(), unary=call.unary)
        if seconds is None:
            return await proceed(call)
        with TimeLimit(seconds):
            return await proceed(call)


class TimeLimit:
    """Cancels the task in which it was entered once so many seconds have passed, and says so with DeadlinePassedError.

    It is asyncio's own timeout without the ways to change or to ask it, in a quarter of the time: it stands around
    every call.
    """

    __slots__ = ("_before", "_passed", "_seconds", "_task", "_timer")

    def __init__(self, seconds: float) -> None:
        self._seconds, self._passed = seconds, False

    def __enter__(self) -> None:
        loop = asyncio.get_running_loop()
        task = asyncio.current_task(loop)
        if task is None:
            raise AssertionError("a call is served by a task")
        self._task, self._before = task, task.cancelling()
        self._timer = loop.call_later(self._seconds, self.end)

    @property
    def passed(self) -> bool:
        """Whether the time was up before the work was done."""
        return self._passed

    def end(self) -> None:
        """The time is up."""
        self._passed = True
        self._task.cancel()

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        self._timer.cancel()
        # The cancellation is taken back, and is ours unless another one is left: a caller that has gone counts more.
        if self._passed and self._task.uncancel() <= self._before and kind is asyncio.CancelledError:
            raise DeadlinePassedError from None


def allowed(remaining: float | None, *, unary: bool) -> float | None:
    """Seconds for the work, None for no bound. `remaining` is the caller's, None where it set no deadline."""
    bound = LONGEST_UNARY if unary else None
    if remaining is None:
        return bound
    shaved = max(remaining - min(remaining * SHAVED_SHARE, SHAVED_AT_MOST), 0.0)
    return shaved if bound is None else min(shaved, bound)
