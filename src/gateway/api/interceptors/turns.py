"""Turns between teams: while several call, each has only so many calls under way, and its further ones wait in line.

A process has one core and takes calls as they come. Without turns a team that never rests stands before every call of
another; with them, another's call waits for the few that are under way. A team that calls alone has many more.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from enum import Enum, auto
from typing import Any, Final, Self

import grpc

from gateway.api.call import Call, Proceed
from gateway.api.interceptors.lines import Callers, Lines
from gateway.identity.authorize import membership_of
from gateway.identity.principal import Principal
from gateway.policy.model import Policy

CREATES: Final = frozenset({"CreateBatchJob", "CreateBatchPredictionJob"})
"""The methods that wait for Google's services: they have turns of their own, so that no other call waits with them."""

Context = grpc.aio.ServicerContext[Any, Any]


@dataclass(frozen=True, slots=True)
class Share:
    """How many calls of one team are worked on at a time while others call: creates, and all else. Watches begin one by
    one, `watch_seconds` apart: to open one and to leave it costs far more than a call. Of all teams `waiting` may wait.
    """

    creates: int
    others: int
    waiting: int
    alone: int
    """How many of each kind where no other team calls: so many the first call of another may stand behind."""
    watch_seconds: float = 0.0

    def of(self, kind: "_Kind") -> int:
        match kind:
            case _Kind.CREATE:
                return self.creates
            case _Kind.WATCH | _Kind.NAMELESS:
                return 1
            case _Kind.OTHER:
                return self.others


class _Kind(Enum):
    """Calls that wait in one line."""

    CREATE = auto()
    WATCH = auto()
    OTHER = auto()
    NAMELESS = auto()

    @classmethod
    def of(cls, call: Call) -> Self:
        if not call.unary:
            return cls.WATCH
        return cls.CREATE if call.method in CREATES else cls.OTHER


_Key = tuple[str, _Kind]


class Turns:
    """Lets each team have its share of calls under way while another calls too. It stands inside identity.

    A watch gives its turn back when it writes its first message and the time between two beginnings is over: from there
    on it costs what changes cost, and its reader may be slow.

    Args:
        share: how many calls.
        whose: whose turns a principal takes; "" for a principal without any right, whose calls hold nobody back.
        at_rest: entered while a call waits.
        now: the clock by which teams count as calling, in seconds.
        later: calls something after so many seconds.

    """

    def __init__(
        self,
        share: Share,
        whose: Callable[[Principal], str],
        at_rest: Callable[[Call], AbstractContextManager[None]],
        now: Callable[[], float] = time.monotonic,
        later: Callable[[float, Callable[[], None]], object] | None = None,
    ) -> None:
        self._share, self._whose, self._at_rest, self._now = share, whose, at_rest, now
        self._later = later or _by_the_loop
        self._callers = Callers(now)
        self._lines = Lines(share.waiting, self._callers)

    @property
    def waiting(self) -> int:
        """How many calls wait for their turn."""
        return self._lines.waiting

    async def around(self, call: Call, proceed: Proceed) -> Any:
        """Wait for a turn, hold it while the call goes on, and pass it on."""
        if call.principal is None:
            await self.nameless(call)
            return await proceed(call)
        team = self._whose(call.principal)
        if team:
            self._callers.called(team)
        key = team, _Kind.of(call)
        await self._turn(call, key)
        if not call.unary:
            return await self._begin(call, proceed, key)
        try:
            return await proceed(call)
        finally:
            self._lines.pass_on(key)

    async def nameless(self, call: Call) -> None:
        """Wait until a call without a name goes on, or is refused for want of one: one at each turn of the loop, so
        that a flood of them does not stand before calls of teams.
        """
        key = "", _Kind.NAMELESS
        await self._turn(call, key)
        self._later(0.0, lambda: self._lines.pass_on(key))

    async def _turn(self, call: Call, key: _Key) -> None:
        if not self._lines.goes(key, self._share.of(key[1]), self._share.alone):
            with self._at_rest(call):
                await self._lines.turn(key)

    async def _begin(self, call: Call, proceed: Proceed, key: _Key) -> Any:
        over = self._now() + self._share.watch_seconds

        def pass_on() -> None:
            self._later(max(over - self._now(), 0.0), lambda: self._lines.pass_on(key))

        context = call.context
        beginning: Any = _Beginning(context, pass_on)
        call.context = beginning
        try:
            return await proceed(call)
        finally:
            call.context = context
            beginning.begun()


class _Beginning:
    """The context of a stream that has not written yet. With the first message it gets out of the way; not after it,
    since a reader may take as long as it likes.
    """

    def __init__(self, context: Context, pass_on: Callable[[], None]) -> None:
        self._context, self._pass_on = context, pass_on
        self.write: Callable[[Any], Awaitable[None]] = self._write_first

    def __getattr__(self, name: str) -> Any:
        return getattr(self._context, name)

    async def _write_first(self, message: Any) -> None:
        self.begun()
        await self._context.write(message)

    def begun(self) -> None:
        """Pass the turn on, once."""
        self.write = self._context.write
        pass_on, self._pass_on = self._pass_on, _nothing
        pass_on()


def _nothing() -> None:
    """What the second message does."""


def _by_the_loop(seconds: float, what: Callable[[], None]) -> None:
    asyncio.get_running_loop().call_later(seconds, what)


def whose_turns(policy: Policy, principal: Principal) -> str:
    """Principals of the same teams share their turns, and so do operators; "" for a principal without any right."""
    membership = membership_of(policy, principal)
    return ",".join(sorted(membership.roles)) or ("operators:" if membership.operator else "")
