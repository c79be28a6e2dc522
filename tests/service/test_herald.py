"""News of single batch jobs: each watch hears of its own alone, and never less than the store holds."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import ExitStack

import pytest

from gateway.domain.batch_job import BatchJob
from gateway.domain.states import State
from gateway.errors import GatewayError, Reason
from gateway.service import herald as heralds
from gateway.service.followed import Followed
from gateway.service.herald import Herald
from gateway.service.pace import Pace
from gateway.store import migrate
from gateway.store.changes import Changes
from gateway.store.database import Database
from gateway.store.feed import Feed
from gateway.store.model import ChangePage
from gateway.store.news import News
from gateway.store.reads import Reads
from support.database import run_sql
from support.store import create, moved


class Watch:
    """Follows one batch job, and counts how often it is woken."""

    def __init__(self, herald: Herald, job: BatchJob, stack: ExitStack) -> None:
        self.woken = 0
        self._news = asyncio.Event()
        self.followed: Followed = stack.enter_context(herald.following(job.team, job.id, self._wake))

    def _wake(self) -> None:
        self.woken += 1
        self._news.set()

    async def until(self, state: State) -> BatchJob:
        while (job := await self.followed.latest()) is None or job.state is not state:
            await self._news.wait()
            self._news.clear()
        return job


class Stage:
    """A herald over a real store, whose own commits it learns of at once."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.feed = Feed(database)
        self.reads = Reads(database.api)
        self.herald = Herald(self.reads, self.feed)
        self.stack = ExitStack()

    def watch(self, job: BatchJob) -> Watch:
        return Watch(self.herald, job, self.stack)

    async def move(self, job: BatchJob, to: State, *, told: bool = True) -> None:
        """Commit a change; `told` False leaves the feed to hear of it later."""

        def committed(_before: BatchJob | None, after: BatchJob) -> None:
            if told:
                self.feed.hint(after.team, after.revision)

        assert await Changes(self.database.api, committed).change(job.team, job.id, moved(to))


@pytest.fixture
async def stage(database: Database) -> AsyncIterator[Stage]:
    stage = Stage(database)
    with stage.stack:
        yield stage


async def test_a_change_wakes_the_watches_of_its_batch_job_and_no_other(stage: Stage) -> None:
    one, other = [await create(stage.database) for _ in range(2)]
    watches = [stage.watch(one), stage.watch(one), stage.watch(other)]
    for watch in watches:
        await watch.until(State.QUEUED)
    await stage.move(one, State.SUBMITTING)
    for watch in watches[:2]:
        await watch.until(State.SUBMITTING)
    assert [watch.woken for watch in watches] == [1, 1, 0]


async def test_more_changes_than_a_page_holds_reach_everybody(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(heralds, "PAGE", 3)
    jobs = [await create(stage.database) for _ in range(8)]
    watches = [stage.watch(job) for job in jobs]
    for watch in watches:
        await watch.until(State.QUEUED)
    for job in jobs:
        await stage.move(job, State.SUBMITTING, told=job is jobs[-1])
    for watch in watches:
        await watch.until(State.SUBMITTING)
    assert [watch.woken for watch in watches] == [1] * 8


async def test_what_changes_between_the_first_look_and_its_answer_is_told(stage: Stage) -> None:
    """The look began before the commit, and the commit is heard of before the look has its answer."""
    job = await create(stage.database)
    watch = stage.watch(job)
    found = asyncio.Event()
    goes_on = asyncio.Event()

    async def slow(team: str, job_id: int) -> BatchJob | None:
        looked = await Reads.get(stage.reads, team, job_id)
        found.set()
        await goes_on.wait()
        return looked

    stage.reads.get = slow  # type: ignore[method-assign]  # The test stands between.
    looking = asyncio.ensure_future(watch.until(State.SUBMITTING))
    await found.wait()
    await stage.move(job, State.SUBMITTING)
    while not watch.woken:
        await watch._news.wait()
    goes_on.set()
    assert (await looking).revision == job.revision + 1


async def test_a_store_that_was_restored_is_looked_at_anew(stage: Stage, database_url: str) -> None:
    job = await create(stage.database)
    watch = stage.watch(job)
    stage.feed._follow((await stage.reads.feed("ranking")).incarnation)
    await watch.until(State.QUEUED)
    await stage.move(job, State.SUBMITTING)
    await watch.until(State.SUBMITTING)
    await run_sql(database_url, "UPDATE batch_jobs SET state = 'QUEUED', revision = 1")
    await run_sql(database_url, "UPDATE teams SET revision = 1")
    stage.feed._follow(await migrate.restored(database_url))
    stage.feed._learn({"ranking": 1})
    assert (await watch.until(State.QUEUED)).revision == 1


async def test_where_deletions_may_have_been_missed_everybody_looks_again(stage: Stage, database_url: str) -> None:
    gone, there = [await create(stage.database) for _ in range(2)]
    watches = [stage.watch(job) for job in (gone, there)]
    for watch in watches:
        await watch.until(State.QUEUED)
    await run_sql(database_url, "DELETE FROM batch_jobs WHERE id = $1", gone.id)
    await run_sql(database_url, "UPDATE teams SET revision = 9, purged_revision = 8")
    stage.feed._learn({"ranking": 9})
    for watch in watches:
        await watch._news.wait()
    assert await watches[0].followed.latest() is None
    assert await watches[1].followed.latest() == there


async def test_where_the_changes_cannot_be_read_each_watch_says_so_itself(stage: Stage) -> None:
    job = await create(stage.database)
    watch = stage.watch(job)
    await watch.until(State.QUEUED)

    async def away(*_args: object) -> None:
        raise GatewayError(Reason.STORE_UNAVAILABLE, "It is away.")

    stage.reads.get = stage.reads.news = away  # type: ignore[method-assign,assignment]  # The test stands between.
    await stage.move(job, State.SUBMITTING)
    with pytest.raises(GatewayError, match="away"):
        await watch.until(State.SUBMITTING)


async def test_where_a_change_cannot_be_told_each_watch_looks_for_itself(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another version of the gateway may have written what this one cannot read; what it can is told all the same."""
    jobs = [await create(stage.database) for _ in range(2)]
    watches = [stage.watch(job) for job in jobs]
    for watch in watches:
        await watch.until(State.QUEUED)

    def unreadable(_news: News, _held: BatchJob) -> BatchJob:
        raise KeyError("WHO KNOWS")

    monkeypatch.setattr(News, "of", unreadable)
    for job in jobs:
        await stage.move(job, State.SUBMITTING, told=False)
    stage.feed.hint("ranking", 100)
    for watch in watches:
        await watch.until(State.SUBMITTING)


async def test_nothing_is_kept_of_a_team_that_nobody_watches(stage: Stage) -> None:
    job = await create(stage.database)
    with stage.herald.following(job.team, job.id, lambda: None) as followed:
        assert await followed.latest() == job
    assert not stage.herald._teams


async def followed_by_all(stage: Stage, count: int) -> tuple[list[BatchJob], list[Watch]]:
    """Batch jobs, and a watch of each that has had its first look."""
    jobs = [await create(stage.database) for _ in range(count)]
    watches = [stage.watch(job) for job in jobs]
    for watch in watches:
        await watch.until(State.QUEUED)
    return jobs, watches


async def test_no_more_is_told_than_goes_out_and_one_page_is_read_ahead(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(heralds, "PAGE", 1)
    stage.herald.pace = Pace(at_once=1, patience=3600)
    jobs, watches = await followed_by_all(stage, 4)
    read, third = [], asyncio.Event()
    news = stage.reads.news

    async def counted(team: str, after: int, limit: int) -> ChangePage[News]:
        read.append(after)
        page = await news(team, after, limit)
        if len(read) == 3:
            third.set()
        return page

    stage.reads.news = counted  # type: ignore[method-assign]  # The test stands between.
    for job in jobs:
        await stage.move(job, State.SUBMITTING, told=job is jobs[-1])
    await watches[0].until(State.SUBMITTING)
    await third.wait()
    assert [watch.woken for watch in watches] == [1, 0, 0, 0]
    for watch in watches:
        await watch.until(State.SUBMITTING)
        watch.followed.passed_on()
    assert read == [4, 5, 6, 7, 8]


async def test_who_never_passes_on_what_it_was_told_is_waited_for_once(stage: Stage) -> None:
    stage.herald.pace = Pace(at_once=1, patience=0)
    jobs, watches = await followed_by_all(stage, 3)
    for state in (State.SUBMITTING, State.PENDING):
        for job in jobs:
            await stage.move(job, state)
        for watch in watches:
            await watch.until(state)
    assert not stage.herald.pace.full


async def test_a_watch_that_ends_is_not_waited_for(stage: Stage) -> None:
    stage.herald.pace = Pace(at_once=1, patience=3600)
    [job], _ = await followed_by_all(stage, 1)
    with ExitStack() as stack:
        leaving = Watch(stage.herald, job, stack)
        await leaving.until(State.QUEUED)
        await stage.move(job, State.SUBMITTING)
        await leaving.until(State.SUBMITTING)
    stage.stack.close()
    assert not stage.herald.pace.full


async def test_what_was_read_before_a_restore_is_told_before_it_is_forgotten(
    stage: Stage, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(heralds, "PAGE", 2)
    stage.herald.pace = Pace(at_once=1, patience=3600)
    jobs, watches = await followed_by_all(stage, 2)
    stage.feed._follow((await stage.reads.feed("ranking")).incarnation)
    news, pages, restored = stage.reads.news, [], asyncio.Event()

    async def restored_meanwhile(team: str, after: int, limit: int) -> ChangePage[News]:
        if len(pages) == 1:
            await run_sql(database_url, "UPDATE batch_jobs SET state = 'QUEUED', revision = revision - 2")
            await run_sql(database_url, "UPDATE teams SET revision = 2")
            await migrate.restored(database_url)
        pages.append(await news(team, after, limit))
        if len(pages) > 1:
            restored.set()
        return pages[-1]

    stage.reads.news = restored_meanwhile  # type: ignore[method-assign]  # The test stands between.
    for job in jobs:
        await stage.move(job, State.SUBMITTING, told=job is jobs[-1])
    await watches[0].until(State.SUBMITTING)
    await restored.wait()
    await stage.reads.feed("ranking")  # Whatever was to come of the second page has come.
    await watches[1].until(State.QUEUED)
    watches[1]._news.clear()
    watches[0].followed.passed_on()
    await watches[1]._news.wait()
    for job, watch in zip(jobs, watches, strict=True):
        assert (await watch.until(State.QUEUED)).revision == job.revision
