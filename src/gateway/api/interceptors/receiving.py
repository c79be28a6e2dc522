"""Receives a call's one message: inside identity, so that nobody's message is taken in, and outside turns, so that a
message that comes slowly holds nobody up but its own call.

gRPC keeps what has come of a message until the rest is there, and tells nobody how much that is. So as many may come at
a time as there is memory for if each is as long as a message may be.
"""

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any, Final

import grpc

from gateway.api.call import Call, Proceed
from gateway.api.interceptors.deadline import DeadlinePassedError
from gateway.api.interceptors.lines import Callers, Lines
from gateway.api.interceptors.places import Place, Places
from gateway.api.interceptors.shedding import COME_AGAIN
from gateway.errors import GatewayError, Reason
from gateway.identity.throttle import network_of

MOST_BYTES: Final = 64 * 1024 * 1024
"""How much may be there of messages that are still to come, of all callers with a name, on one replica."""

SHARE: Final = 4
"""One principal may have one in so many of those messages come at a time. Its further calls wait until one is there."""

MOST_WAITING: Final = 1000
"""How many calls may wait for that, of all principals."""

SECONDS: Final = 10.0
"""How long a message may take to come, its wait included."""

NAMELESS_MOST_BYTES: Final = 16 * 1024 * 1024
"""As MOST_BYTES, of the calls that need no name."""

NAMELESS_MOST: Final = 64
"""How many of those messages may come at a time however short they may be."""

NAMELESS_SECONDS: Final = 2.0
"""As SECONDS. What asks for health or for the schema is so short that it comes with its call."""

NAMELESS_BYTES: Final = 4096
"""The longest message of a call that needs no name."""

FEWEST: Final = 8
"""How many messages may come at a time however long they may be."""


class Receiving:
    """Puts the message's bytes into the call. They are read as a message once the call goes on.

    Args:
        message_bytes: how long a message may be.
        at_rest: entered while the message comes. A call without one is no work, and must not stand for any.

    """

    def __init__(self, message_bytes: int, at_rest: Callable[[Call], AbstractContextManager[None]]) -> None:
        self._at_rest = at_rest
        self._named = Places(max(MOST_BYTES // message_bytes, FEWEST))
        self._nameless = Places(max(min(NAMELESS_MOST_BYTES // message_bytes, NAMELESS_MOST), FEWEST))
        self._each = max(self._named.most // SHARE, 1)
        self._lines = Lines(MOST_WAITING, Callers(), _overloaded)

    @property
    def to_come(self) -> int:
        """How many calls wait for their message, in line or not."""
        return self._named.taken + self._nameless.taken + self._lines.waiting

    async def around(self, call: Call, proceed: Proceed) -> Any:
        """Wait for the message; refuse a call that ends without one."""
        if not call.sends_stream:
            with self._at_rest(call):
                call.request = await self._received(call)
            if call.request is grpc.aio.EOF:
                raise GatewayError(Reason.INVALID_SPEC, "The call has no message: send the method's request.")
            if call.principal is None and len(call.request) > NAMELESS_BYTES:
                raise GatewayError(
                    Reason.INVALID_SPEC, f"A message of this service has at most {NAMELESS_BYTES} bytes."
                )
        return await proceed(call)

    async def _received(self, call: Call) -> Any:
        named = call.principal is not None
        seconds = SECONDS if named else NAMELESS_SECONDS
        place = Place(seconds)
        try:
            with place:
                return await (self._in_line(call, place) if named else self._nameless_one(call, place))
        except DeadlinePassedError:
            if place.gave_way:
                raise _overloaded() from None
            raise DeadlinePassedError(_late(seconds)) from None

    async def _in_line(self, call: Call, place: Place) -> Any:
        whose = call.principal.name if call.principal else ""
        key = whose, ""
        if not self._lines.goes(key, self._each, self._each):
            await self._lines.turn(key)
        try:
            return await _read(call, self._named, whose, place)
        finally:
            self._lines.pass_on(key)

    async def _nameless_one(self, call: Call, place: Place) -> Any:
        return await _read(call, self._nameless, network_of(call.context.peer()), place)


async def _read(call: Call, places: Places, whose: str, place: Place) -> Any:
    places.take(whose, place)
    try:
        return await call.context.read()
    finally:
        places.leave(whose, place)


def _late(seconds: float) -> str:
    return (
        f"The call's message had not come within {seconds:g} s. Nothing was done: send the message with the call, and "
        "fewer large ones at a time over a slow connection."
    )


def _overloaded() -> GatewayError:
    return GatewayError(
        Reason.OVERLOADED,
        "As many messages as may are still to come to this replica, and this caller has begun most of those calls. "
        "Nothing was done: send each call's message with it, and call again in a moment.",
        retry_after=COME_AGAIN,
    )
