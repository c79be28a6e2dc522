"""News of single batch jobs: each watch hears of its own alone, and never less than the store holds."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import ExitStack

import pytest

from gateway.domain.batch_job import BatchJob
from gateway.domain.states import State
from gateway.errors import GatewayError, Reason
from gateway.service import herald as heralds
from gateway.service.herald import Followed, Herald
from gateway.store import migrate
from gateway.store.changes import Changes
from gateway.store.database import Database
from gateway.store.feed import Feed
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
    monkeypatch.setattr(heralds, "AT_ONCE", 2)
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

    stage.reads.get = stage.reads.changes = away  # type: ignore[method-assign,assignment]  # The test stands between.
    await stage.move(job, State.SUBMITTING)
    with pytest.raises(GatewayError, match="away"):
        await watch.until(State.SUBMITTING)


async def test_nothing_is_kept_of_a_team_that_nobody_watches(stage: Stage) -> None:
    job = await create(stage.database)
    with stage.herald.following(job.team, job.id, lambda: None) as followed:
        assert await followed.latest() == job
    assert not stage.herald._teams
