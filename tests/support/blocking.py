"""Steps that are held up inside PostgreSQL: a lock that the test holds, and the wait until somebody waits for it."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import asyncpg

from support.database import run_sql

BLOCKED = """
SELECT count(*) FROM pg_stat_activity
WHERE datname = current_database() AND cardinality(pg_blocking_pids(pid)) > 0
"""

HOLD_COMMITS = """
CREATE FUNCTION await_test() RETURNS trigger LANGUAGE plpgsql AS
    'BEGIN PERFORM pg_advisory_xact_lock(1); RETURN NULL; END';
CREATE CONSTRAINT TRIGGER await_test AFTER UPDATE ON batch_jobs DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW EXECUTE FUNCTION await_test()
"""
END_COMMITTING = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query = 'COMMIT' AND state = 'active'"


class Holder:
    """A transaction of the test's own."""

    def __init__(self, connection: asyncpg.Connection, url: str) -> None:
        self.connection = connection
        self._url = url

    async def until_blocked(self, sessions: int = 1) -> None:
        """Return once that many sessions of this database wait for a lock."""
        watcher = await asyncpg.connect(self._url)
        try:
            async with asyncio.timeout(60):
                while await watcher.fetchval(BLOCKED) < sessions:
                    pass
        finally:
            await watcher.close()

    async def release(self) -> None:
        """End the transaction now."""
        await self.connection.execute("COMMIT")


@asynccontextmanager
async def holding(url: str, statement: str, *args: Any) -> AsyncIterator[Holder]:
    """Hold what `statement` locks until the block ends or `release` is called."""
    connection = await asyncpg.connect(url)
    try:
        await connection.execute("BEGIN")
        await connection.execute(statement, *args)
        holder = Holder(connection, url)
        yield holder
        await holder.release()
    finally:
        await connection.close()


def team_lock(url: str, team: str = "ranking") -> Any:
    """Hold a team's row."""
    return holding(url, "SELECT 1 FROM teams WHERE team = $1 FOR NO KEY UPDATE", team)


@asynccontextmanager
async def commits_held(url: str) -> AsyncIterator[Holder]:
    """Every COMMIT of a change waits inside PostgreSQL until the block ends."""
    await run_sql(url, HOLD_COMMITS)
    async with holding(url, "SELECT pg_advisory_xact_lock(1)") as holder:
        yield holder
