"""What a held lease still allows, on this process's own clock."""

import asyncio

from gateway.clock import Clock
from gateway.controller.config import ControllerConfig
from gateway.store.errors import LeaseLostError
from gateway.store.lease import Held


class Leadership:
    """One term. It ends once and for all: by losing the lease, by giving it back, or by its expiry."""

    def __init__(self, held: Held, *, clock: Clock, config: ControllerConfig) -> None:
        self._held = held
        self._clock = clock
        self._margin = config.lease_margin.total_seconds()
        self.over = asyncio.Event()

    @property
    def term(self) -> str:
        return self._held.term

    @property
    def held(self) -> Held:
        return self._held

    @property
    def expires(self) -> float:
        """On the clock's boottime, counted from before the renewal was sent."""
        return float("-inf") if self.over.is_set() else self._held.expires

    @property
    def submits_until(self) -> float:
        """Until when a create may be sent: a margin before the end, so that the next leader finds it under way."""
        return self.expires - self._margin

    def renewed(self, held: Held) -> None:
        if not self.over.is_set():
            self._held = held

    def lose(self) -> None:
        """It is over, for whatever reason."""
        self.over.set()

    def require(self) -> None:
        """Called before every transaction of the controller: none is started past the lease's end.

        Raises:
            LeaseLostError: the term is over.

        """
        if self._clock.boottime() >= self.expires:
            self.lose()
            raise LeaseLostError("the lease has run out")
