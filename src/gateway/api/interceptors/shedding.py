"""How much one process takes on: what is too much is refused at once, while there is memory and time to say so."""

from collections import defaultdict
from datetime import timedelta
from typing import Any, Final

from gateway.api.call import Call, Proceed
from gateway.api.interceptors.deadline import DeadlinePassedError
from gateway.api.interceptors.places import Place, Places
from gateway.errors import GatewayError, Reason
from gateway.identity.throttle import network_of

COME_AGAIN: Final = timedelta(seconds=1)

NAMELESS_STREAMS: Final = 200
"""How many streams of health, and as many of reflection, one process keeps open at a time: they need no name, and so no
bound of a principal's holds them.
"""

NAMELESS_STREAMS_OF_A_PEER: Final = 50
"""How many of them may come from one address."""

NAMELESS_AGE: Final = 60.0
"""After how many seconds such a stream is ended."""


class Shedding:
    """Refuses unary calls of the guarded services past `most` worked on at a time, over all listeners that share it.

    Watches have bounds of their own. Probes are always answered: a busy replica must not be taken for a dead one.
    """

    def __init__(self, most: int, guarded: frozenset[str]) -> None:
        self._most, self._guarded = most, guarded
        self.in_flight = 0
        self._streams: defaultdict[str, Places] = defaultdict(lambda: Places(NAMELESS_STREAMS))

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

    def at_rest(self, call: Call) -> "AtRest":
        """While it is entered, a call that was let through is not worked on, and does not count."""
        return AtRest(self, int(call.unary and call.service in self._guarded))

    async def _stream(self, call: Call, proceed: Proceed) -> Any:
        streams, peer = self._streams[call.service], network_of(call.context.peer())
        if streams.of(peer) >= NAMELESS_STREAMS_OF_A_PEER:
            raise GatewayError(
                Reason.OVERLOADED,
                "Your address has as many streams of this service open on this replica as it may. End some, or ask "
                "with unary calls.",
                retry_after=COME_AGAIN,
            )
        place = Place(NAMELESS_AGE)
        try:
            with place:
                streams.take(peer, place)
                return await proceed(call)
        except DeadlinePassedError:
            if not place.passed:
                raise  # The caller's own.
            raise GatewayError(
                Reason.DRAINING,
                "The stream has reached its age limit, or was the oldest where others need its place. Open it again.",
                retry_after=COME_AGAIN,
            ) from None
        finally:
            streams.leave(peer, place)


class AtRest:
    """Stands around every call: so it is no generator, which takes several times as long."""

    __slots__ = ("_counted", "_shedding")

    def __init__(self, shedding: Shedding, counted: int) -> None:
        self._shedding, self._counted = shedding, counted

    def __enter__(self) -> None:
        self._shedding.in_flight -= self._counted

    def __exit__(self, *_: object) -> None:
        self._shedding.in_flight += self._counted
