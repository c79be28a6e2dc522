"""The memory of a replica: idle, standing by, and for each watch that is open."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import grpc

from batchjobs.v1 import batch_jobs_pb2 as pb
from batchjobs.v1.batch_jobs_pb2_grpc import BatchJobsStub
from bench.processes import KIB, MB, Memory
from bench.queue import seed_queued
from bench.rows import Row, median
from bench.stage import Server, Stage, bench_policy

ROUNDS = 2
TEAMS = 20
JOBS_A_TEAM = 10
WATCHES = 2000
CONNECTIONS = 100
AT_ONCE = 200
"""So many watches are opened at a time: gRPC's core drops calls where a thousand wait to be taken in."""
STEADY_SECONDS = 1.0
STEADY = 0.005
"""Memory counts as steady when it moved by less than this share in as many seconds."""


async def rows(folder: Path) -> list[Row]:
    """Medians of some processes each."""
    policy = bench_policy(TEAMS)
    for team in policy["teams"].values():
        # A policy that names tables has BigQuery's client loaded as well: the larger of the two cases.
        team["sources"].append("bq://corp-ml.*.*")
    async with Stage.set(folder, policy) as stage:
        tables = {"BIGQUERY_ENDPOINT": stage.emulator.bigquery_url, "BIGQUERY_PROJECT": "corp-ml"}
        names = await seed_queued(stage.database_url, TEAMS, TEAMS * JOBS_A_TEAM)
        idle, single, team = [], [], []
        for _ in range(ROUNDS):
            async with stage.gateway(**tables) as server:
                idle.append(await steady(server))
                single.append(await growth(server, names, open_watch))
            async with stage.gateway(**tables) as server:
                await steady(server)
                team.append(await growth(server, names, open_team_watch))
        standby = [await standby_memory(stage, tables) for _ in range(ROUNDS)]
    api, spare = middle(idle), middle(standby)
    return [
        Row.at_most("memory idle, role api (resident)", api.resident / MB, 110, "MB"),
        Row.at_most("memory of a standby, role all, all clients loaded (resident)", spare.resident / MB, 190, "MB"),
        Row(
            "  beside them: proportional set size", f"{api.proportional / MB:.0f} MB, {spare.proportional / MB:.0f} MB"
        ),
        Row.at_most("memory for each open WatchBatchJob", median(single) / KIB, 40, "KiB", digits=1),
        Row.at_most("memory for each open WatchBatchJobs", median(team) / KIB, 40, "KiB", digits=1),
    ]


async def standby_memory(stage: Stage, settings: Mapping[str, str]) -> Memory:
    """Of a second replica of role `all`, once it has loaded Google's clients and another one leads."""
    async with stage.gateway("all", **settings) as leader:
        await steady(leader)
        async with stage.gateway("all", **settings) as second:
            return await steady(second)


async def growth(server: Server, names: list[str], watch: Callable[[Any, str], Any]) -> float:
    """Bytes for each watch: what the process is larger by once all of them have had their first answer."""
    before = await steady(server)
    async with watching(server, names, watch):
        after = await steady(server)
    return (after.resident - before.resident) / WATCHES


@asynccontextmanager
async def watching(
    server: Server, names: list[str], watch: Callable[[Any, str], Any], count: int = WATCHES
) -> AsyncIterator[None]:
    """That many watches over the names, spread over some connections, each of which has answered."""
    async with AsyncExitStack() as stack:
        options = [("grpc.use_local_subchannel_pool", 1)]
        channels = [grpc.aio.insecure_channel(server.target, options) for _ in range(CONNECTIONS)]
        for channel in channels:
            await stack.enter_async_context(channel)
        stubs = [BatchJobsStub(channel) for channel in channels]
        calls: list[Any] = []
        stack.callback(lambda: [call.cancel() for call in calls])
        for first in range(0, count, AT_ONCE):
            some = range(first, min(first + AT_ONCE, count))
            calls += [watch(stubs[i % CONNECTIONS], names[i % len(names)]) for i in some]
            await asyncio.gather(*(call.read() for call in calls[first:]))
        yield


def open_watch(stub: Any, name: str) -> Any:
    """A watch of one batch job."""
    return stub.WatchBatchJob(pb.WatchBatchJobRequest(name=name), metadata=team_of(name))


def open_team_watch(stub: Any, name: str) -> Any:
    """A watch of the team that the batch job is of."""
    return stub.WatchBatchJobs(pb.WatchBatchJobsRequest(parent="/".join(name.split("/")[:2])), metadata=team_of(name))


def team_of(name: str) -> tuple[tuple[str, str], ...]:
    """The metadata by which a member of the batch job's team is known."""
    return (("x-batchjobs-team", name.split("/")[1]),)


async def steady(server: Server) -> Memory:
    """Its memory once that does not change any more."""
    last = Memory.of(server.process.pid)
    while True:
        await asyncio.sleep(STEADY_SECONDS)
        now = Memory.of(server.process.pid)
        if abs(now.resident - last.resident) <= STEADY * last.resident:
            return now
        last = now


def middle(each: list[Memory]) -> Memory:
    """The median of both figures."""
    return Memory(round(median([m.resident for m in each])), round(median([m.proportional for m in each])))
