"""A connection that is kept from one question to the next."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Final

from asyncpg.pool import PoolConnectionProxy

from gateway.store.connections import Connections, Session, is_lost

KEPT_SECONDS: Final = 0.02


class Kept:
    """Sessions for one question after another, on one connection of a group.

    To get a connection out of its group and back takes longer than a short question does. So it goes back only once no
    question has come for a moment, or one has failed on it.
    """

    def __init__(self, connections: Connections, *, sleep: Callable[[float], Awaitable[None]] = asyncio.sleep) -> None:
        self._connections, self._sleep = connections, sleep
        self._connection: PoolConnectionProxy | None = None
        self._used = False
        self._waiting: asyncio.Task[None] | None = None

    @asynccontextmanager
    async def session(self, op: str) -> AsyncIterator[Session]:
        """As a session of the group; one at a time."""
        with self._connections.watched(op):
            connection = await self._take()
            try:
                yield Session(connection)
            except BaseException:
                await self._connections.give_back(connection)
                raise
            self._keep(connection)

    async def _take(self) -> PoolConnectionProxy:
        """The one that was kept, unless it has been cut meanwhile."""
        connection, self._connection = self._connection, None
        if connection is not None and is_lost(connection):
            await self._connections.give_back(connection)
            connection = None
        return connection or await self._connections.take()

    def _keep(self, connection: PoolConnectionProxy) -> None:
        self._connection, self._used = connection, True
        if self._waiting is None:
            self._waiting = asyncio.create_task(self._give_back_when_idle(), name="kept connection")

    async def _give_back_when_idle(self) -> None:
        try:
            while self._used:
                self._used = False
                await self._sleep(KEPT_SECONDS)
        finally:
            self._waiting = None
            connection, self._connection = self._connection, None
            if connection is not None:
                await self._connections.give_back(connection)
