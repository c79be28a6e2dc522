"""Hints that teams' revisions have grown: gathered for a moment, sent by NOTIFY. Nothing depends on their arrival."""

import asyncio
import json
from collections.abc import Iterator, Mapping
from typing import Any, Final

import structlog

from gateway.store.connections import Connections
from gateway.store.errors import StoreError
from gateway.store.queries import load

log = structlog.get_logger(__name__)

SQL: Final = load("feed")
CHANNEL: Final = "batchjobs_revisions"
GATHER_SECONDS: Final = 0.005
TEAMS_A_MESSAGE: Final = 80
"""A team's name has at most 63 characters and a revision 19, so that this many stay below NOTIFY's 8000 bytes."""


class Hints:
    """Sends (team, highest revision) after commits, in transactions of their own.

    A NOTIFY inside a writing transaction would make all of them wait for each other's flush.
    """

    def __init__(self, connections: Connections) -> None:
        self._connections = connections
        self._gathered: dict[str, int] = {}
        self._any = asyncio.Event()

    def add(self, team: str, revision: int) -> None:
        """Have this sent with the next message."""
        self._gathered[team] = max(revision, self._gathered.get(team, 0))
        self._any.set()

    async def run(self) -> None:
        """Send what is added, until cancelled. What cannot be sent is dropped: everybody reads once a second."""
        while True:
            await self._any.wait()
            await asyncio.sleep(GATHER_SECONDS)
            gathered, self._gathered = self._gathered, {}
            self._any.clear()
            try:
                await self._send(gathered)
            except StoreError as error:
                log.warning("hints_dropped", teams=len(gathered), error=str(error))

    async def _send(self, revisions: Mapping[str, int]) -> None:
        async with self._connections.session("feed_hint") as session:
            for part in _parts(revisions):
                await session.run(SQL["hint"], CHANNEL, json.dumps(part, separators=(",", ":")))


def read_hint(payload: str) -> Mapping[str, int]:
    """The revisions in a message; none in one that is not ours."""
    try:
        message: Any = json.loads(payload)
    except ValueError:
        return {}
    if not isinstance(message, dict):
        return {}
    return {team: revision for team, revision in message.items() if isinstance(revision, int)}


def _parts(revisions: Mapping[str, int]) -> Iterator[dict[str, int]]:
    items = list(revisions.items())
    for start in range(0, len(items), TEAMS_A_MESSAGE):
        yield dict(items[start : start + TEAMS_A_MESSAGE])
