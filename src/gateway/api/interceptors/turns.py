"""Turns between teams: while several call, each has only so many calls under way, and its further ones wait in line.

A process has one core and takes calls as they come. Without turns a team that never rests stands before every call of
another; with them, another's call waits for the few that are under way. A team that calls alone is never held back.
"""

import asyncio
import time
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from enum import Enum, auto
from typing import Any, Final, Self

import grpc

from gateway.api.call import Call, Proceed
from gateway.api.interceptors.shedding import COME_AGAIN
from gateway.errors import GatewayError, Reason
from gateway.identity.authorize import membership_of
from gateway.identity.principal import Principal
from gateway.policy.model import Policy

RECENT_SECONDS: Final = 1.0
"""How long a team counts as calling after it has called."""

CREATES: Final = frozenset({"CreateBatchJob", "CreateBatchPredictionJob"})
"""The methods that wait for Google's services: they have turns of their own, so that no other call waits with them."""

Context = grpc.aio.ServicerContext[Any, Any]


@dataclass(frozen=True, slots=True)
class Share:
    """How many calls of one team are worked on at a time while others call: creates, and all else. Watches begin one by
    one. Of each kind `waiting` more may wait.
    """

    creates: int
    others: int
    waiting: int

    def of(self, kind: "_Kind") -> int:
        match kind:
            case _Kind.CREATE:
                return self.creates
            case _Kind.WATCH:
                return 1
            case _Kind.OTHER:
                return self.others


class _Kind(Enum):
    """Calls that wait in one line."""

    CREATE = auto()
    WATCH = auto()
    OTHER = auto()

    @classmethod
    def of(cls, call: Call) -> Self:
        if not call.unary:
            return cls.WATCH
        return cls.CREATE if call.method in CREATES else cls.OTHER


_Key = tuple[str, _Kind]


@dataclass(slots=True)
class _Line:
    """One team's calls of a kind: how many may be and are under way, and those that wait, the oldest first."""

    team: str
    most: int
    under_way: int = 0
    waiting: deque[asyncio.Future[None]] = field(default_factory=deque)


class Turns:
    """Lets each team have its share of calls under way while another calls too. It stands inside identity.

    A watch gives its turn back as it writes its first message: from there on it costs what changes cost, and its reader
    may be slow.

    Args:
        share: how many calls.
        whose: whose turns a principal takes; "" for a principal without any right, whose calls hold nobody back.
        now: the clock by which teams count as calling.

    """

    def __init__(
        self, share: Share, whose: Callable[[Principal], str], now: Callable[[], float] = time.monotonic
    ) -> None:
        self._share, self._whose, self._now = share, whose, now
        self._lines: dict[_Key, _Line] = {}
        self._latest = ""
        self._latest_called = self._other_called = -RECENT_SECONDS

    @property
    def waiting(self) -> int:
        """How many calls wait for their turn."""
        return sum(len(line.waiting) for line in self._lines.values())

    async def around(self, call: Call, proceed: Proceed) -> Any:
        """Wait for a turn, hold it while the call goes on, and pass it on."""
        if call.principal is None:
            return await proceed(call)
        team = self._whose(call.principal)
        self._called(team)
        key = team, _Kind.of(call)
        line = self._lines.get(key)
        if line is None:
            line = self._lines[key] = _Line(team, self._share.of(key[1]))
        self._advance(line)
        if self._full(line):
            await self._turn(key, line)
        else:
            line.under_way += 1
        if not call.unary:
            return await self._begin(call, proceed, lambda: self._pass_on(key, line))
        try:
            return await proceed(call)
        finally:
            self._pass_on(key, line)

    def _called(self, team: str) -> None:
        """Remember the team that called last and when, and when any other last did: that tells whether others call."""
        if not team:
            return
        if team != self._latest:
            self._latest, self._other_called = team, self._latest_called
        self._latest_called = self._now()

    def _others_call(self, team: str) -> bool:
        called = self._other_called if team == self._latest else self._latest_called
        return self._now() - called < RECENT_SECONDS

    def _full(self, line: _Line) -> bool:
        return line.under_way >= line.most and self._others_call(line.team)

    async def _turn(self, key: _Key, line: _Line) -> None:
        if len(line.waiting) >= self._share.waiting:
            raise GatewayError(
                Reason.OVERLOADED,
                "As many calls of this team wait for their turn on this replica as may, since other teams call too. "
                "Nothing was done: call again in a moment.",
                retry_after=COME_AGAIN,
            )
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        line.waiting.append(turn)
        try:
            await turn
        except asyncio.CancelledError:
            if not turn.cancelled():  # It was given to a call that goes no more.
                self._pass_on(key, line)
            elif turn in line.waiting:
                line.waiting.remove(turn)
            raise

    def _pass_on(self, key: _Key, line: _Line) -> None:
        line.under_way -= 1
        self._advance(line)
        if not line.under_way:
            del self._lines[key]

    def _advance(self, line: _Line) -> None:
        """Who waits longest goes on where there is room, and all who wait once nobody else calls."""
        while line.waiting and not self._full(line):
            turn = line.waiting.popleft()
            if not turn.done():
                turn.set_result(None)
                line.under_way += 1

    async def _begin(self, call: Call, proceed: Proceed, pass_on: Callable[[], None]) -> Any:
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


def whose_turns(policy: Policy, principal: Principal) -> str:
    """Principals of the same teams share their turns, and so do operators; "" for a principal without any right."""
    membership = membership_of(policy, principal)
    return ",".join(sorted(membership.roles)) or ("operators:" if membership.operator else "")
