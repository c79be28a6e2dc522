"""Deadlines: work ends a little before the caller stops waiting, so that the caller gets an answer and not silence."""

import asyncio
from typing import Any, Final

from gateway.api.call import Call, Proceed

LONGEST_UNARY: Final = 60.0
"""Seconds that a unary call may take where its caller set no deadline, or a longer one."""

SHAVED_SHARE: Final = 0.1
SHAVED_AT_MOST: Final = 0.2


class DeadlinePassedError(Exception):
    """The time that the caller gave is used up."""


class Deadline:
    """Cancels the work when its time is up. What has been committed by then stays committed."""

    async def around(self, call: Call, proceed: Proceed) -> Any:
        """Give the work what is left of the caller's time, less what the answer needs to travel."""
        scope = asyncio.timeout(allowed(call.context.time_remaining(), unary=call.unary))
        try:
            async with scope:
                return await proceed(call)
        except TimeoutError:
            if scope.expired():
                raise DeadlinePassedError from None
            raise


def allowed(remaining: float | None, *, unary: bool) -> float | None:
    """Seconds for the work, None for no bound. `remaining` is the caller's, None where it set no deadline."""
    bound = LONGEST_UNARY if unary else None
    if remaining is None:
        return bound
    shaved = max(remaining - min(remaining * SHAVED_SHARE, SHAVED_AT_MOST), 0.0)
    return shaved if bound is None else min(shaved, bound)
