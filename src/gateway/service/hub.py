"""The hub of one team's watches: whatever its watchers need of the store is read once for all of them.

A watcher holds a place in an order and nothing else. The hub holds the latest changes and a few stretches that somebody
has read lately; all of it is bounded, and what is forgotten is read again. So one that never reads costs next to
nothing.
"""

from collections import OrderedDict, deque
from dataclasses import dataclass
from typing import Final

from gateway.clock import Clock
from gateway.domain.batch_job import BatchJob
from gateway.domain.states import State
from gateway.service.flights import Flights
from gateway.service.resume_tokens import ResumePoint, expired, write_resume_token
from gateway.service.stretch import Stretch, Tail
from gateway.service.view import View
from gateway.service.waiting import FRESH_SECONDS, Explainer
from gateway.store.feed import Feed
from gateway.store.model import TeamFeed
from gateway.store.reads import Reads

PAGE: Final = 100
STRETCHES: Final = 4
SHOWN: Final = 512
END: Final = 2**63 - 1
"""Above every id."""
ON: Final = -1
"""The key of the read that extends the tail; others have the revision behind which they read."""


@dataclass(frozen=True, slots=True, eq=False)
class Shown:
    """One batch job as watches show it, deleted or not. Everyone who is shown this state gets this object."""

    view: View

    @property
    def deleted(self) -> bool:
        return self.view.job.delete_time is not None


@dataclass(frozen=True, slots=True)
class _LiveStretch:
    """Open batch jobs by their ids, with the time and the place of the feed at which they were read."""

    stretch: Stretch
    read: float
    revision: int


class Hub:
    """One team's changes and open batch jobs. Errors of its reads reach every watcher that waited for them."""

    def __init__(self, team: str, reads: Reads, feed: Feed, explainer: Explainer, clock: Clock) -> None:
        self._team, self._reads, self._feed = team, reads, feed
        self._explainer, self._clock = explainer, clock
        self._at = TeamFeed("", 0, 0)
        self._tail = Tail(0)
        self._far: deque[Stretch] = deque(maxlen=STRETCHES)
        self._live: deque[_LiveStretch] = deque(maxlen=STRETCHES)
        self._shown: OrderedDict[int, tuple[float, Shown]] = OrderedDict()
        self._changes_read = Flights[int, None]()
        self._live_read = Flights[int, _LiveStretch]()
        self._shows = Flights[tuple[int, int], Shown]()
        self.lost = False
        """What this hub holds does not lead on to what the store holds: nobody new may join."""

    @property
    def revision(self) -> int:
        """How far the changes were read."""
        return self._tail.through

    def token(self, revision: int) -> str:
        """The resume token of a watcher that has seen everything up to this revision."""
        return write_resume_token(self._at.incarnation, self._team, revision)

    async def resume(self, point: ResumePoint) -> None:
        """Let a watcher go on from here.

        Raises:
            GatewayError: RESUME_TOKEN_EXPIRED where the store is another one, or knows no such revision, or has purged
                deleted batch jobs that the watcher has not heard of; STORE_UNAVAILABLE.

        """
        # Another replica may have told the caller of a commit that nobody has told this one of yet.
        await self._read_anew()
        if point.incarnation != self._at.incarnation:
            raise expired("it began on a store that was replaced by a backup since.")
        if point.revision > self._at.revision:
            raise expired("its token is ahead of what the store knows.")
        if point.revision < self._at.purged_revision:
            raise expired("its token is too old.")

    async def next_change(self, after: int) -> BatchJob | None:
        """The change that comes next behind a revision, with its batch job's latest state; None: there is none yet.

        Raises:
            GatewayError: RESUME_TOKEN_EXPIRED where the way from there is lost, STORE_UNAVAILABLE.

        """
        await self._keep_up()
        while after < self._tail.floor:
            stretch = next((each for each in self._far if each.covers(after)), None)
            if stretch is None:
                await self._changes_read.join(after, self._read_far(after))
                continue
            job = stretch.after(after)
            if job is not None and not self._tail.replaces(job):
                return job
            after = stretch.through if job is None else job.revision
        return self._tail.after(after)

    async def begin(self) -> int:
        """The revision behind which the changes must be read by whoever reads all live ones as of then or later."""
        await self._keep_up()
        return (await self._live_after(0, self._tail.floor)).revision

    async def next_live(self, after: int, since: int) -> BatchJob | None:
        """The open batch job with the next id, none older than the revision `since`; None: there is none."""
        while True:
            stretch = (await self._live_after(after, since)).stretch
            job = stretch.after(after)
            if job is not None or stretch.through == END:
                return job
            after = stretch.through

    async def shown(self, job: BatchJob) -> Shown:
        """The batch job as it is shown now; raises STORE_UNAVAILABLE."""
        since, shown = self._shown.get(job.id, (0.0, None))
        fresh = job.state is not State.QUEUED or self._clock.boottime() - since < FRESH_SECONDS
        if shown is not None and shown.view.job.revision == job.revision and fresh:
            return shown
        if job.state is not State.QUEUED:
            return await self._show(job)
        # All watchers may come at once, and why it waits may take a while to say: it is said once.
        return await self._shows.join((job.id, job.revision), self._show(job))

    async def _show(self, job: BatchJob) -> Shown:
        now = self._clock.boottime()
        shown = Shown(await self._explainer.view(job))
        self._shown[job.id] = (now, shown)
        self._shown.move_to_end(job.id)
        if len(self._shown) > SHOWN:
            self._shown.popitem(last=False)
        return shown

    async def _keep_up(self) -> None:
        """Have the tail reach at least as far as the feed. The second of two reads has begun after the call did."""
        for _ in range(2):
            known = self._at.incarnation and self._feed.incarnation in {"", self._at.incarnation}
            if known and self._feed.revision(self._team) <= self._tail.through:
                return
            await self._read_on()

    async def _read_anew(self) -> None:
        """A read that has begun after this call: one that is under way already may have looked too early."""
        if self._changes_read.under_way(ON):
            await self._read_on()
        await self._read_on()

    async def _read_on(self) -> None:
        await self._changes_read.join(ON, self._extend_tail())

    async def _extend_tail(self) -> None:
        if not self._at.incarnation:
            self._at = await self._reads.feed(self._team)
            self._tail = Tail(self._at.revision)
            return
        more = True
        while more:
            page = await self._reads.changes(self._team, self._tail.through, PAGE)
            self._require_same_store(page.feed, self._tail.through)
            if page.feed.purged_revision > self._tail.through:
                self.lost = True
                raise expired("deleted batch jobs were purged that it has not heard of.")
            self._at, more = page.feed, page.more
            self._tail.extend(page.jobs, page.through)

    async def _read_far(self, after: int) -> None:
        least = self._tail.floor
        page = await self._reads.changes(self._team, after, PAGE)
        self._require_same_store(page.feed, least)
        if page.feed.purged_revision > after:
            raise expired("deleted batch jobs were purged that it has not heard of.")
        self._far.append(Stretch(after, page.through, page.jobs, _revision))

    async def _live_after(self, after: int, since: int) -> _LiveStretch:
        """A stretch that covers this id: of the present or of at most a second ago, and none older than `since`."""
        found = self._fresh_live(after, since)
        while found is None or found.revision < since:
            found = await self._live_read.join(after, self._read_live(after))
        return found

    def _fresh_live(self, after: int, since: int) -> _LiveStretch | None:
        now, revision = self._clock.boottime(), self._feed.revision(self._team)
        for each in self._live:
            fresh = each.revision >= revision or now - each.read < FRESH_SECONDS
            if fresh and each.revision >= since and each.stretch.covers(after):
                return each
        return None

    async def _read_live(self, after: int) -> _LiveStretch:
        least, read = self._tail.through, self._clock.boottime()
        page = await self._reads.live(self._team, after, PAGE)
        self._require_same_store(page.feed, least)
        through = page.jobs[-1].id if page.more else END
        found = _LiveStretch(Stretch(after, through, page.jobs, _id), read, page.feed.revision)
        self._live.append(found)
        return found

    def _require_same_store(self, feed: TeamFeed, least: int) -> None:
        """Refuse to go on where the store, which had come to the revision `least`, is another one now."""
        if feed.incarnation != self._at.incarnation or feed.revision < least:
            self.lost = True
            raise expired("the store was replaced by a backup.")


def _revision(job: BatchJob) -> int:
    return job.revision


def _id(job: BatchJob) -> int:
    return job.id
