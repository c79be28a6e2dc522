"""Creates of one team on a disk that takes four milliseconds longer for every commit, beside the disk as it is."""

import time
from contextlib import AsyncExitStack
from pathlib import Path

import asyncpg

from bench import create, load
from bench.measure import measure
from bench.rows import Row, median
from bench.stage import Server, Stage, bench_policy

ROUNDS = 3
SECONDS = 3.0
CALLERS = 32
ADDED_MS = 4


async def rows(folder: Path) -> list[Row]:
    """Creates in turn with and without; PostgreSQL itself waits before each flush of its log."""
    load.build()
    async with Stage.set(folder, bench_policy(create.TEAMS)) as stage:
        create.write_objects(stage)
        async with AsyncExitStack() as stack:
            gateway = await stack.enter_async_context(stage.gateway())
            connection = await asyncpg.connect(stage.database_url)
            stack.push_async_callback(connection.close)
            rounds = [
                (await created(connection, gateway, 0), await created(connection, gateway, ADDED_MS))
                for _ in range(ROUNDS)
            ]
    fast, slow = (median([rate for rate, _ in side]) for side in zip(*rounds, strict=True))
    added = median([took for _, (_, took) in rounds]) - median([took for (_, took), _ in rounds])
    return [
        Row.at_least(
            f"CreateBatchJob of one team with {ADDED_MS} ms added to every commit, over without", slow / fast, 0.8
        ),
        Row(
            "  beside it: calls/s of both; what a lone commit takes longer",
            f"{fast:,.0f} and {slow:,.0f}; {added:.1f} ms",
        ),
    ]


async def created(connection: asyncpg.Connection, gateway: Server, added_ms: int) -> tuple[float, float]:
    """Creates a second, and what a lone commit takes, in milliseconds."""
    # Without siblings to wait for, PostgreSQL waits this long before every flush that a commit needs.
    await connection.execute("ALTER SYSTEM SET commit_siblings = 0")
    await connection.execute(f"ALTER SYSTEM SET commit_delay = {added_ms * 1000}")
    await connection.execute("SELECT pg_reload_conf()")
    alone = [await lone_commit(connection) for _ in range(20)]
    sent = create.requests(1, 1, 20_000, time.monotonic_ns())
    run = await measure(gateway, "CreateBatchJob", sent, callers=CALLERS, seconds=SECONDS, once=True)
    return run.rate, median(alone)


async def lone_commit(connection: asyncpg.Connection) -> float:
    """Milliseconds of a commit that has something to flush."""
    began = time.monotonic()
    await connection.execute("SELECT pg_logical_emit_message(true, 'bench', 'x')")
    return (time.monotonic() - began) * 1000
