"""Many rows at once, made in PostgreSQL out of one: ended batch jobs by the million, and queues."""

from collections.abc import Mapping
from datetime import UTC, datetime

import asyncpg

from bench.seed import FIRST_ID, ended
from gateway.domain.batch_job import BatchJob
from gateway.domain.states import State
from gateway.store.rows import NAMES, Slot, encode_changing, encode_fixed

TEAM = "'team-' || lpad((n % {teams})::text, 2, '0')"
INDEXES = """
SELECT indexname, indexdef FROM pg_indexes
WHERE tablename = 'batch_jobs' AND indexname LIKE 'batch\\_jobs\\_%' AND indexname <> 'batch_jobs_pkey'
"""
FIRST_QUEUED, FIRST_RUNNING = FIRST_ID * 5, FIRST_ID * 6


def queued() -> BatchJob:
    """A batch job that waits, made just now."""
    usual = ended("team-00", 1)
    now = datetime.now(UTC)
    return BatchJob(
        id=0,
        team=usual.team,
        spec=usual.spec,
        state=State.QUEUED,
        pool=usual.pool,
        effective_model=usual.effective_model,
        creator=usual.creator,
        create_time=now,
        update_time=now,
        queue_deadline=None,
        revision=0,
    )


def running() -> BatchJob:
    """A batch job that runs."""
    job = queued().evolve(vertex_name=ended("team-00", 1).vertex_name, submit_time=datetime.now(UTC))
    for state in (State.SUBMITTING, State.PENDING, State.RUNNING):
        job = job.move(state, time=datetime.now(UTC), reason="OBSERVED", actor="gateway")
    return job


async def seed_running(url: str, teams: int, count: int) -> list[str]:
    """Write `count` running batch jobs, spread over the teams; the names of all of them."""
    return await _seed(url, running(), FIRST_RUNNING, teams, count)


async def seed_queued(url: str, teams: int, count: int) -> list[str]:
    """Write `count` queued batch jobs, spread over the teams; the names of all of them."""
    return await _seed(url, queued(), FIRST_QUEUED, teams, count)


async def seed_ended(url: str, teams: int, count: int, *, asked: int) -> list[str]:
    """Write `count` ended batch jobs, spread over the teams; the names of `asked` of them, all of team-00.

    Indexes are made after the rows are there: a million rows take seconds then, and not minutes.
    """
    connection = await asyncpg.connect(url)
    try:
        indexes = await connection.fetch(INDEXES)
        for index in indexes:
            await connection.execute(f"DROP INDEX {index['indexname']}")
        await _revise(connection, teams, count)
        await _insert(connection, ended("team-00", 1), FIRST_ID, teams, count)
        for index in indexes:
            await connection.execute(index["indexdef"])
        await connection.execute("VACUUM (ANALYZE) batch_jobs")
        await connection.execute("CHECKPOINT")
    finally:
        await connection.close()
    step = max(count // asked // teams, 1) * teams
    return names(FIRST_ID, range(teams, count + 1, step), teams)[:asked]


def names(first: int, numbers: range, teams: int) -> list[str]:
    """What the rows with these numbers are called."""
    return [f"teams/team-{n % teams:02}/batchJobs/{first + n}" for n in numbers]


async def _seed(url: str, job: BatchJob, first: int, teams: int, count: int) -> list[str]:
    connection = await asyncpg.connect(url)
    try:
        await _revise(connection, teams, count)
        await _insert(connection, job, first, teams, count)
        await connection.execute("ANALYZE")
    finally:
        await connection.close()
    return names(first, range(1, count + 1), teams)


async def _revise(connection: asyncpg.Connection, teams: int, count: int) -> None:
    """Count the teams' revisions on by as many as their rows will take."""
    await connection.execute(
        "INSERT INTO teams AS t (team, revision) SELECT "  # noqa: S608 - our own text
        f"{TEAM.format(teams=teams)}, count(*) FROM generate_series(1, {count}) AS n GROUP BY 1 "
        "ON CONFLICT (team) DO UPDATE SET revision = t.revision + excluded.revision"
    )


async def _insert(connection: asyncpg.Connection, job: BatchJob, first: int, teams: int, count: int) -> None:
    """Write `count` rows like that one; each team's last row carries the team's own revision."""
    columns = NAMES.split(", ")
    values = (*encode_fixed(job, ""), *encode_changing(job, Slot()))
    types = {row["column_name"]: row["data_type"] for row in await connection.fetch(_TYPES)}
    team = TEAM.format(teams=teams)
    own: Mapping[str, str] = {
        "id": f"{first} + n",
        "team": "t.team",
        "revision": f"t.revision - ({count} - n) / {teams}",
    }
    made = [own.get(name, f"${at}::{types[name]}") for at, name in enumerate(columns, 1)]
    # A parameter that is not used must still have a type.
    unused = " AND ".join(f"${columns.index(name) + 1}::{types[name]} IS NOT NULL" for name in own)
    await connection.execute(
        f"INSERT INTO batch_jobs ({NAMES}) SELECT {', '.join(made)} "  # noqa: S608 - our own text
        f"FROM generate_series(1, {count}) AS n JOIN teams t ON t.team = {team} WHERE {unused}",
        *values,
    )


_TYPES = "SELECT column_name, data_type FROM information_schema.columns WHERE table_name = 'batch_jobs'"
