"""Reads: validated each time, apart by team, tombstones shown only to the feed."""

import asyncio
from datetime import timedelta

from gateway.domain.batch_job import BatchJob
from gateway.domain.states import State
from gateway.store import migrate
from gateway.store.changes import Changes
from gateway.store.database import Database
from gateway.store.gets import Gets
from gateway.store.model import TeamFeed
from gateway.store.reads import Reads
from support.database import StoreTime, run_sql
from support.store import create, moved, unobserved


async def delete(database: Database, job: BatchJob) -> BatchJob:
    changes = Changes(database.api, unobserved)
    await changes.change(job.team, job.id, moved(State.CANCELLED))
    changed = await changes.change(job.team, job.id, lambda job, now: job.evolve(delete_time=now))
    assert changed is not None
    return changed.after


async def test_a_get_sees_every_commit_that_came_before_it(database: Database, database_url: str) -> None:
    job = await create(database)
    reads = Reads(database.api)
    assert await reads.get("ranking", job.id) == job
    changed = await Changes(database.controller, unobserved).change("ranking", job.id, moved(State.CANCELLED))
    assert changed is not None
    assert await reads.get("ranking", job.id) == changed.after


async def test_gets_that_arrive_together_share_a_query(database: Database) -> None:
    jobs = [await create(database) for _ in range(20)]
    queries: list[str] = []
    database.api._timed = lambda op, *_: queries.append(op)
    gets = Gets(database.api)
    found = await asyncio.gather(*(gets.get("ranking", job.id) for job in jobs * 2))
    assert list(found) == jobs * 2
    assert queries == ["get"]


async def test_what_has_not_changed_is_not_decoded_again_and_what_is_held_is_bounded(database: Database) -> None:
    first, second = await create(database), await create(database)
    gets = Gets(database.api, held=1)
    assert await gets.get("ranking", first.id) is await gets.get("ranking", first.id)
    await gets.get("ranking", second.id)
    assert list(gets._held) == [second.id]


async def test_a_restored_row_with_the_same_revision_is_read_again(database: Database, database_url: str) -> None:
    job = await create(database)
    reads = Reads(database.api)
    await reads.get("ranking", job.id)
    await run_sql(database_url, "UPDATE batch_jobs SET creator = 'another'")
    await migrate.restored(database_url)
    found = await reads.get("ranking", job.id)
    assert found is not None
    assert found.creator == "another"


async def test_deleted_and_foreign_batch_jobs_are_not_found(database: Database) -> None:
    job, kept = await create(database), await create(database, team="ads")
    reads = Reads(database.api)
    await reads.get("ranking", job.id)
    await delete(database, job)
    assert await reads.get("ranking", job.id) is None
    assert await reads.get("ranking", kept.id) is None
    assert await reads.get("ranking", 5) is None
    assert await reads.page("ranking", 10) == ()
    assert await reads.page(None, 10) == (kept,)


async def test_pages_are_newest_first_and_follow_on_without_gap_or_repeat(database: Database) -> None:
    jobs = [await create(database) for _ in range(5)]
    await create(database, team="ads")
    reads = Reads(database.api)
    first = await reads.page("ranking", 2)
    second = await reads.page("ranking", 2, first[-1].id)
    third = await reads.page("ranking", 2, second[-1].id)
    assert [*first, *second, *third] == jobs[::-1]


async def test_a_watch_begins_with_the_open_ones_and_the_revision_they_were_read_at(database: Database) -> None:
    jobs = [await create(database) for _ in range(3)]
    await Changes(database.api, unobserved).change("ranking", jobs[1].id, moved(State.CANCELLED))
    reads = Reads(database.api)
    page = await reads.live("ranking", 0, 10)
    assert (page.jobs, page.more, page.feed.revision) == ((jobs[0], jobs[2]), False, 4)
    first, second = await reads.live("ranking", 0, 1), await reads.live("ranking", jobs[0].id, 2)
    assert (first.jobs, first.more) == ((jobs[0],), True)
    assert (second.jobs, second.more) == ((jobs[2],), False)
    nobody = await reads.live("nobody", 0, 10)
    assert (nobody.jobs, nobody.feed) == ((), TeamFeed(page.feed.incarnation, 0, 0))


async def test_changes_hold_the_latest_state_of_each_and_the_deleted_ones(database: Database) -> None:
    jobs = [await create(database) for _ in range(3)]
    tombstone = await delete(database, jobs[0])
    reads = Reads(database.api)
    page = await reads.changes("ranking", 0, 100)
    assert (page.jobs, page.through, page.more) == ((jobs[1], jobs[2], tombstone), 5, False)
    cut = await reads.changes("ranking", 0, 2)
    assert (cut.jobs, cut.through, cut.more) == ((jobs[1], jobs[2]), 3, True)
    rest = await reads.changes("ranking", cut.through, 2)
    assert (rest.jobs, rest.through) == ((tombstone,), 5)
    assert (await reads.changes("ranking", 5, 2)).through == 5
    assert page.feed == await reads.feed("ranking")
    assert tombstone.delete_time is not None


async def test_news_is_the_same_for_whoever_holds_the_batch_jobs_as_they_were(database: Database) -> None:
    jobs = [await create(database) for _ in range(3)]
    await delete(database, jobs[0])
    reads = Reads(database.api)
    held = {job.id: job for job in jobs}
    for after, limit in ((0, 100), (0, 2), (3, 2), (5, 2)):
        page, news = await reads.changes("ranking", after, limit), await reads.news("ranking", after, limit)
        assert tuple(each.of(held[each.id]) for each in news.jobs) == page.jobs
        assert (news.through, news.more, news.feed) == (page.through, page.more, page.feed)


async def test_the_usage_counts_rows(database: Database, store_time: StoreTime) -> None:
    jobs = [await create(database) for _ in range(4)]
    changes = Changes(database.api, unobserved)
    await changes.change("ranking", jobs[0].id, moved(State.RUNNING, vertex_name="v"))
    await changes.change("ranking", jobs[1].id, moved(State.CANCELLED))
    await store_time.advance(timedelta(days=1))
    usage = await Reads(database.api).usage("ranking")
    assert (usage.active_jobs, usage.queued_jobs) == (1, 2)
