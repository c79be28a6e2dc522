"""What watches of single batch jobs follow: each hears of its own batch job, and what one of them holds serves all."""

from collections.abc import Awaitable, Callable, Sequence

from gateway.domain.batch_job import BatchJob
from gateway.service.pace import Pace
from gateway.store.model import ChangePage, TeamFeed
from gateway.store.news import News

Look = Callable[[], Awaitable[BatchJob | None]]


class Followed:
    """One batch job, as one watch has last heard of it."""

    __slots__ = ("_heard", "_job", "_look", "_pace", "_passing", "_wake")

    def __init__(self, look: Look, wake: Callable[[], None], pace: Pace) -> None:
        """`look` asks the store for it, `wake` is called when there is news of it."""
        self._look, self._wake, self._pace = look, wake, pace
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
            job = await self._look()
            if self._job is None or job is None or job.revision > self._job.revision:
                self._job = job
        return None if self._job is None or self._job.delete_time is not None else self._job

    def tell(self, job: BatchJob) -> None:
        """Take this as the batch job's state, unless a later one is known."""
        if self._job is None or job.revision > self._job.revision:
            self._job = job
            if not self._passing:  # Whoever still has something to pass on is not waited for twice.
                self._passing = True
                self._pace.begun(self)
            self._wake()

    def passed_on(self) -> None:
        """What `latest` answered has gone out."""
        if self._passing:
            self._passing = False
            self._pace.done(self)

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


class FollowedTeam:
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
