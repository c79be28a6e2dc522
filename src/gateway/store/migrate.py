"""The schema: brought to head by Alembic, and judged for whether this binary may serve on it."""

import re
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from importlib import resources
from typing import Final

import asyncpg

from gateway.store.driver import DRIVER_ERRORS, translate
from gateway.store.queries import load

SQL: Final = load("migrate")
_VERSION_FILE: Final = re.compile(r"v(\d{4})_\w+\.py")


async def upgrade(url: str, revision: str = "head") -> None:
    """Bring the schema to `revision`, in one transaction. Safe to run from several replicas at once."""
    from gateway.store import upgrading

    await upgrading.upgrade(partial(_connect, url), revision)


async def current(url: str) -> str | None:
    """The revision the database is at; None for an empty one."""
    async with _connection(url) as connection:
        if not await connection.fetchval(SQL["has_version"]):
            return None
        revision = await connection.fetchval(SQL["version"])
    return None if revision is None else str(revision)


def head() -> str:
    """The newest revision this binary knows, from the names of its migrations."""
    names = (each.name for each in (resources.files("gateway.store.migrations") / "versions").iterdir())
    revisions = [found[1] for name in names if (found := _VERSION_FILE.fullmatch(name))]
    if not revisions:
        raise LookupError("the migrations are missing from the installation")
    return max(revisions)


def fits(revision: str | None) -> bool:
    """Whether this binary may serve on that schema: its own head, or one version either way."""
    return revision is not None and revision.isdecimal() and abs(int(revision) - int(head())) <= 1


def is_newer(revision: str | None) -> bool:
    """Whether that schema is newer than any that this binary knows."""
    return revision is not None and revision.isdecimal() and int(revision) > int(head())


async def restored(url: str) -> str:
    """After a restore from backup, before any gateway runs again. Returns the store's new incarnation.

    Every resume token is refused from then on, and controllers know which attempts the store may have forgotten.
    """
    incarnation = secrets.token_hex(16)
    async with _connection(url) as connection, connection.transaction():
        await connection.execute(SQL["renew_incarnation"], incarnation)
        await connection.execute(SQL["declare_restore"])
    return incarnation


@asynccontextmanager
async def _connection(url: str) -> AsyncIterator[asyncpg.Connection]:
    connection = await _connect(url)
    try:
        yield connection
    except DRIVER_ERRORS as error:
        raise translate(error) from error
    finally:
        await connection.close()


async def _connect(url: str) -> asyncpg.Connection:
    try:
        return await asyncpg.connect(url)
    except DRIVER_ERRORS as error:
        raise translate(error) from error
