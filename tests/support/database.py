"""A real PostgreSQL for the tests: one server a test session (a worker of its own has its own), a database a test.

Fixtures: `postgres` (the server), `database_url` (a fresh, migrated database), `database` (opened on it) and
`store_time` (its clock, driven by the test together with a `DrivenClock`).
"""

import asyncio
import secrets
import shutil
from collections.abc import AsyncIterator, Coroutine, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import asyncpg
import pytest

from gateway.store import migrate
from gateway.store.database import LIMITS, Database, Limits
from gateway.store.embedded import EmbeddedPostgres
from support.clock import DrivenClock

TEMPLATE = "gateway_template"
ROOM = 2**30
PATIENT = dict.fromkeys(LIMITS, Limits(statement=40_000, lock=30_000, idle_in_transaction=60_000))

DRIVE_CLOCK = """
CREATE TABLE IF NOT EXISTS driven_clock (now timestamptz NOT NULL);
DELETE FROM driven_clock;
INSERT INTO driven_clock VALUES ('{now}');
CREATE OR REPLACE FUNCTION store_clock() RETURNS timestamptz LANGUAGE plpgsql VOLATILE AS
    'BEGIN RETURN (SELECT now FROM driven_clock); END';
"""


class StoreTime:
    """The store's clock and the process's, moved together."""

    def __init__(self, url: str, clock: DrivenClock) -> None:
        self._url = url
        self.clock = clock

    @property
    def now(self) -> datetime:
        return self.clock.now()

    async def advance(self, by: timedelta | float) -> None:
        """Move both clocks on, the store's first; a number is seconds."""
        step = by if isinstance(by, timedelta) else timedelta(seconds=by)
        await run_sql(self._url, "UPDATE driven_clock SET now = now + $1::interval", step)
        self.clock.advance(step)


async def run_sql(url: str, statement: str, *args: Any) -> None:
    """Run statements on a connection of their own."""
    connection = await asyncpg.connect(url)
    try:
        await connection.execute(statement, *args)
    finally:
        await connection.close()


def database_name(url: str) -> str:
    """The name of the database that a URL of the embedded server names."""
    return urlsplit(url).path.removeprefix("/")


async def drive_store_clock(url: str, clock: DrivenClock | None = None) -> StoreTime:
    """Have `store_clock()` of this database read a row, set to the clock's time."""
    clock = clock or DrivenClock()
    await run_sql(url, DRIVE_CLOCK.format(now=clock.now().isoformat()))
    return StoreTime(url, clock)


def in_thread(work: Coroutine[Any, Any, Any]) -> Any:
    """Run a coroutine on an event loop of its own, whatever loop the caller is on."""
    with ThreadPoolExecutor(1) as executor:
        return executor.submit(asyncio.run, work).result()


def memory_folder() -> Path | None:
    """A folder in memory with room for the tests' data, where this machine has one: copying databases is all disk."""
    folder = Path("/dev/shm")
    roomy = folder.is_dir() and shutil.disk_usage(folder).free >= ROOM
    return folder if roomy else None


@pytest.fixture(scope="session")
def postgres() -> Iterator[EmbeddedPostgres]:
    """The server of this test process."""
    server = EmbeddedPostgres(tcp=True, temporary_in=memory_folder())
    server.start()
    yield server
    server.stop()


@pytest.fixture(scope="session")
def database_template(postgres: EmbeddedPostgres) -> str:
    """A database at the head of the migrations, to copy from."""

    async def make() -> None:
        await run_sql(postgres.url, f"CREATE DATABASE {TEMPLATE}")
        await migrate.upgrade(postgres.database_url(TEMPLATE))

    in_thread(make())
    return TEMPLATE


@pytest.fixture
async def database_url(postgres: EmbeddedPostgres, database_template: str) -> AsyncIterator[str]:
    """The URL of a fresh, migrated database."""
    name = f"test_{secrets.token_hex(6)}"
    await run_sql(postgres.url, f"CREATE DATABASE {name} TEMPLATE {database_template}")
    yield postgres.database_url(name)
    await run_sql(postgres.url, f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    """The store's connections to a fresh database. They wait for locks as long as a busy machine may need."""
    opened = await Database.open(database_url, limits=PATIENT)
    yield opened
    await opened.close()


@pytest.fixture
async def store_time(database_url: str) -> StoreTime:
    """The fresh database's clock, driven by the test."""
    return await drive_store_clock(database_url)
