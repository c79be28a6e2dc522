"""Migrations: from nothing to head, by many at once, and which schema a binary may serve on."""

import asyncio
import secrets
from collections.abc import AsyncIterator

import pytest

from gateway.store import migrate
from gateway.store.database import Database
from gateway.store.embedded import EmbeddedPostgres
from gateway.store.reads import Reads
from support.database import run_sql


@pytest.fixture
async def empty_url(postgres: EmbeddedPostgres) -> AsyncIterator[str]:
    name = f"empty_{secrets.token_hex(4)}"
    await run_sql(postgres.url, f"CREATE DATABASE {name}")
    yield postgres.database_url(name)
    await run_sql(postgres.url, f"DROP DATABASE {name} WITH (FORCE)")


async def test_an_empty_database_comes_to_head_and_stays_there(empty_url: str) -> None:
    assert await migrate.current(empty_url) is None
    assert not migrate.fits(None)
    await migrate.upgrade(empty_url)
    await migrate.upgrade(empty_url)
    assert await migrate.current(empty_url) == migrate.head()
    assert migrate.fits(await migrate.current(empty_url))


async def test_replicas_that_start_together_migrate_once(empty_url: str) -> None:
    await asyncio.gather(*(migrate.upgrade(empty_url) for _ in range(3)))
    assert await migrate.current(empty_url) == migrate.head()


def test_a_schema_fits_one_version_either_way() -> None:
    at = int(migrate.head())
    fitting = [offset for offset in range(-3, 4) if migrate.fits(f"{at + offset:04}")]
    assert fitting == [-1, 0, 1]
    assert not migrate.fits("somebody-else-s")


async def test_a_restored_store_is_another_incarnation(database: Database, database_url: str) -> None:
    before = await Reads(database.api).feed("ranking")
    incarnation = await migrate.restored(database_url)
    after = await Reads(database.api).feed("ranking")
    assert before.incarnation != after.incarnation == incarnation
