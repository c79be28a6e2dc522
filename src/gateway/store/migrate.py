"""The schema: brought to head by Alembic, and judged for whether this binary may serve on it."""

import secrets
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import asyncpg
from alembic.config import Config
from alembic.runtime.environment import EnvironmentContext
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, text
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool

from gateway.store.driver import DRIVER_ERRORS, translate
from gateway.store.queries import load

SQL: Final = load("migrate")


async def upgrade(url: str, revision: str = "head") -> None:
    """Bring the schema to `revision`, in one transaction. Safe to run from several replicas at once."""
    script = _script()

    def run(connection: Connection) -> None:
        connection.execute(text(SQL["lock_migrations"]))
        with EnvironmentContext(Config(), script, fn=_steps(script, revision), destination_rev=revision) as environment:
            environment.configure(connection=connection)
            with environment.begin_transaction():
                environment.run_migrations()

    await _on_connection(url, run)


async def current(url: str) -> str | None:
    """The revision the database is at; None for an empty one."""

    def read(connection: Connection) -> str | None:
        return MigrationContext.configure(connection).get_current_revision()

    revision = await _on_connection(url, read)
    return None if revision is None else str(revision)


def head() -> str:
    """The newest revision this binary knows."""
    revision = _script().get_current_head()
    if revision is None:
        raise LookupError("the migrations are missing from the installation")
    return revision


def fits(revision: str | None) -> bool:
    """Whether this binary may serve on that schema: its own head, or one version either way."""
    return revision is not None and revision.isdecimal() and abs(int(revision) - int(head())) <= 1


async def restored(url: str) -> str:
    """Give the store a new incarnation after a restore from backup; every resume token is refused from then on."""
    incarnation = secrets.token_hex(16)
    await _on_connection(
        url, lambda connection: connection.execute(text(SQL["renew_incarnation"]), {"new": incarnation})
    )
    return incarnation


def _script() -> ScriptDirectory:
    return ScriptDirectory(str(Path(__file__).parent / "migrations"))


def _steps(script: ScriptDirectory, revision: str) -> Callable[..., Any]:
    def steps(at: Any, _context: MigrationContext) -> Any:
        return script._upgrade_revs(revision, at)  # noqa: SLF001 - what Alembic's own upgrade command calls

    return steps


async def _on_connection(url: str, work: Callable[[Connection], Any]) -> Any:
    """Run `work` in one transaction. asyncpg reads the URL itself, as it does everywhere else in the store."""
    engine = create_async_engine("postgresql+asyncpg://", async_creator=lambda: _connect(url), poolclass=NullPool)
    try:
        async with engine.begin() as connection:
            return await connection.run_sync(work)
    finally:
        await engine.dispose()


async def _connect(url: str) -> asyncpg.Connection:
    try:
        return await asyncpg.connect(url)
    except DRIVER_ERRORS as error:
        raise translate(error) from error
