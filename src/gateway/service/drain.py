"""The end of a replica: new calls are refused, watches end, and both say to come again."""

from collections.abc import Callable
from datetime import timedelta
from typing import Final

from gateway.errors import GatewayError, Reason

COME_AGAIN: Final = timedelta(milliseconds=500)


class Drain:
    """Begins once and never ends."""

    def __init__(self) -> None:
        self.begun = False
        self._callbacks: list[Callable[[], None]] = []

    def begin(self) -> None:
        """Say so to everyone who subscribed."""
        self.begun = True
        for callback in self._callbacks:
            callback()

    def subscribe(self, callback: Callable[[], None]) -> None:
        """Call `callback` when it begins."""
        self._callbacks.append(callback)

    def refusal(self) -> GatewayError:
        """What calls are told from then on."""
        return GatewayError(
            Reason.DRAINING,
            "This replica of the gateway is shutting down. Call again: another one answers.",
            retry_after=COME_AGAIN,
        )
