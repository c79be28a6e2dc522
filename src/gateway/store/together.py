"""Questions that share queries: those that arrive before a query starts are answered by it together."""

import asyncio
from collections.abc import Awaitable, Callable, Hashable, Mapping
from typing import Final, Generic, TypeVar

from gateway.store.connections import Connections
from gateway.store.errors import StoreError
from gateway.store.kept import Kept

MOST: Final = 500
GATHER_SECONDS: Final = 0.005
GATHER_SECONDS_EACH: Final = 0.0005
"""How long questions gather for the next query while many come: a query costs as much processor time as several calls
do, and a process that serves many callers has them wait for its processor anyway. So the more there were, the longer.
"""

Key = TypeVar("Key", bound=Hashable)
Answer = TypeVar("Answer")
Waiters = list[asyncio.Future[Answer | None]]


class Together(Generic[Key, Answer]):
    """One query is under way at a time; whoever asks meanwhile is answered by the next one, never by an older one."""

    def __init__(
        self,
        name: str,
        connections: Connections,
        read: Callable[[Kept, list[Key]], Awaitable[Mapping[Key, Answer]]],
        *,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        """`read` answers what there is to the keys that it is given, at most `MOST` at a time."""
        self._name, self._connections, self._read, self._sleep = name, connections, read, sleep
        self._kept = Kept(connections)
        self._waiting: dict[Key, Waiters[Answer]] = {}
        self._worker: asyncio.Task[None] | None = None

    async def ask(self, key: Key) -> Answer | None:
        """The answer as of some moment after this call began; None where there is none. Errors are the connections'."""
        answer: asyncio.Future[Answer | None] = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(key, []).append(answer)
        if self._worker is None:
            self._worker = asyncio.create_task(self._work(), name=self._name)
        try:
            return await answer
        except StoreError as error:
            raise self._connections.surface(error) from error

    async def _work(self) -> None:
        try:
            while self._waiting:
                keys = list(self._waiting)[:MOST]
                await self._answer({key: self._waiting.pop(key) for key in keys})
                # Whoever asks alone never waits for company.
                if self._waiting and len(keys) > 1:
                    await self._sleep(gather_seconds(len(keys)))
        finally:
            self._worker = None
            for answer in _still_waiting(self._waiting):
                answer.cancel()

    async def _answer(self, group: dict[Key, Waiters[Answer]]) -> None:
        try:
            found = await self._read(self._kept, list(group))
        except Exception as error:  # noqa: BLE001 - whatever it is belongs to the callers that wait for it
            for answer in _still_waiting(group):
                answer.set_exception(type(error)(*error.args) if isinstance(error, StoreError) else error)
        except BaseException:
            for answer in _still_waiting(group):
                answer.cancel()
            raise
        else:
            for key, answers in group.items():
                for answer in _still_waiting({key: answers}):
                    answer.set_result(found.get(key))


def gather_seconds(asked: int) -> float:
    """How long to gather for the query after one of so many questions."""
    return min(GATHER_SECONDS, asked * GATHER_SECONDS_EACH)


def _still_waiting(group: Mapping[Key, Waiters[Answer]]) -> Waiters[Answer]:
    """Those that have not given up."""
    return [answer for answers in group.values() for answer in answers if not answer.done()]
