"""Tells each watch of a single batch job what has changed in it, and no other watch.

A change wakes the watches of its own batch job alone, however many the team has: what changes in a team is read once
for all of them, in the order of its revisions, and told a few at a time, so that other calls come through in between.
While one page is told, the next is read.
"""

import asyncio
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Final

import structlog

from gateway.domain.batch_job import BatchJob
from gateway.errors import GatewayError
from gateway.service.flights import Flights
from gateway.service.followed import Followed, FollowedTeam
from gateway.service.pace import Pace
from gateway.store.feed import Feed
from gateway.store.model import ChangePage
from gateway.store.news import News
from gateway.store.reads import Reads

PAGE: Final = 32

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class _Read:
    """A page of a team's changes, None where it could not be read; the feed knew of a revision before that."""

    name: str
    team: FollowedTeam
    known: int
    page: ChangePage[News] | None


class Herald:
    """One reader for all teams, a page at a time in turn."""

    def __init__(self, reads: Reads, feed: Feed) -> None:
        self._reads, self._feed = reads, feed
        self.pace = Pace()
        self._teams: dict[str, FollowedTeam] = {}
        self._due: dict[str, None] = {}
        self._begun = Flights[str, None]()
        self._worker: asyncio.Task[None] | None = None
        feed.subscribe(self._grown)

    @contextmanager
    def following(self, team: str, job_id: int, wake: Callable[[], None]) -> Iterator[Followed]:
        """Call `wake` when there is news of the batch job, as long as this is entered."""
        held = self._teams.setdefault(team, FollowedTeam())
        followed = Followed(partial(self.look, team, job_id), wake, self.pace)
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

    def _is_behind(self, name: str, team: FollowedTeam) -> bool:
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

    async def _page(self, name: str, team: FollowedTeam) -> ChangePage[News] | None:
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
        return asyncio.create_task(self._tell_page(read.name, team, page.jobs), name="herald tells")

    async def _tell_page(self, name: str, team: FollowedTeam, page: Sequence[News]) -> None:
        """Where a change cannot be told, each watch looks for itself as well: none may stay behind in silence."""
        try:
            await team.tell(page, self.pace)
        except Exception:
            log.exception("changes not told", team=name)
            team.forget()
