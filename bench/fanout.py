"""Ten thousand open watches, each of a batch job of its own, beside a bare server of streams that does the same.

All changes are committed at once, by somebody else, and the replica learns of them as it learns of another replica's.
"""

import asyncio
import itertools
import signal
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import asyncpg

from batchjobs.v1 import batch_jobs_pb2 as pb
from bench import load
from bench.measure import answer_file, measure
from bench.memory import steady
from bench.processes import KIB
from bench.queue import running, seed_running
from bench.rows import Row, median
from bench.stage import OTHERS, Server, Stage, bench_policy, stream_server
from bench.streams import mark
from bench.watchers import Change, Delivered, Watchers, watching
from gateway.api.batch_jobs.messages_out import message_of
from gateway.service.view import View
from gateway.store.hints import CHANNEL

WATCHES = 10_000
CONNECTIONS = 100
TEAMS = 20
ROUNDS = 5
CALLERS = 8
SECONDS = 5.0

CHANGE = """
WITH changed AS (
    UPDATE batch_jobs b
    SET revision = b.revision + t.watched, transitions = jsonb_set(transitions, '{-1,reason}', to_jsonb($1::text))
    FROM (SELECT team, count(*) AS watched FROM batch_jobs GROUP BY team) t WHERE t.team = b.team
    RETURNING b.team, b.revision
), moved AS (
    UPDATE teams t SET revision = grown.revision
    FROM (SELECT team, max(revision) AS revision FROM changed GROUP BY team) grown WHERE t.team = grown.team
    RETURNING t.team, t.revision
)
SELECT pg_notify($2, json_object_agg(team, revision)::text) FROM moved
"""
"""One change of every batch job, in one commit, with the hint that a replica sends after its own."""


@dataclass(frozen=True, slots=True)
class Watched:
    """A server whose watches are all open, and what each has added to its memory, in bytes."""

    server: Server
    watchers: Watchers
    memory: float


Round = tuple[Delivered, Delivered]
"""The bare server's, and ours."""


async def rows(folder: Path) -> list[Row]:
    """Memory of each watch, the time until a change has reached all of them, and what gets take meanwhile."""
    load.build()
    async with Stage.set(folder, bench_policy(TEAMS)) as stage:
        names = await seed_running(stage.database_url, TEAMS, WATCHES)
        event = answer_file(folder, pb.WatchEvent(batch_job=message_of(View(running())), synced=True))
        async with AsyncExitStack() as stack:
            streams = await stack.enter_async_context(stream_server(event))
            gateway = await stack.enter_async_context(
                stage.gateway(WATCH_HEARTBEAT="1h", WATCHES_PER_PRINCIPAL=str(WATCHES))
            )
            connection = await asyncpg.connect(stage.database_url)
            stack.push_async_callback(connection.close)
            update = Update(connection)
            quiet = await gets(gateway, names)
            bare = await stack.enter_async_context(watched(streams, names))
            ours = await stack.enter_async_context(watched(gateway, names))
            idle = await gets(gateway, names)
            rounds = [await one_round(mark(n), (bare, Signal(streams)), (ours, update)) for n in range(1, ROUNDS + 1)]
            meanwhile = await gets_during(ours, names, update)
    return table_rows(bare, ours, rounds, (quiet, idle, meanwhile))


async def one_round(left: str, *sides: tuple[Watched, Change]) -> Round:
    """A change on either side, one after the other."""
    bare, ours = [await watched.watchers.deliver(left, change) for watched, change in sides]
    return bare, ours


def table_rows(bare: Watched, ours: Watched, rounds: Sequence[Round], p99: tuple[float, float, float]) -> list[Row]:
    """What was measured, beside the targets."""
    last = [median([each.last for each in side]) for side in zip(*rounds, strict=True)]
    quiet, idle, meanwhile = p99
    return [
        Row.at_most(
            f"a change to each of {WATCHES:,} watched batch jobs, until all watches have it, over a bare server",
            median([ours.last / bare.last for bare, ours in rounds]),
            2.5,
            digits=2,
        ),
        Row("  beside it: seconds of both", f"{last[0]:.2f} and {last[1]:.2f}"),
        Row.at_most(
            "memory for each of those watches, over the bare server's", ours.memory / bare.memory, 1.5, digits=2
        ),
        Row("  beside it: of both", f"{bare.memory / KIB:.1f} and {ours.memory / KIB:.1f} KiB"),
        Row.at_most(
            f"GetBatchJob p99 by {CALLERS} callers while such changes are delivered, over p99 without watches",
            meanwhile / quiet,
            3,
            digits=2,
        ),
        Row(
            "  beside it: without watches, with idle ones, meanwhile",
            f"{quiet * 1000:.1f}, {idle * 1000:.1f}, {meanwhile * 1000:.1f} ms",
        ),
    ]


class Signal:
    """The bare server's change."""

    def __init__(self, server: Server) -> None:
        self._server = server

    async def prepare(self, _mark: str) -> None:
        """It counts its changes, and marks them by itself."""

    async def commit(self) -> None:
        self._server.process.send_signal(signal.SIGUSR1)


class Update:
    """A change of every row, in one transaction."""

    def __init__(self, connection: asyncpg.Connection) -> None:
        self._connection = connection

    async def prepare(self, mark: str) -> None:
        await self._connection.execute("BEGIN")
        await self._connection.execute(CHANGE, mark, CHANNEL)

    async def commit(self) -> None:
        await self._connection.execute("COMMIT")


async def gets_during(ours: Watched, names: list[str], update: Update) -> float:
    """p99 of gets while one change after another is delivered."""
    getting = asyncio.create_task(gets(ours.server, names))
    for number in itertools.count(ROUNDS + 1):
        await ours.watchers.deliver(mark(number), update)
        if getting.done():
            break
    return await getting


async def gets(server: Server, names: list[str]) -> float:
    """p99 of gets of what is watched, in seconds."""
    sent = [pb.GetBatchJobRequest(name=name).SerializeToString() for name in names]
    return (await measure(server, "GetBatchJob", sent, callers=CALLERS, seconds=SECONDS)).load.p99


@asynccontextmanager
async def watched(server: Server, names: list[str]) -> AsyncIterator[Watched]:
    """All watches open, over some connections; the bare server takes the same requests."""
    before = await steady(server)
    async with watching(
        server.target,
        "/batchjobs.v1.BatchJobs/WatchBatchJob",
        [pb.WatchBatchJobRequest(name=name).SerializeToString() for name in names],
        connections=CONNECTIONS,
        headers={"x-batchjobs-team": "bench"},
        pinned=OTHERS,
    ) as watchers:
        after = await steady(server)
        yield Watched(server, watchers, (after.resident - before.resident) / len(names))
