"""Tells each watch of a single batch job what has changed in it, and no other watch.

A change wakes the watches of its own batch job alone, however many the team has: what changes in a team is read once
for all of them, in the order of its revisions, and told a few at a time, so that other calls come through in between.
"""

import asyncio
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Final

import structlog

from gateway.domain.batch_job import BatchJob
from gateway.errors import GatewayError
from gateway.service.flights import Flights
from gateway.store.feed import Feed
from gateway.store.model import ChangePage, TeamFeed
from gateway.store.reads import Reads

PAGE: Final = 32
AT_ONCE: Final = 4
"""So many changes are told at each turn of the event loop: it has the calls that have come meanwhile to serve too."""

log = structlog.get_logger(__name__)


class Followed:
    """One batch job, as one watch has last heard of it."""

    __slots__ = ("_heard", "_herald", "_id", "_job", "_team", "_wake")

    def __init__(self, herald: "Herald", team: str, job_id: int, wake: Callable[[], None]) -> None:
        self._herald, self._team, self._id, self._wake = herald, team, job_id, wake
        self._job: BatchJob | None = None
        self._heard = False

    async def latest(self) -> BatchJob | None:
        """The batch job with the last change that was told, read from the store where none was yet; None: deleted, or
        never there. Raises STORE_UNAVAILABLE.
        """
        while not self._heard:
            self._heard = True
            job = await self._herald.look(self._team, self._id)
            if self._job is None or job is None or job.revision > self._job.revision:
                self._job = job
        return None if self._job is None or self._job.delete_time is not None else self._job

    def tell(self, job: BatchJob) -> None:
        """Take this as the batch job's state, unless a later one is known."""
        if self._job is None or job.revision > self._job.revision:
            self._job = job
        self._wake()

    def forget(self) -> None:
        """What was told is worth nothing any more: have the store asked again."""
        self._job, self._heard = None, False
        self._wake()


class _Team:
    """The watches of a team's batch jobs, and how far its changes were told to them."""

    def __init__(self) -> None:
        self.at: TeamFeed | None = None
        self.through = 0
        self.followed: dict[int, list[Followed]] = {}

    def move_to(self, feed: TeamFeed) -> None:
        self.at, self.through = feed, feed.revision

    def leads_on(self, page: ChangePage) -> bool:
        """Whether nothing can lie between what was told and what the page holds."""
        same = self.at is not None and page.feed.incarnation == self.at.incarnation
        return same and page.feed.revision >= self.through and page.feed.purged_revision <= self.through

    def tell(self, jobs: Sequence[BatchJob]) -> None:
        for job in jobs:
            for each in tuple(self.followed.get(job.id, ())):
                each.tell(job)

    def forget(self) -> None:
        for followed in tuple(self.followed.values()):
            for each in tuple(followed):
                each.forget()


class Herald:
    """One reader for all teams, a page at a time in turn."""

    def __init__(self, reads: Reads, feed: Feed) -> None:
        self._reads, self._feed = reads, feed
        self._teams: dict[str, _Team] = {}
        self._due: dict[str, None] = {}
        self._begun = Flights[str, None]()
        self._worker: asyncio.Task[None] | None = None
        feed.subscribe(self._grown)

    @contextmanager
    def following(self, team: str, job_id: int, wake: Callable[[], None]) -> Iterator[Followed]:
        """Call `wake` when there is news of the batch job, as long as this is entered."""
        held = self._teams.setdefault(team, _Team())
        followed = Followed(self, team, job_id, wake)
        held.followed.setdefault(job_id, []).append(followed)
        try:
            yield followed
        finally:
            held.followed[job_id].remove(followed)
            if not held.followed[job_id]:
                del held.followed[job_id]
            if not held.followed and self._teams.get(team) is held:
                del self._teams[team]

    async def look(self, team: str, job_id: int) -> BatchJob | None:
        """The batch job as committed. Every change that this does not show yet will be told."""
        if self._teams[team].at is None:
            await self._begun.join(team, self._begin(team))
        return await self._reads.get(team, job_id)

    async def _begin(self, team: str) -> None:
        """Note where the team's changes stand: what comes later is told."""
        feed = await self._reads.feed(team)
        if team in self._teams:
            self._teams[team].move_to(feed)

    def _grown(self) -> None:
        behind = [name for name, team in self._teams.items() if self._is_behind(name, team)]
        self._due.update(dict.fromkeys(behind))
        if self._due and self._worker is None:
            self._worker = asyncio.create_task(self._work(), name="herald")

    def _is_behind(self, name: str, team: _Team) -> bool:
        """Whether the team has changes that were not told, or has become another store's."""
        replaced = team.at is not None and self._feed.incarnation not in {"", team.at.incarnation}
        return replaced or self._feed.revision(name) > team.through

    async def _work(self) -> None:
        try:
            while self._due:
                name = next(iter(self._due))
                del self._due[name]
                team = self._teams.get(name)
                if team is not None and team.at is not None:
                    await self._read(name, team)
        finally:
            self._worker = None

    async def _read(self, name: str, team: _Team) -> None:
        """Read one page and tell it. Where that fails, each watch looks for itself, and tells its caller why not."""
        known = self._feed.revision(name)
        try:
            page = await self._reads.changes(name, team.through, PAGE)
        except Exception as error:
            if not isinstance(error, GatewayError):
                log.exception("changes not read", team=name)
            team.through = max(team.through, known)
            team.forget()
            return
        if not team.leads_on(page):
            team.move_to(page.feed)
            team.forget()
            return
        for first in range(0, len(page.jobs), AT_ONCE):
            team.tell(page.jobs[first : first + AT_ONCE])
            await asyncio.sleep(0)
        team.through = page.through
        if page.more:
            self._due[name] = None
