"""Two replicas over one PostgreSQL beside one: gets, which both answer from the same store.

With four cores or more each replica has one for itself and the rates are compared. With fewer, the load generator and
PostgreSQL take what the second replica needs, so calls per second of the replicas' own processor time are compared:
what they would answer if each had a core. That shows what replicas cost each other, not what PostgreSQL has to give.
"""

import asyncio
from collections.abc import Sequence
from pathlib import Path

from batchjobs.v1 import batch_jobs_pb2 as pb
from bench import get, load
from bench.measure import Measured, measure
from bench.rows import Row, median
from bench.seed import seed_ended
from bench.stage import CORES, Server, Stage, bench_policy

ROUNDS = 3
SECONDS = 3.0
CALLERS = 32
A_CORE_EACH = CORES >= 4


async def rows(folder: Path) -> list[Row]:
    """Gets by as many callers of each replica, on one of them and on both."""
    load.build()
    async with Stage.set(folder, bench_policy()) as stage:
        jobs = await seed_ended(stage.database_url, get.TEAM, get.NAMES)
        sent = [pb.GetBatchJobRequest(name=job.name).SerializeToString() for job in jobs]
        async with stage.gateway("api", 0) as first, stage.gateway("api", 1 if CORES > 1 else 0) as second:
            rounds = [(await called([first], sent), await called([first, second], sent)) for _ in range(ROUNDS)]
    one, two = (median([speed(runs) for runs in side]) for side in zip(*rounds, strict=True))
    by = (
        "calls/s, a core each" if A_CORE_EACH else f"calls by processor time: {CORES} cores are too few for a core each"
    )
    rates = [median([sum(run.rate for run in runs) for runs in side]) for side in zip(*rounds, strict=True)]
    return [
        Row.at_least(f"GetBatchJob on two replicas over one ({by})", two / one, 1.7),
        Row("  beside it: calls/s as they were, sharing all cores", f"{rates[0]:,.0f} and {rates[1]:,.0f}"),
    ]


async def called(servers: Sequence[Server], sent: list[bytes]) -> list[Measured]:
    """All of them at once, each by callers of its own."""
    runs = (measure(server, "GetBatchJob", sent, callers=CALLERS, seconds=SECONDS, team=get.TEAM) for server in servers)
    return await asyncio.gather(*runs)


def speed(runs: Sequence[Measured]) -> float:
    """Calls a second of all replicas together; of a core's time each where they have none for themselves."""
    if A_CORE_EACH:
        return sum(run.rate for run in runs)
    return sum(1e6 / run.cpu for run in runs)
