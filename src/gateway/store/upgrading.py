"""Bringing the schema up with Alembic. Imported late: with what it needs it takes more memory than serving does."""

from collections.abc import Awaitable, Callable
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

from gateway.store.queries import load

SQL: Final = load("migrate")


async def upgrade(connect: Callable[[], Awaitable[asyncpg.Connection]], revision: str) -> None:
    """Bring the schema to `revision`, in one transaction on a connection of `connect`'s."""
    directory = script()

    def run(connection: Connection) -> None:
        connection.execute(text(SQL["lock_migrations"]))
        context = EnvironmentContext(Config(), directory, fn=_steps(directory, revision), destination_rev=revision)
        with context as environment:
            environment.configure(connection=connection)
            with environment.begin_transaction():
                environment.run_migrations()

    engine = create_async_engine("postgresql+asyncpg://", async_creator=connect, poolclass=NullPool)
    try:
        async with engine.begin() as connection:
            await connection.run_sync(run)
    finally:
        await engine.dispose()


def script() -> ScriptDirectory:
    """The migrations, as Alembic knows them."""
    return ScriptDirectory(str(Path(__file__).parent / "migrations"))


def _steps(directory: ScriptDirectory, revision: str) -> Callable[..., Any]:
    def steps(at: Any, _context: MigrationContext) -> Any:
        return directory._upgrade_revs(revision, at)  # noqa: SLF001 - what Alembic's own upgrade command calls

    return steps
