"""The end of a replica: new calls are refused, watches end, and both say to come again."""

from collections.abc import Callable
from datetime import timedelta
from typing import Final

from gateway.clock import Clock
from gateway.errors import GatewayError, Reason

COME_AGAIN: Final = timedelta(milliseconds=500)
QUIET_SECONDS: Final = 0.1
"""Shorter than `COME_AGAIN`: whoever has been refused keeps still for longer than that."""

MOST_ROUNDS: Final = 10
"""After so many looks nobody is waited for any more: some callers never keep still."""

LAST_WORDS: Final = 2.0
"""Seconds after the grace in which calls that were ended still tell their callers so."""


class Drain:
    """Begins once; `end` comes where calls are still under way when its grace is over."""

    def __init__(self) -> None:
        self.begun = False
        self.refused = 0
        self._callbacks: list[Callable[[], None]] = []
        self._at_the_end: list[Callable[[], None]] = []

    def begin(self) -> None:
        """Say so to everyone who subscribed."""
        if self.begun:
            return
        self.begun = True
        for callback in self._callbacks:
            callback()

    def subscribe(self, callback: Callable[[], None]) -> None:
        """Call `callback` when it begins."""
        self._callbacks.append(callback)

    def end(self) -> None:
        """The grace is over: say so to everyone who subscribed to that."""
        for callback in self._at_the_end:
            callback()

    def subscribe_to_end(self, callback: Callable[[], None]) -> None:
        """Call `callback` when nothing may go on any longer."""
        self._at_the_end.append(callback)

    async def until_quiet(self, clock: Clock) -> None:
        """Return when no call has been refused for a moment.

        gRPC cancels what has arrived and is not yet begun when its server is stopped, and callers do not repeat a call
        that was cancelled: so nothing should be arriving by then.
        """
        seen = -1
        for _ in range(MOST_ROUNDS):
            if self.refused == seen:
                return
            seen = self.refused
            await clock.sleep(QUIET_SECONDS)

    def refusal(self) -> GatewayError:
        """What calls are told from then on."""
        self.refused += 1
        return GatewayError(
            Reason.DRAINING,
            "This replica of the gateway is shutting down. Call again, a watch with its last resume token: another one "
            "answers.",
            retry_after=COME_AGAIN,
        )
