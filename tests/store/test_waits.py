"""How long the latest batch jobs waited, remembered in the commit that takes the slot."""

import secrets
from datetime import timedelta

from gateway.clock import SystemClock
from gateway.domain.states import State
from gateway.store import migrate
from gateway.store.changes import Changes
from gateway.store.database import Database
from gateway.store.embedded import EmbeddedPostgres
from gateway.store.lease import Lease
from gateway.store.reads import Reads
from support.database import PATIENT, StoreTime, run_sql
from support.store import OTHER_POOL, POOL, create, dispatch, moved, unobserved


async def a_term(database: Database) -> str:
    held = await Lease(database.controller, SystemClock(), holder="test", duration=timedelta(minutes=60)).acquire()
    assert held
    return held.term


async def waited(database: Database, team: str = "ranking") -> list[float]:
    """Of the team in the pool, newest first."""
    waits = (await Reads(database.api).standing(team)).waits
    return [wait.duration.total_seconds() for wait in waits.get(POOL, ())]


async def wait_for(database: Database, store_time: StoreTime, term: str, seconds: float) -> None:
    job = await create(database)
    await store_time.advance(seconds)
    await dispatch(database, job, term)


async def test_each_team_and_pool_remembers_its_own(database: Database, store_time: StoreTime) -> None:
    term = await a_term(database)
    elsewhere = await create(database, pool=OTHER_POOL)
    for seconds in (10, 20.5):
        await wait_for(database, store_time, term, seconds)
    await dispatch(database, elsewhere, term)
    standing = await Reads(database.api).standing("ranking")
    assert [wait.duration.total_seconds() for wait in standing.waits[POOL]] == [20.5, 10]
    assert [wait.duration.total_seconds() for wait in standing.waits[OTHER_POOL]] == [30.5]
    assert standing.waits[POOL][0].end_time == store_time.now
    assert await waited(database, "ads") == []


async def test_no_more_than_the_latest_25_are_kept(database: Database, store_time: StoreTime) -> None:
    term = await a_term(database)
    for seconds in range(1, 28):
        await wait_for(database, store_time, term, seconds)
    assert await waited(database) == [float(seconds) for seconds in range(27, 2, -1)]


async def test_what_vertex_sent_back_to_the_queue_is_not_counted_again(
    database: Database, store_time: StoreTime
) -> None:
    term = await a_term(database)
    await wait_for(database, store_time, term, 10)
    (job,) = await Reads(database.api).page("ranking", 1)
    back = await Changes(database.controller, unobserved).change("ranking", job.id, moved(State.QUEUED))
    await store_time.advance(600)
    await dispatch(database, back.after, term)
    assert await waited(database) == [10]


async def test_on_the_schema_of_the_version_before_all_goes_on_and_nothing_is_remembered(
    postgres: EmbeddedPostgres,
) -> None:
    """Replicas of two versions run side by side, whichever comes first, they or the migration."""
    name = f"before_{secrets.token_hex(4)}"
    await run_sql(postgres.url, f"CREATE DATABASE {name}")
    await migrate.upgrade(postgres.database_url(name), "0001")
    database = await Database.open(postgres.database_url(name), limits=PATIENT)
    term = await a_term(database)
    await dispatch(database, await create(database), term)
    assert await waited(database) == []
    await migrate.upgrade(postgres.database_url(name))
    await dispatch(database, await create(database), term)
    assert len(await waited(database)) == 1
    await database.close()
    await run_sql(postgres.url, f"DROP DATABASE {name} WITH (FORCE)")
