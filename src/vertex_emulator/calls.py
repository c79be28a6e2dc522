"""A record of every call that reached the emulator, for audits and for tests that wait on a call."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from vertex_emulator.clock import Clock

_KEPT = 200_000


@dataclass
class Call:
    """One call. It is recorded when it arrives and filled in as it goes on.

    `request` is the protobuf request of a gRPC method, or a dict for an HTTP route. `code` is the name of a gRPC code
    or an HTTP status in digits, empty until there is an answer. `took_effect` is when the method's work was done, which
    may be long after the caller has gone (`client_gone`). `metadata` never holds credentials, only whether there were
    any.
    """

    number: int
    method: str
    request: Any
    time: datetime
    peer: str = ""
    metadata: Mapping[str, str] = field(default_factory=dict)
    deadline_seconds: float | None = None
    faults: tuple[str, ...] = ()
    job: str = ""
    code: str = ""
    message: str = ""
    answered: datetime | None = None
    took_effect: datetime | None = None
    client_gone: bool = False


class CallLog:
    """The calls in the order in which they arrived. Keeps the last 200,000."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._calls: deque[Call] = deque(maxlen=_KEPT)
        self._count = 0
        self._signal = asyncio.Event()

    def __iter__(self) -> Iterator[Call]:
        return iter(list(self._calls))

    def __len__(self) -> int:
        return len(self._calls)

    def of(self, method: str) -> list[Call]:
        """The calls of one method, oldest first."""
        return [call for call in self._calls if call.method == method]

    def clear(self) -> None:
        self._calls.clear()

    async def wait_for(self, holds: Callable[[Call], bool], *, count: int = 1) -> list[Call]:
        """Wait until that many calls fulfil the condition, which is looked at again whenever a call changes."""
        while True:
            signal = self._signal
            found = [call for call in self._calls if holds(call)]
            if len(found) >= count:
                return found
            await signal.wait()

    def begin(self, method: str, request: Any, **facts: Any) -> Call:
        self._count += 1
        call = Call(self._count, method, request, self._clock.now(), **facts)
        self._calls.append(call)
        self.announce()
        return call

    def effect(self, call: Call) -> None:
        call.took_effect = self._clock.now()
        self.announce()

    def answer(self, call: Call, code: str, message: str = "") -> None:
        call.code, call.message, call.answered = code, message, self._clock.now()
        self.announce()

    def announce(self) -> None:
        """Wake everyone who waits for a call to change."""
        signal, self._signal = self._signal, asyncio.Event()
        signal.set()
