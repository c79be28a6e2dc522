"""What callers and watchers cost Vertex AI: nothing beyond the one list of a pool that the leader asks for anyway."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, nullcontext
from dataclasses import replace
from itertools import cycle, islice
from pathlib import Path
from typing import Any

import grpc

from batchjobs.v1 import batch_jobs_pb2 as pb
from batchjobs.v1.batch_jobs_pb2_grpc import BatchJobsStub
from bench.memory import open_watch, team_of, watching
from bench.queue import seed_queued
from bench.rows import Row
from bench.stage import Server, Stage, bench_policy
from vertex_emulator import Emulator, EmulatorConfig

TEAMS = 20
CAPACITY = 8
POLL_SECONDS = 2.0
INTERVALS = 4
GETS = 1000
WATCHES = 1000
CREATE, LIST = "CreateBatchPredictionJob", "ListBatchPredictionJobs"


async def rows(folder: Path) -> list[Row]:
    """Calls in the emulator's record over some poll intervals, while eight Vertex jobs run in the one pool."""
    async with Stage.set(folder, bench_policy(TEAMS)) as usual, lasting(usual) as stage:
        write_sources(stage)
        names = await seed_queued(stage.database_url, TEAMS, 2 * CAPACITY)
        async with stage.gateway("all", POLL_INTERVAL=str(POLL_SECONDS)) as server:
            await running(stage.emulator)
            idle = await counted(stage.emulator, nullcontext())
            getting = await counted(stage.emulator, gets(server, names))
            watched = await counted(stage.emulator, watching(server, names, open_watch, WATCHES))
    return [
        Row.at_most(
            f"Vertex calls per pool and poll interval, {GETS:,} GetBatchJob calls in each", getting, 1, digits=2
        ),
        Row.at_most(f"Vertex calls per pool and poll interval, {WATCHES:,} watches open", watched, 1, digits=2),
        Row("  beside them: with no caller at all", f"{idle:.2f}"),
    ]


@asynccontextmanager
async def lasting(stage: Stage) -> AsyncIterator[Stage]:
    """The stage with an emulator whose jobs run for an hour."""
    async with Emulator(EmulatorConfig(stage.folder / "buckets", pending_seconds=0.1, run_seconds=3600)) as emulator:
        yield replace(stage, emulator=emulator)


def write_sources(stage: Stage) -> None:
    """The object that every seeded batch job names."""
    path = stage.folder / "buckets" / "team-00-in" / "2026-01-01" / "rows-1.jsonl"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(
        '{"request": {"contents": [{"role": "user", "parts": [{"text": "How tall?"}]}]}}\n', encoding="utf-8"
    )


async def running(emulator: Emulator) -> None:
    """Return once the pool is full and has been listed twice since."""
    await emulator.calls.wait_for(lambda call: call.method == CREATE and call.code == "OK", count=CAPACITY)
    listed = len(emulator.calls.of(LIST))
    await emulator.calls.wait_for(lambda call: call.method == LIST and call.code == "OK", count=listed + 2)


async def counted(emulator: Emulator, load: Any) -> float:
    """Calls of Vertex's API per pool and interval, while `load` is entered."""
    async with load:
        before = vertex_calls(emulator)
        await asyncio.sleep(INTERVALS * POLL_SECONDS)
        return (vertex_calls(emulator) - before) / INTERVALS


def vertex_calls(emulator: Emulator) -> int:
    """How many calls there were so far, those to Cloud Storage aside."""
    return sum("BatchPredictionJob" in call.method or "Operation" in call.method for call in emulator.calls)


@asynccontextmanager
async def gets(server: Server, names: list[str]) -> AsyncIterator[None]:
    """A thousand gets in every interval, for as long as this is entered; each must end OK."""
    async with grpc.aio.insecure_channel(server.target) as channel:
        stub: Any = BatchJobsStub(channel)
        getting = asyncio.gather(*(_get(stub, names) for _ in range(INTERVALS)))
        yield
        await getting


async def _get(stub: Any, names: list[str]) -> None:
    """A part of the gets, evenly over the whole time."""
    for name in islice(cycle(names), GETS):
        called = stub.GetBatchJob(pb.GetBatchJobRequest(name=name), metadata=team_of(name))
        await asyncio.gather(called, asyncio.sleep(INTERVALS * POLL_SECONDS / GETS))
