"""The change feed: revisions read from the teams' rows; notifications are only hints to read sooner."""

import asyncio
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Final

import structlog

from gateway.clock import Clock, SystemClock
from gateway.store.database import Database
from gateway.store.errors import StoreError
from gateway.store.hints import Hints
from gateway.store.listener import Listener

log = structlog.get_logger(__name__)

READ_SECONDS: Final = 1.0
READS_A_PROOF: Final = 30


class Feed:
    """Knows, per team, the highest committed revision, and tells whoever follows one that it has grown.

    It learns from this process's own commits at once, from others' by hints, and from the rows once a second whatever
    the hints say.
    """

    def __init__(self, database: Database, clock: Clock | None = None) -> None:
        self._connections = database.feed
        self._clock = clock or SystemClock()
        self._hints = Hints(database.feed)
        self._incarnation = ""
        self._known: dict[str, int] = {}
        self._followers: dict[str, set[Callable[[], None]]] = {}
        self._callbacks: list[Callable[[], None]] = []
        self._started = asyncio.Event()

    async def run(self) -> None:
        """Listen, prove it, and read all revisions once a second, until cancelled. Survives the database's absence."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._hints.run(), name="feed hints")
            tasks.create_task(self._listen_for_ever(), name="feed listener")

    async def started(self) -> None:
        """Return when the listener has proven itself and all revisions were read once."""
        await self._started.wait()

    def hint(self, team: str, revision: int) -> None:
        """Say that a commit took the team to this revision; sent to all replicas, gathered for a few milliseconds."""
        self._learn({team: revision})
        self._hints.add(team, revision)

    def revision(self, team: str) -> int:
        """The highest revision known here; 0 for a team without batch jobs."""
        return self._known.get(team, 0)

    @property
    def incarnation(self) -> str:
        """The store's incarnation as last read; "" before the first read."""
        return self._incarnation

    @contextmanager
    def following(self, team: str, grown: Callable[[], None]) -> Iterator[None]:
        """Call `grown` whenever the team's revision may have grown, as long as this is entered. It must not block."""
        followers = self._followers.setdefault(team, set())
        followers.add(grown)
        try:
            yield
        finally:
            followers.discard(grown)
            if not followers and self._followers.get(team) is followers:
                del self._followers[team]

    def subscribe(self, callback: Callable[[], None]) -> Callable[[], None]:
        """Call `callback` whenever any team's revision has grown; the answer ends the subscription."""
        self._callbacks.append(callback)
        return lambda: self._callbacks.remove(callback)

    async def _listen_for_ever(self) -> None:
        while True:
            try:
                await self._listen()
            except StoreError as error:
                log.warning("feed_interrupted", error=str(error))
            await self._clock.sleep(READ_SECONDS)

    async def _listen(self) -> None:
        async with Listener.open(self._connections, self._learn) as listener:
            reads = 0
            while True:
                revisions = await listener.read()
                self._follow(revisions.incarnation)
                self._learn(revisions.by_team)
                self._started.set()
                await self._clock.sleep(READ_SECONDS)
                reads += 1
                if reads % READS_A_PROOF == 0:
                    await listener.prove()

    def _follow(self, incarnation: str) -> None:
        """Forget what a restored store no longer knows: its revisions begin again where the backup ended."""
        if self._incarnation not in {"", incarnation}:
            self._known.clear()
            self._wake(tuple(self._followers))
        self._incarnation = incarnation

    def _learn(self, revisions: Mapping[str, int]) -> None:
        grown = [team for team, revision in revisions.items() if revision > self._known.get(team, 0)]
        if not grown:
            return
        self._known.update({team: revisions[team] for team in grown})
        self._wake(grown)
        for callback in tuple(self._callbacks):
            callback()

    def _wake(self, teams: Iterable[str]) -> None:
        for team in teams:
            for grown in tuple(self._followers.get(team, ())):
                grown()
