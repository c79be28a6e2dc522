"""Migrations: from nothing to head, by many at once, and which schema a binary may serve on."""

import asyncio
import secrets
import subprocess
import sys
from collections.abc import AsyncIterator

import pytest

from gateway.store import migrate, upgrading
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


def test_the_newest_migration_by_its_name_is_the_one_that_alembic_knows_as_head() -> None:
    assert migrate.head() == upgrading.script().get_current_head()


def test_serving_does_not_load_alembic() -> None:
    """It takes a fifth of what a small replica may take, and serving only looks at the schema's number."""
    code = "import sys, gateway.cli.serve; sys.exit('alembic' in sys.modules or 'sqlalchemy' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False, timeout=60).returncode == 0


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
