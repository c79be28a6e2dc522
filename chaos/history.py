"""Every change of every batch job and every scan that a leader has dealt with, noted by PostgreSQL itself: triggers
beside the product, not hooks in it.
"""

from typing import Any

import asyncpg

_INSTALL = """
CREATE TABLE chaos_history (
    place     bigserial PRIMARY KEY,
    time      timestamptz NOT NULL DEFAULT store_clock(),
    id        bigint NOT NULL,
    team      text NOT NULL,
    pool      text NOT NULL,
    revision  bigint NOT NULL,
    state     text NOT NULL,
    vertex    text NOT NULL,
    cancel    boolean NOT NULL,
    deleted   boolean NOT NULL,
    attempt   jsonb
);
CREATE FUNCTION chaos_note() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO chaos_history (id, team, pool, revision, state, vertex, cancel, deleted, attempt)
    VALUES (NEW.id, NEW.team, NEW.pool, NEW.revision, NEW.state, NEW.vertex_name, NEW.cancel_time IS NOT NULL,
            NEW.delete_time IS NOT NULL, NEW.attempts -> -1);
    RETURN NULL;
END $$;
CREATE TRIGGER chaos_note AFTER INSERT OR UPDATE ON batch_jobs FOR EACH ROW EXECUTE FUNCTION chaos_note();
CREATE TABLE chaos_scans (
    place     bigserial PRIMARY KEY,
    time      timestamptz NOT NULL DEFAULT store_clock(),
    pool      text NOT NULL,
    begun     timestamptz NOT NULL
);
CREATE FUNCTION chaos_note_scan() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO chaos_scans (pool, begun) VALUES (NEW.pool, NEW.last_scan_time);
    RETURN NULL;
END $$;
CREATE TRIGGER chaos_note_scan AFTER UPDATE ON pools FOR EACH ROW
    WHEN (NEW.last_scan_time IS DISTINCT FROM OLD.last_scan_time) EXECUTE FUNCTION chaos_note_scan();
"""

_DUMP = {
    "history": "SELECT *, extract(epoch FROM time)::float8 AS at FROM chaos_history ORDER BY place",
    "rows": "SELECT id, team, pool, state, revision, request_id, vertex_name, delete_time IS NOT NULL AS deleted "
    "FROM batch_jobs",
    "teams": "SELECT team, revision FROM teams",
    "scans": "SELECT pool, extract(epoch FROM begun)::float8 AS begun, extract(epoch FROM time)::float8 AS at "
    "FROM chaos_scans ORDER BY place",
    "request_ids": "SELECT team, request_id, batch_job_id FROM request_ids",
}

_HOLDER = "SELECT holder FROM lease WHERE expires_at > clock_timestamp()"
_CHANGES = "SELECT count(*) FROM chaos_history"
_OPEN = """
SELECT count(*) FROM batch_jobs WHERE state IN ('QUEUED', 'SUBMITTING', 'PENDING', 'RUNNING', 'PAUSED')
    OR (delete_time IS NOT NULL AND vertex_name <> '' AND vertex_deleted_time IS NULL)
"""


async def install(url: str) -> None:
    """Make the tables and the triggers, on a schema that is migrated and empty."""
    await _run(url, _INSTALL)


async def dump(url: str) -> dict[str, list[dict[str, Any]]]:
    """All that the audit reads of the store, as plain values."""
    connection = await asyncpg.connect(url)
    try:
        async with connection.transaction(isolation="repeatable_read", readonly=True):
            return {name: [dict(row) for row in await connection.fetch(query)] for name, query in _DUMP.items()}
    finally:
        await connection.close()


async def holder(url: str) -> str:
    """Who leads, `host:pid`; empty where nobody does or PostgreSQL does not answer."""
    try:
        return str(await _value(url, _HOLDER) or "")
    except (OSError, asyncpg.PostgresError):
        return ""


async def changes(url: str) -> int:
    """How many changes there have been."""
    return int(await _value(url, _CHANGES))


async def open_jobs(url: str) -> int:
    """How many batch jobs have not ended, or are deleted and their Vertex job is not as yet."""
    return int(await _value(url, _OPEN))


async def _value(url: str, query: str) -> Any:
    connection = await asyncpg.connect(url, timeout=5)
    try:
        return await connection.fetchval(query)
    finally:
        await connection.close()


async def _run(url: str, script: str) -> None:
    connection = await asyncpg.connect(url)
    try:
        await connection.execute(script)
    finally:
        await connection.close()
