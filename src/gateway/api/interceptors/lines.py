"""The lines in which calls wait for their team's turn, and which teams have called lately."""

import asyncio
import time
from collections import deque
from collections.abc import Callable, Hashable
from dataclasses import dataclass, field
from typing import Final

from gateway.api.interceptors.shedding import COME_AGAIN
from gateway.errors import GatewayError, Reason

RECENT_SECONDS: Final = 60.0
"""How long a team counts as calling after it has called."""

Key = tuple[str, Hashable]
"""A team and a kind of call."""


class Callers:
    """Tells whether any other team has called lately. For that it remembers the team that called last, and when any
    other last did.
    """

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        self._now = now
        self._latest = ""
        self._latest_called = self._other_called = -RECENT_SECONDS

    def called(self, team: str) -> None:
        if team != self._latest:
            self._latest, self._other_called = team, self._latest_called
        self._latest_called = self._now()

    def others_than(self, team: str) -> bool:
        """Whether any has called within RECENT_SECONDS."""
        called = self._other_called if team == self._latest else self._latest_called
        return self._now() - called < RECENT_SECONDS


@dataclass(slots=True)
class _Line:
    """One team's calls of a kind: how many are under way, and those that wait, the oldest first."""

    team: str
    most: int
    alone: int
    under_way: int = 0
    waiting: deque[asyncio.Future[None]] = field(default_factory=deque)


class Lines:
    """Who is under way and who waits.

    Args:
        most: how many may wait in all lines together. Past that the longest line gives way: who came last there is
            refused. So a team that fills the lines fills its own.
        callers: tell whether a team is alone.
        overloaded: how who gives way is refused.

    """

    def __init__(self, most: int, callers: Callers, overloaded: Callable[[], GatewayError] | None = None) -> None:
        self._most, self._callers, self._overloaded = most, callers, overloaded or _overloaded
        self._lines: dict[Key, _Line] = {}
        self.waiting = 0
        """How many wait."""

    def goes(self, key: Key, most: int, alone: int) -> bool:
        """Whether a call may go on at once: one of `most` of its line under way at a time, or of `alone` where no other
        team calls. If so it is under way.
        """
        line = self._lines.get(key)
        if line is None:
            line = self._lines[key] = _Line(key[0], most, alone)
        self._advance(line)
        if self._full(line):
            return False
        line.under_way += 1
        return True

    async def turn(self, key: Key) -> None:
        """Wait until a call that may not go on at once is under way.

        Raises:
            GatewayError: OVERLOADED: all lines are full, and this is the longest.

        """
        line = self._lines[key]
        if self.waiting >= self._most:
            self._make_room(line)
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        line.waiting.append(turn)
        self.waiting += 1
        try:
            await turn
        except asyncio.CancelledError:
            self._left(key, line, turn)
            raise

    def pass_on(self, key: Key) -> None:
        """A call is under way no more."""
        line = self._lines[key]
        line.under_way -= 1
        self._advance(line)
        if not line.under_way:
            del self._lines[key]

    def _full(self, line: _Line) -> bool:
        return line.under_way >= line.most and (line.under_way >= line.alone or self._callers.others_than(line.team))

    def _advance(self, line: _Line) -> None:
        """Who waits longest goes on where there is room, and more of them once nobody else calls."""
        while line.waiting and not self._full(line):
            turn = line.waiting.popleft()
            self.waiting -= 1
            if not turn.done():
                turn.set_result(None)
                line.under_way += 1

    def _make_room(self, line: _Line) -> None:
        longest = max(self._lines.values(), key=lambda each: len(each.waiting))
        if len(longest.waiting) <= len(line.waiting) + 1:
            raise self._overloaded()
        turn = longest.waiting.pop()
        self.waiting -= 1
        if not turn.done():
            turn.set_exception(self._overloaded())

    def _left(self, key: Key, line: _Line, turn: asyncio.Future[None]) -> None:
        if turn.cancelled():
            if turn in line.waiting:
                line.waiting.remove(turn)
                self.waiting -= 1
        elif turn.exception() is None:  # It was given to a call that goes no more.
            self.pass_on(key)


def _overloaded() -> GatewayError:
    return GatewayError(
        Reason.OVERLOADED,
        "As many calls wait for their team's turn on this replica as may, most of them this team's, since other teams "
        "call too. Nothing was done: call again in a moment.",
        retry_after=COME_AGAIN,
    )
