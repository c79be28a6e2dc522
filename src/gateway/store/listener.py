"""One direct connection that listens for hints, proves that they arrive, and reads every team's revision."""

import asyncio
import secrets
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, Final, Self

import asyncpg

from gateway.store.connections import Connections
from gateway.store.driver import DRIVER_ERRORS, translate
from gateway.store.errors import StoreUnavailableError
from gateway.store.hints import CHANNEL, read_hint
from gateway.store.queries import load

SQL: Final = load("feed")
PROOF_SECONDS: Final = 5.0
_PROOF: Final = "proof:"


@dataclass(frozen=True, slots=True)
class Revisions:
    """Every team's revision at one moment, and the store's incarnation."""

    incarnation: str
    by_team: Mapping[str, int]


class Listener:
    """Listens from the moment it is opened; `learn` is called with every hint that arrives."""

    def __init__(self, connection: asyncpg.Connection, learn: Callable[[Mapping[str, int]], None]) -> None:
        self._connection, self._learn = connection, learn
        self._awaited = ""
        self._proven = asyncio.Event()

    @classmethod
    @asynccontextmanager
    async def open(cls, connections: Connections, learn: Callable[[Mapping[str, int]], None]) -> AsyncIterator[Self]:
        """Listen on a connection of its own and prove it, before anything is read. Errors are those of `errors.py`."""
        connection = await connections.connect()
        try:
            listener = cls(connection, learn)
            await connection.add_listener(CHANNEL, listener._heard)
            await listener.prove()
            yield listener
        except DRIVER_ERRORS as error:
            raise translate(error) from error
        finally:
            connection.terminate()

    async def prove(self) -> None:
        """Notify ourselves and wait for it: a connection that only looks alive, or a pooler, is found out."""
        self._awaited = _PROOF + secrets.token_hex(8)
        self._proven.clear()
        await self._connection.fetchval(SQL["notify"], CHANNEL, self._awaited)
        try:
            async with asyncio.timeout(PROOF_SECONDS):
                await self._proven.wait()
        except TimeoutError:
            raise StoreUnavailableError("a notification to ourselves did not arrive") from None

    async def read(self) -> Revisions:
        """All revisions, as committed now."""
        rows = await self._connection.fetch(SQL["revisions"])
        return Revisions(rows[0]["incarnation"], {row["team"]: row["revision"] for row in rows if row["team"]})

    def _heard(self, _connection: Any, _pid: int, _channel: str, payload: Any) -> None:
        if payload == self._awaited:
            self._proven.set()
        elif not payload.startswith(_PROOF):
            self._learn(read_hint(payload))
