"""How much one process takes on: what is too much is refused at once, while there is memory and time to say so."""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any, Final

from gateway.api.call import Call, Proceed
from gateway.errors import GatewayError, Reason

COME_AGAIN: Final = timedelta(seconds=1)

NAMELESS_STREAMS: Final = 200
"""How many streams of health, and as many of reflection, one process keeps open at a time: they need no name, and so no
bound of a principal's holds them.
"""


class Shedding:
    """Refuses unary calls of the guarded services past `most` worked on at a time, over all listeners that share it.

    Watches have bounds of their own. Probes are always answered: a busy replica must not be taken for a dead one.
    """

    def __init__(self, most: int, guarded: frozenset[str]) -> None:
        self._most, self._guarded = most, guarded
        self.in_flight = 0
        self._nameless = Counter[str]()

    async def around(self, call: Call, proceed: Proceed) -> Any:
        """Refuse, or count while it goes on."""
        if call.service not in self._guarded:
            return await (proceed(call) if call.unary else self._stream(call, proceed))
        if not call.unary:
            return await proceed(call)
        if self.in_flight >= self._most:
            raise GatewayError(
                Reason.OVERLOADED,
                "This replica works on as many calls as it may. Nothing was done: call again in a moment.",
                retry_after=COME_AGAIN,
            )
        self.in_flight += 1
        try:
            return await proceed(call)
        finally:
            self.in_flight -= 1

    @contextmanager
    def at_rest(self, call: Call) -> Iterator[None]:
        """While it is entered, a call that was let through is not worked on, and does not count."""
        counted = int(call.unary and call.service in self._guarded)
        self.in_flight -= counted
        try:
            yield
        finally:
            self.in_flight += counted

    async def _stream(self, call: Call, proceed: Proceed) -> Any:
        if self._nameless[call.service] >= NAMELESS_STREAMS:
            raise GatewayError(
                Reason.OVERLOADED,
                "This replica keeps as many streams of this service open as it may. End some, or ask with unary calls.",
                retry_after=COME_AGAIN,
            )
        self._nameless[call.service] += 1
        try:
            return await proceed(call)
        finally:
            self._nameless[call.service] -= 1
