"""Tells each watch of a single batch job what has changed in it, and no other watch.

A change wakes the watches of its own batch job alone, however many the team has: what changes in a team is read once
for all of them, in the order of its revisions, and told a few at a time, so that other calls come through in between.
While one page is told, the next is read.
"""

import asyncio
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final

import structlog

from gateway.domain.batch_job import BatchJob
from gateway.errors import GatewayError
from gateway.service.flights import Flights
from gateway.service.pace import Pace
from gateway.store.feed import Feed
from gateway.store.model import ChangePage, TeamFeed
from gateway.store.news import News
from gateway.store.reads import Reads

PAGE: Final = 32

log = structlog.get_logger(__name__)


class Followed:
    """One batch job, as one watch has last heard of it."""

    __slots__ = ("_heard", "_herald", "_id", "_job", "_passing", "_team", "_wake")

    def __init__(self, herald: "Herald", team: str, job_id: int, wake: Callable[[], None]) -> None:
        self._herald, self._team, self._id, self._wake = herald, team, job_id, wake
        self._job: BatchJob | None = None
        self._heard = self._passing = False

    @property
    def held(self) -> BatchJob | None:
        """The batch job as last heard of, deleted or not."""
        return self._job

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
            if not self._passing:  # Whoever still has something to pass on is not waited for twice.
                self._passing = True
                self._herald.pace.begun(self)
            self._wake()

    def passed_on(self) -> None:
        """What `latest` answered has gone out."""
        if self._passing:
            self._passing = False
            self._herald.pace.done(self)

    def look_again(self) -> None:
        """There is news, and nothing is held that it could be put into: have the store asked, once more if it is being
        asked now.
        """
        self._heard = False
        self._wake()

    def forget(self) -> None:
        """What was told is worth nothing any more: have the store asked again."""
        self._job = None
        self.look_again()


class _Team:
    """The watches of a team's batch jobs, and how far its changes were read for them."""

    def __init__(self) -> None:
        self.at: TeamFeed | None = None
        self.through = 0
        self.followed: dict[int, list[Followed]] = {}

    def move_to(self, feed: TeamFeed) -> None:
        self.at, self.through = feed, feed.revision

    def leads_on(self, page: ChangePage[News]) -> bool:
        """Whether nothing can lie between what was read before and what the page holds."""
        same = self.at is not None and page.feed.incarnation == self.at.incarnation
        return same and page.feed.revision >= self.through and page.feed.purged_revision <= self.through

    async def tell(self, page: Sequence[News], pace: Pace) -> None:
        """Tell whoever follows what is new, in its order."""
        for news in page:
            followers = self.followed.get(news.id)
            if not followers:
                continue
            if pace.full:
                await pace.room()
            _tell(news, tuple(followers))

    def forget(self) -> None:
        for followed in tuple(self.followed.values()):
            for each in tuple(followed):
                each.forget()


@dataclass(frozen=True, slots=True)
class _Read:
    """A page of a team's changes, None where it could not be read; the feed knew of a revision before that."""

    name: str
    team: _Team
    known: int
    page: ChangePage[News] | None


class Herald:
    """One reader for all teams, a page at a time in turn."""

    def __init__(self, reads: Reads, feed: Feed) -> None:
        self._reads, self._feed = reads, feed
        self.pace = Pace()
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
            followed.passed_on()
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
        telling: asyncio.Task[None] | None = None
        try:
            while self._due or telling is not None:
                read = await self._read_next()
                if telling is not None:  # What was read before is told before.
                    await telling
                telling = None if read is None else self._tell(read)
        finally:
            self._worker = None

    async def _read_next(self) -> _Read | None:
        """The next page of the team that is due the longest; None where none is."""
        while self._due:
            name = next(iter(self._due))
            del self._due[name]
            team = self._teams.get(name)
            if team is not None and team.at is not None:
                known = self._feed.revision(name)
                return _Read(name, team, known, await self._page(name, team))
        return None

    async def _page(self, name: str, team: _Team) -> ChangePage[News] | None:
        """What comes next; None where it cannot be read."""
        try:
            return await self._reads.news(name, team.through, PAGE)
        except Exception as error:
            if not isinstance(error, GatewayError):
                log.exception("changes not read", team=name)
            return None

    def _tell(self, read: _Read) -> asyncio.Task[None] | None:
        """Begin to tell a page. Where there is none, each watch looks for itself, and tells its caller why not."""
        team, page = read.team, read.page
        if page is None:
            team.through = max(team.through, read.known)
            team.forget()
            return None
        if not team.leads_on(page):
            team.move_to(page.feed)
            team.forget()
            return None
        team.through = page.through
        if page.more:
            self._due[read.name] = None
        return asyncio.create_task(team.tell(page.jobs, self.pace), name="herald tells")


def _tell(news: News, followers: Sequence[Followed]) -> None:
    """Tell all that follow one batch job, out of what any of them holds."""
    held = next((each.held for each in followers if each.held is not None), None)
    if held is not None and held.revision < news.revision:
        held = news.of(held)
    for each in followers:
        if held is None:
            each.look_again()
        else:
            each.tell(held)
