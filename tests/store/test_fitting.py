"""Whether a binary may serve on a schema, and waiting until it may."""

import asyncio
import secrets

import pytest

from gateway.store import migrate
from gateway.store.fitting import SchemaError, until_schema_fits
from support.clock import DrivenClock
from support.database import run_sql


@pytest.fixture
async def empty_url(postgres):
    """A database without any schema."""
    name = f"empty_{secrets.token_hex(6)}"
    await run_sql(postgres.url, f"CREATE DATABASE {name}")
    yield postgres.database_url(name)
    await run_sql(postgres.url, f"DROP DATABASE {name} WITH (FORCE)")


async def at_revision(url, revision):
    await run_sql(url, "UPDATE alembic_version SET version_num = $1", f"{revision:04}")


async def test_a_schema_that_fits_is_not_waited_for(database_url):
    await until_schema_fits(database_url, DrivenClock())


@pytest.mark.parametrize("away", [-1, 1])
async def test_one_version_either_way_fits(database_url, away):
    await at_revision(database_url, int(migrate.head()) + away)
    await until_schema_fits(database_url, DrivenClock())


async def test_a_schema_that_is_missing_is_waited_for_until_it_has_been_migrated(empty_url):
    clock = DrivenClock()
    waiting = asyncio.ensure_future(until_schema_fits(empty_url, clock))
    for _ in range(2):
        await clock.until_sleeping()
        assert not waiting.done()
        clock.advance(2)
    await clock.until_sleeping()
    await migrate.upgrade(empty_url)
    clock.advance(2)
    await waiting


async def test_a_schema_that_is_too_new_is_refused_since_waiting_would_not_help(database_url):
    await at_revision(database_url, int(migrate.head()) + 2)
    with pytest.raises(SchemaError, match="newer version"):
        await until_schema_fits(database_url, DrivenClock())
