"""When a call may be repeated, and how long to wait before."""

import asyncio
import random
import time
from collections.abc import Awaitable, Callable
from typing import Final, TypeVar

import grpc

from batchjobs.client._errors import BatchJobsError, error_of
from batchjobs.client._failure import UNCLEAR, Failure, decode
from batchjobs.client._hints import is_permanent

T = TypeVar("T")

ATTEMPT_SECONDS: Final = 20.0
"""For one attempt; the whole call may take several."""

FIRST_PAUSE: Final = 0.25
LONGEST_PAUSE: Final = 8.0
SPREAD: Final = 0.25
"""The share by which a wait that the gateway asks for may become longer, so that not all its callers come at once."""

REPEATED: Final = frozenset({grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED, grpc.StatusCode.CANCELLED})
"""Codes after which a call is repeated. CANCELLED comes from the other end here, never from this one: gRPC says it of a
call that reaches a replica just as it leaves. A stream is opened again after any that is unclear: proxies cut long
streams in ways of their own.
"""

Notice = Callable[[BatchJobsError, float], None]
"""Told of each failure that is followed by another attempt, and the seconds until then."""


def pause(failure: Failure, attempt: int, spread: float, *, stream: bool = False) -> float | None:
    """Seconds to wait before the call is repeated; None: do not repeat it.

    Args:
        failure: how the attempt failed.
        attempt: how many failed before it in a row.
        spread: 0 to 1, random, so that many callers do not come back together.
        stream: whether it was a stream, which only reads.
    """
    wait = failure.wait
    asked = None if wait is None else wait.total_seconds()
    full = failure.code is grpc.StatusCode.RESOURCE_EXHAUSTED and (asked is not None or failure.reason == "OVERLOADED")
    if not full and failure.code not in (UNCLEAR if stream else REPEATED):
        return None
    if not stream and not failure.reason and is_permanent(failure.message):
        return None
    if asked is None:
        return float(min(LONGEST_PAUSE, FIRST_PAUSE * 2 ** min(attempt, 10))) * (0.5 + spread / 2)
    return None if asked < 0 else asked * (1 + SPREAD * spread)


class Patience:
    """How long a caller goes on trying: `budget` seconds from `begin`, or else from the first failure in a row.

    Args:
        budget: seconds until it gives up.
        stream: whether it is for a stream.
        notice: told of every wait.
        sleep: waits for so many seconds.
        now: a clock in seconds.
    """

    def __init__(
        self,
        budget: float,
        *,
        stream: bool = False,
        notice: Notice = lambda _error, _seconds: None,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self._budget, self._stream, self._notice, self._sleep, self._now = budget, stream, notice, sleep, now
        self._failures, self._unknown = 0, False
        self._end: float | None = None
        self._tried = now()

    def begin(self) -> None:
        """Begin to count now."""
        self._end = self._now() + self._budget

    def heard(self) -> None:
        """The gateway has answered: the next failure begins a new count.

        Pauses go on growing until an answer comes that is older than the longest of them: what fails again right after
        every answer must not be tried ever so often.
        """
        self._end, self._unknown = None, False
        if self._now() - self._tried >= LONGEST_PAUSE:
            self._failures = 0

    def left(self) -> float:
        """Seconds that are left."""
        return self._budget if self._end is None else self._end - self._now()

    async def bear(self, failure: Failure) -> None:
        """Wait until the call may be repeated.

        Raises:
            BatchJobsError: it must not be repeated, or not in the time that is left.
        """
        if self._end is None:
            self.begin()
        self._unknown = self._unknown or failure.outcome_unknown
        seconds = pause(failure, self._failures, random.random(), stream=self._stream)
        if seconds is None or seconds >= self.left():
            raise error_of(failure, outcome_unknown=self._unknown)
        self._failures += 1
        self._notice(error_of(failure, outcome_unknown=self._unknown), seconds)
        await self._sleep(seconds)
        self._tried = self._now()


async def repeat(send: Callable[[float], Awaitable[T]], patience: Patience) -> T:
    """Make a call that may be made twice: a read, a cancel or delete, or a create under a request id.

    Args:
        send: makes one attempt, with its timeout in seconds.
        patience: how long to go on, all attempts together.

    Raises:
        BatchJobsError: the call was refused, or `patience` ran out.
    """
    patience.begin()
    while True:
        try:
            return await send(min(ATTEMPT_SECONDS, max(patience.left(), 0.001)))
        except grpc.RpcError as error:
            await patience.bear(decode(error))
