"""The feed: revisions come from rows; hints only make it sooner."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import asyncpg
import pytest

from gateway.domain.states import State
from gateway.store import hints, listener, migrate
from gateway.store.changes import Changes
from gateway.store.database import Database
from gateway.store.embedded import EmbeddedPostgres, Shutdown
from gateway.store.feed import Feed
from gateway.store.hints import Hints, read_hint
from support.clock import DrivenClock
from support.database import PATIENT, database_name, run_sql
from support.store import create, moved, unobserved

# Shadows pg_notify for every session of the database, and writes down who called it how.
RECORD_NOTIFIES = """
CREATE TABLE notified (payload text, synchronous_commit text, txid text);
CREATE FUNCTION pg_notify(channel text, payload text) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO notified
        VALUES (payload, current_setting('synchronous_commit'), pg_current_xact_id()::xid::text);
    PERFORM pg_catalog.pg_notify(channel, payload);
END $$;
"""
LOSE_NOTIFIES = "CREATE FUNCTION pg_notify(text, text) RETURNS void LANGUAGE sql AS 'SELECT'"


async def shadow(url: str, statements: str) -> None:
    await run_sql(url, statements)
    await run_sql(url, f"ALTER DATABASE {database_name(url)} SET search_path = public, pg_catalog")


@asynccontextmanager
async def running(database: Database, clock: DrivenClock | None = None) -> AsyncIterator[Feed]:
    feed = Feed(database, clock or DrivenClock())
    task = asyncio.create_task(feed.run())
    await feed.started()
    yield feed
    task.cancel()
    await asyncio.wait([task])


@asynccontextmanager
async def opened(url: str) -> AsyncIterator[Database]:
    opened = await Database.open(url, limits=PATIENT)
    yield opened
    await opened.close()


async def grown(feed: Feed, team: str, after: int) -> int:
    """The team's revision as soon as it is above `after`."""
    told = asyncio.Event()
    with feed.following(team, told.set):
        while feed.revision(team) <= after:
            told.clear()
            await told.wait()
    return feed.revision(team)


async def fetch(url: str, query: str) -> list[asyncpg.Record]:
    connection = await asyncpg.connect(url)
    try:
        return await connection.fetch(query)
    finally:
        await connection.close()


@pytest.fixture
async def replica(database_url: str) -> AsyncIterator[Database]:
    """Another replica's connections to the same database."""
    opened = await Database.open(database_url, limits=PATIENT)
    yield opened
    await opened.close()


async def test_a_feed_knows_every_team_s_revision_once_it_has_started(database: Database) -> None:
    await create(database)
    await create(database)
    await create(database, team="ads")
    async with running(database) as feed:
        assert (feed.revision("ranking"), feed.revision("ads"), feed.revision("nobody")) == (2, 1, 0)


async def test_a_hint_wakes_the_waiters_of_other_replicas_without_waiting_for_the_next_read(
    database: Database, replica: Database
) -> None:
    """The clock stands still, so only the notification can have told."""
    await create(database)
    async with running(database) as here, running(replica) as there:
        waiting = asyncio.create_task(grown(there, "ranking", 1))
        job = await create(database)
        here.hint("ranking", job.revision)
        assert here.revision("ranking") == 2
        assert await waiting == 2


async def test_a_commit_whose_hint_was_lost_is_seen_by_the_next_read(database: Database, replica: Database) -> None:
    clock = DrivenClock()
    async with running(replica, clock) as there:
        await create(database)
        waiting = asyncio.create_task(grown(there, "ranking", 0))
        await clock.until_sleeping()
        assert not waiting.done()
        clock.advance(1)
        assert await waiting == 1


async def test_hints_of_many_commits_travel_together_in_a_transaction_of_their_own_without_a_flush(
    database: Database, database_url: str
) -> None:
    await shadow(database_url, RECORD_NOTIFIES)
    async with opened(database_url) as fresh, running(fresh) as feed:
        jobs = [await create(fresh) for _ in range(5)]
        for job in jobs:
            feed.hint("ranking", job.revision)
        feed.hint("ads", 1)
        rows: list[asyncpg.Record] = []
        while not rows:
            rows = await fetch(database_url, "SELECT * FROM notified WHERE payload NOT LIKE 'proof:%'")
        writers = {row["xmin"] for row in await fetch(database_url, "SELECT xmin::text FROM batch_jobs")}
    assert [read_hint(row["payload"]) for row in rows] == [{"ranking": 5, "ads": 1}]
    assert rows[0]["synchronous_commit"] == "off"
    assert rows[0]["txid"] not in writers


async def test_a_listener_that_hears_nothing_of_itself_never_counts_as_started(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(listener, "PROOF_SECONDS", 0.05)
    await shadow(database_url, LOSE_NOTIFIES)
    clock = DrivenClock()
    async with opened(database_url) as database:
        feed = Feed(database, clock)
        task = asyncio.create_task(feed.run())
        await clock.until_sleeping()  # It has given up once, and rests before it tries again.
        assert not feed._started.is_set()
        task.cancel()
        await asyncio.wait([task])


async def test_the_listener_proves_itself_now_and_then(database_url: str) -> None:
    await shadow(database_url, RECORD_NOTIFIES)
    clock = DrivenClock()
    async with opened(database_url) as database, running(database, clock):
        proofs = 1
        for _ in range(31):
            await clock.until_sleeping()
            clock.advance(1)
        await clock.until_sleeping()
        rows = await fetch(database_url, "SELECT count(*) AS proofs FROM notified WHERE payload LIKE 'proof:%'")
        assert rows[0]["proofs"] == proofs + 1


async def test_a_feed_survives_a_crash_of_the_database(
    postgres: EmbeddedPostgres, database: Database, replica: Database
) -> None:
    clock = DrivenClock()
    await create(database)
    async with running(replica, clock) as there:
        await clock.until_sleeping()
        await asyncio.to_thread(postgres.restart, Shutdown.IMMEDIATE)
        clock.advance(1)  # The read fails, and the feed rests.
        await clock.until_sleeping()
        await create(database)
        waiting = asyncio.create_task(grown(there, "ranking", 1))
        clock.advance(1)
        assert await waiting == 2


async def test_callbacks_hear_of_any_growth_until_they_are_taken_back(database: Database) -> None:
    heard: list[str] = []
    async with running(database) as feed:
        end = feed.subscribe(lambda: heard.append("grown"))
        feed.hint("ranking", 3)
        feed.hint("ranking", 2)
        feed.hint("ads", 1)
        end()
        feed.hint("ads", 2)
    assert heard == ["grown", "grown"]


async def test_a_waiter_that_gives_up_takes_nothing_from_the_others(database: Database) -> None:
    async with running(database) as feed:
        leaving, staying = (asyncio.create_task(grown(feed, "ranking", 0)) for _ in range(2))
        await asyncio.sleep(0)
        leaving.cancel()
        await asyncio.wait([leaving])
        feed.hint("ranking", 1)
        assert await staying == 1


async def test_a_restored_store_starts_its_revisions_again(database: Database, database_url: str) -> None:
    clock = DrivenClock()
    job = await create(database)
    async with running(database, clock) as feed:
        await Changes(database.api, unobserved).change("ranking", job.id, moved(State.CANCELLED))
        feed.hint("ranking", 2)
        await run_sql(database_url, "UPDATE teams SET revision = 1")
        await migrate.restored(database_url)
        await clock.until_sleeping()
        clock.advance(1)
        await clock.until_sleeping()
        assert feed.revision("ranking") == 1


def test_many_teams_fit_into_messages_that_postgresql_takes() -> None:
    revisions = {f"{'t' * 59}{i:04}": 10**18 for i in range(1000)}
    parts = list(hints._parts(revisions))
    assert {team for part in parts for team in part} == set(revisions)
    assert max(len(json.dumps(part)) for part in parts) < 8000


@pytest.mark.parametrize("payload", ["", "proof", "[1]", '{"ranking": "x"}', "null"])
def test_a_message_that_is_not_ours_says_nothing(payload: str) -> None:
    assert read_hint(payload) == {}


def test_hints_keep_the_highest_revision(database: Database) -> None:
    gathering = Hints(database.feed)
    for revision in (3, 5, 4):
        gathering.add("ranking", revision)
    assert gathering._gathered == {"ranking": 5}
