"""From the kill of the leader to the next create call on Vertex, where slots are free and work waits."""

import signal
import time
from contextlib import AsyncExitStack
from pathlib import Path

import asyncpg

from bench.calls import CREATE, write_sources
from bench.queue import seed_queued
from bench.rows import Row, median
from bench.stage import Server, Stage, bench_policy
from vertex_emulator import Emulator

TEAMS = 20
QUEUED = 5000
ROUNDS = 4
LEASE_SECONDS = 10
"""The lease's usual length."""


async def rows(folder: Path) -> list[Row]:
    """The longest of some rounds: each kills the one that leads, and another replica takes its place."""
    policy = bench_policy(TEAMS)
    policy["pools"][0]["capacity"] = 4
    async with Stage.set(folder, policy) as stage, AsyncExitStack() as stack:
        write_sources(stage)
        await seed_queued(stage.database_url, TEAMS, QUEUED)
        replicas = [await stack.enter_async_context(stage.gateway("all", LEASE=f"{LEASE_SECONDS}s")) for _ in range(2)]
        taken = []
        for _ in range(ROUNDS):
            taken.append(await failover(stage, replicas))
            replicas.append(await stack.enter_async_context(stage.gateway("all", LEASE=f"{LEASE_SECONDS}s")))
    limit = LEASE_SECONDS + 1
    return [
        Row.at_most(
            f"killed leader to the next submit, the longest of {ROUNDS} (lease {LEASE_SECONDS} s)",
            max(taken),
            limit,
            "s",
            digits=1,
        ),
        Row("  beside it: the median", f"{median(taken):.1f} s"),
    ]


async def failover(stage: Stage, replicas: list[Server]) -> float:
    """Seconds from the kill, right after a renewal, to the next leader's first create."""
    await submitted(stage.emulator)
    leader = await leading(stage, replicas)
    leader.process.send_signal(signal.SIGKILL)
    await leader.process.wait()
    began = time.monotonic()
    replicas.remove(leader)
    await submitted(stage.emulator)
    return time.monotonic() - began


async def submitted(emulator: Emulator) -> None:
    """Return at the next create call."""
    await emulator.calls.wait_for(lambda call: call.method == CREATE, count=len(emulator.calls.of(CREATE)) + 1)


async def leading(stage: Stage, replicas: list[Server]) -> Server:
    """The replica that holds the lease, right after it has renewed it: then the next one has longest to wait."""
    connection = await asyncpg.connect(stage.database_url)
    try:
        before = await connection.fetchval("SELECT expires_at FROM lease")
        while await connection.fetchval("SELECT expires_at FROM lease") == before:
            pass
        holder = await connection.fetchval("SELECT holder FROM lease")
    finally:
        await connection.close()
    return next(each for each in replicas if holder.endswith(f":{each.process.pid}"))
