"""When a call may be repeated, and how long to wait before."""

import random
import time
from collections.abc import Callable
from datetime import timedelta
from typing import Final, TypeVar

import grpc

from batchjobs._errors import CallFailedError, Failure, decode

T = TypeVar("T")

ATTEMPT_TIMEOUT: Final = 20.0
"""Seconds for one attempt; the whole call may take several."""

FIRST_PAUSE: Final = 0.25
LONGEST_PAUSE: Final = 8.0

REPEATED: Final = frozenset({grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED})


def pause(failure: Failure, attempt: int, spread: float) -> float | None:
    """Seconds to wait before the call is repeated; None: do not repeat it.

    Args:
        failure: how the attempt failed.
        attempt: how many failed before it in a row.
        spread: 0 to 1, random, so that many callers do not come back together.
    """
    if failure.code not in REPEATED and failure.reason != "OVERLOADED":
        return None
    asked = failure.retry_after if failure.pushback is None else failure.pushback
    if asked is not None:
        return asked.total_seconds() if asked >= timedelta() else None
    return float(min(LONGEST_PAUSE, FIRST_PAUSE * 2 ** min(attempt, 10))) * (0.5 + spread / 2)


class Patience:
    """How long a caller goes on trying: `budget` seconds from `begin`, or else from the first failure in a row.

    Args:
        budget: seconds until it gives up.
        notice: called with each failure that is followed by another attempt, and the seconds until then.
        sleep: waits for so many seconds.
        now: a clock in seconds.
    """

    def __init__(
        self,
        budget: float,
        notice: Callable[[Failure, float], None] = lambda _failure, _seconds: None,
        sleep: Callable[[float], None] = time.sleep,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self._budget, self._notice, self._sleep, self._now = budget, notice, sleep, now
        self.went_well()

    def went_well(self) -> None:
        """Forget the failures; the next one begins a new count."""
        self._failures, self._unknown = 0, False
        self._end: float | None = None

    def begin(self) -> None:
        """Begin to count now."""
        self.went_well()
        self._end = self._now() + self._budget

    def left(self) -> float:
        """Seconds that are left."""
        return self._budget if self._end is None else self._end - self._now()

    def bear(self, failure: Failure) -> None:
        """Wait until the call may be repeated.

        Raises:
            CallFailedError: it must not be repeated, or not in the time that is left.
        """
        if self._end is None:
            self._end = self._now() + self._budget
        self._unknown = self._unknown or failure.outcome_unknown
        seconds = pause(failure, self._failures, random.random())
        if seconds is None or seconds >= self.left():
            raise CallFailedError(failure, outcome_unknown=self._unknown)
        self._failures += 1
        self._notice(failure, seconds)
        self._sleep(seconds)


def repeat(send: Callable[[float], T], patience: Patience) -> T:
    """Make a call that may be made twice: a read, or a create under a request id.

    Args:
        send: makes one attempt, with its timeout in seconds.
        patience: how long to go on, all attempts together.

    Raises:
        CallFailedError: the call was refused, or `patience` ran out.
    """
    patience.begin()
    while True:
        try:
            return send(min(ATTEMPT_TIMEOUT, max(patience.left(), 0.001)))
        except grpc.RpcError as error:
            patience.bear(decode(error))
