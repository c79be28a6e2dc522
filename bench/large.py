"""A store that has grown for years beside an empty one: the time of a get, and of a pass of dispatch and of poll.

Both stores are databases of one PostgreSQL, each with a gateway of its own, and are asked in turn. The empty one holds
what is asked for and no more.
"""

from collections.abc import Sequence
from contextlib import AsyncExitStack
from dataclasses import replace
from pathlib import Path

import asyncpg

from batchjobs.v1 import batch_jobs_pb2 as pb
from bench import load
from bench.calls import lasting, write_sources
from bench.leading import Passes, passes
from bench.measure import measure
from bench.queue import seed_ended, seed_queued
from bench.rows import Row, median, percentile
from bench.stage import Server, Stage, bench_policy
from gateway.store import migrate

TEAMS = 20
TEAM = "team-00"
ENDED, QUEUED = 1_000_000, 10_000
ASKED, FEW_QUEUED = 1000, 200
ROUNDS = 4
SECONDS = 1.5
PASSES, POLLS = 15, 60
SAME = 1.3
"""What does not depend on the size of the store takes no longer than this in a large one, over an empty one."""

Requests = tuple[list[bytes], list[bytes]]
"""Gets of ended batch jobs, and of queued ones."""


async def rows(folder: Path) -> list[Row]:
    """Gets by one caller and by many, then dispatch, on both stores."""
    load.build()
    async with Stage.set(folder, bench_policy(TEAMS)) as large:
        write_sources(large)
        empty = await another_store(large, "empty")
        stages = (empty, large)
        asked = (await fill(empty, ASKED, 1, FEW_QUEUED), await fill(large, ENDED, TEAMS, QUEUED))
        async with AsyncExitStack() as stack:
            servers = [await stack.enter_async_context(stage.gateway()) for stage in stages]
            one = await ratio(servers, [ended for ended, _ in asked], callers=1)
            many = await ratio(servers, [ended for ended, _ in asked], callers=32)
            queued = await ratio(servers, [queued for _, queued in asked], callers=1)
        few, full = [await led(stage) for stage in stages]
    name = f"GetBatchJob p50 with {ENDED:,} ended and {QUEUED:,} queued stored, over an empty store"
    return [
        Row.at_most(name, one, SAME, digits=2),
        Row("  beside it: by 32 callers; of queued ones", f"{many:.2f}; {queued:.2f}"),
        Row.at_most(
            "a dispatch pass in the large store that fills four slots, p50",
            median(full.dispatch) * 1000,
            50,
            "ms",
            digits=1,
        ),
        *over(
            f"a dispatch pass in the large store over one in an empty store with {FEW_QUEUED} queued",
            full.dispatch,
            few.dispatch,
        ),
        *over("a poll in the large store, p50 over one in an empty store", full.poll, few.poll),
    ]


def over(figure: str, full: Sequence[float], few: Sequence[float]) -> list[Row]:
    """How much longer a pass takes there, and beside it how long."""
    beside = f"{median(full) * 1000:.1f}; {percentile(full, 0.9) * 1000:.1f}; {median(few) * 1000:.1f} ms"
    return [
        Row.at_most(figure, median(full) / median(few), SAME, digits=2),
        Row("  beside it: p50 and p90 there; p50 in an empty store", beside),
    ]


async def ratio(servers: Sequence[Server], requests: Sequence[list[bytes]], *, callers: int) -> float:
    """The median of the second server's p50 over that of the first's, over rounds in which each is asked in turn."""
    taken: tuple[list[float], list[float]] = ([], [])
    for _ in range(ROUNDS):
        for server, sent, times in zip(servers, requests, taken, strict=True):
            run = await measure(server, "GetBatchJob", sent, callers=callers, seconds=SECONDS, team=TEAM)
            times.append(run.load.p50)
    return median(taken[1]) / median(taken[0])


async def led(stage: Stage) -> Passes:
    """The time of each pass, with a Vertex of the store's own: it would adopt what another one made."""
    async with lasting(stage) as own:
        return await passes(own, PASSES, POLLS)


async def fill(stage: Stage, count: int, teams: int, queued: int) -> Requests:
    """Write the rows; gets of a thousand ended and of the queued ones of one team."""
    ended = await seed_ended(stage.database_url, teams, count, asked=ASKED)
    waiting = await seed_queued(stage.database_url, TEAMS, queued)
    return gets(ended), gets([name for name in waiting if f"/{TEAM}/" in name])


def gets(names: Sequence[str]) -> list[bytes]:
    """The requests for these names."""
    return [pb.GetBatchJobRequest(name=name).SerializeToString() for name in names]


async def another_store(stage: Stage, name: str) -> Stage:
    """The stage with another database of the same server, migrated."""
    connection = await asyncpg.connect(stage.database_url)
    try:
        await connection.execute(f"CREATE DATABASE {name}")
    finally:
        await connection.close()
    url = stage.database_url.replace("/postgres?", f"/{name}?")
    await migrate.upgrade(url)
    return replace(stage, database_url=url)
