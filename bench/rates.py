"""Calls a second of one process on one core, over those of a bare server with the same message."""

import time
from collections.abc import Iterable
from functools import partial
from pathlib import Path

from batchjobs.v1 import batch_jobs_pb2 as pb
from bench import create, get, load
from bench.measure import Measured, answer_file, measure
from bench.rows import Row, median
from bench.seed import ended, seed_ended
from bench.stage import Server, Stage, bench_policy, echo_server
from gateway.api.batch_jobs.messages_out import message_of
from gateway.service.view import View

ROUNDS = 3
SECONDS = 3.0
CALLERS = 32

Pair = tuple[Measured, Measured]
"""One round: the bare server's run and ours."""


async def get_rows(folder: Path) -> list[Row]:
    """GetBatchJob over a thousand names; one caller beside it."""
    load.build()
    async with Stage.set(folder, bench_policy()) as stage:
        jobs = await seed_ended(stage.database_url, get.TEAM, get.NAMES)
        sent = [pb.GetBatchJobRequest(name=job.name).SerializeToString() for job in jobs]
        answer = answer_file(stage.folder, message_of(View(jobs[0])))
        async with stage.gateway() as gateway, echo_server("GetBatchJob", answer) as echo:

            async def pair(callers: int) -> Pair:
                run = partial(measure, method="GetBatchJob", callers=callers, seconds=SECONDS, team=get.TEAM)
                return await run(echo, requests=sent), await run(gateway, requests=sent)

            many = [await pair(CALLERS) for _ in range(ROUNDS)]
            one = [await pair(1) for _ in range(ROUNDS)]
    return [
        Row.at_least(f"GetBatchJob calls/s over a bare server, {CALLERS} callers", ratio(many), 0.65),
        Row("  beside it: calls/s of both; one caller", f"{rates(many)}; {ratio(one):.2f} ({rates(one)})"),
    ]


async def create_rows(folder: Path) -> list[Row]:
    """CreateBatchJob of twenty teams, an object for each create; one team with one object beside it."""
    load.build()
    async with Stage.set(folder, bench_policy(create.TEAMS)) as stage:
        create.write_objects(stage)
        answer = answer_file(stage.folder, message_of(View(ended("team-00", 1))))
        async with stage.gateway() as gateway, echo_server("CreateBatchJob", answer) as echo:
            spread = [await _creates(echo, gateway, create.TEAMS) for _ in range(ROUNDS)]
            single = [await _creates(echo, gateway, 1) for _ in range(ROUNDS)]
    return [
        Row.at_least(f"CreateBatchJob calls/s over a bare server, {CALLERS} callers, 20 teams", ratio(spread), 0.15),
        Row(
            "  beside it: calls/s of both; one team, one object",
            f"{rates(spread)}; {ratio(single):.2f} ({rates(single)})",
        ),
    ]


async def _creates(echo: Server, gateway: Server, teams: int) -> Pair:
    """One round; no two creates of any round share a request id."""
    run = partial(measure, method="CreateBatchJob", callers=CALLERS, seconds=SECONDS)
    objects = create.OBJECTS // create.TEAMS if teams > 1 else 1
    bare = await run(echo, requests=create.requests(create.TEAMS, 1, create.TEAMS, 0))
    sent = create.requests(teams, objects, 20_000, time.monotonic_ns())
    return bare, await run(gateway, requests=sent, once=True)


def ratio(pairs: Iterable[Pair]) -> float:
    """The median over the rounds of our rate over the bare one."""
    return median([ours.rate / bare.rate for bare, ours in pairs])


def rates(pairs: Iterable[Pair]) -> str:
    """Both medians, ours last."""
    bare, ours = (median([run.rate for run in runs]) for runs in zip(*pairs, strict=True))
    return f"{bare:,.0f} and {ours:,.0f}"
