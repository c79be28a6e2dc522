"""What one team's flood costs another team: the p99 of its gets and creates, over what it is when all is quiet.

Run it alone as `python -m bench noisy`. The quiet team calls at an even pace; the noisy one as fast as it is answered,
and it never rests when it is refused. Quiet and flooded take turns, and the median of the rounds counts.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Coroutine, Iterable, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from batchjobs.v1 import batch_jobs_pb2 as pb
from bench import create, load
from bench.rows import Row, median
from bench.seed import seed_ended
from bench.stage import OTHERS, Server, Stage, bench_policy

QUIET, NOISY = "team-00", "team-01"
NAMES = 200
ASIDE = (*OTHERS, "nice", "-n", "19")
"""How a flood's generator runs: as one on another machine would, it does not take the quiet one's processor."""
ROUNDS = 5
SECONDS = 4.0
WORSE_AT_MOST = 2.0
FLOODING = 200
"""How many callers a flood has."""
SERVICE = "/batchjobs.v1.BatchJobs/"

Flood = Callable[[Server], Coroutine[Any, Any, None]]


@dataclass(frozen=True, slots=True)
class Felt:
    """The quiet team's p99, in seconds."""

    gets: float
    creates: float

    @classmethod
    def median(cls, every: Sequence[Self]) -> Self:
        return cls(median([each.gets for each in every]), median([each.creates for each in every]))


async def rows(folder: Path) -> list[Row]:
    """Quiet and then under a flood, some rounds of each kind."""
    load.build()
    async with Stage.set(folder, bench_policy(create.TEAMS)) as stage:
        create.write_objects(stage)
        await seed_ended(stage.database_url, QUIET, NAMES)
        await seed_ended(stage.database_url, NOISY, NAMES, first=NAMES + 1)
        async with stage.gateway() as gateway:
            await felt(gateway)
            floods: dict[str, Flood] = {"gets": gets, "watches": watches, "creates": creates}
            every = [row for name, flood in floods.items() for row in compared(name, *await rounds(gateway, flood))]
            gateway.check_log()
            return every


async def rounds(gateway: Server, flood: Flood) -> tuple[Felt, Felt]:
    """What is felt while all is quiet, and under the flood."""
    quiet, now = [], []
    for _ in range(ROUNDS):
        quiet.append(await felt(gateway))
        async with flooded(flood(gateway)):
            now.append(await felt(gateway))
    return Felt.median(quiet), Felt.median(now)


def compared(flood: str, quiet: Felt, now: Felt) -> list[Row]:
    """Both p99 over the quiet ones, and what they are."""
    times = f"get {_ms(quiet.gets)} and {_ms(now.gets)}, create {_ms(quiet.creates)} and {_ms(now.creates)} ms"
    return [
        Row.at_most(f"p99 of a get over its quiet value, another team floods {flood}", now.gets / quiet.gets,
                    WORSE_AT_MOST, digits=2),
        Row.at_most(f"p99 of a create over its quiet value, another team floods {flood}", now.creates / quiet.creates,
                    WORSE_AT_MOST, digits=2),
        Row("  beside them: quiet and flooded", times),
    ]  # fmt: skip


async def felt(gateway: Server) -> Felt:
    """The quiet team's gets and creates, both at once."""
    names = [pb.GetBatchJobRequest(name=f"teams/{QUIET}/batchJobs/{10**17 + n}") for n in range(1, NAMES + 1)]
    made = create.requests(1, create.OBJECTS // create.TEAMS, 5_000, time.monotonic_ns())
    asked, recorded = await asyncio.gather(
        called(gateway, "GetBatchJob", QUIET, (each.SerializeToString() for each in names), callers=4, pause=0.02),
        called(gateway, "CreateBatchJob", QUIET, made, callers=4, pause=0.1, once=True),
    )
    return Felt(asked.p99, recorded.p99)


async def called(gateway: Server, method: str, team: str, requests: Any, **more: Any) -> load.Load:
    headers = {"x-batchjobs-team": team}
    run = {"seconds": SECONDS, "warm_up": 1.0, "headers": headers, "pinned": OTHERS, **more}
    return await load.run(gateway.target, SERVICE + method, requests, **run)


@asynccontextmanager
async def flooded(flood: Coroutine[Any, Any, None]) -> AsyncIterator[None]:
    """While it is entered, the flood goes on."""
    task = asyncio.create_task(flood)
    await asyncio.sleep(0.5)
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


async def without_rest(gateway: Server, method: str, requests: Iterable[bytes], **more: Any) -> None:
    """Many callers of the noisy team, whatever they are answered."""
    run = {"callers": FLOODING, "seconds": 60.0, "refused_too": True, "pinned": ASIDE, **more}
    await called(gateway, method, NOISY, requests, **run)


async def gets(gateway: Server) -> None:
    """Of one batch job."""
    name = pb.GetBatchJobRequest(name=f"teams/{NOISY}/batchJobs/{10**17 + NAMES + 1}").SerializeToString()
    await without_rest(gateway, "GetBatchJob", [name])


async def creates(gateway: Server) -> None:
    """Each under a request id of its own."""
    every = create.requests(2, create.OBJECTS // create.TEAMS, 40_000, time.monotonic_ns())
    noisy = (request for number, request in enumerate(every) if number % 2)
    await without_rest(gateway, "CreateBatchJob", noisy, once=True)


async def watches(gateway: Server) -> None:
    """Opened, and left at the first message."""
    request = pb.WatchBatchJobsRequest(parent=f"teams/{NOISY}").SerializeToString()
    await without_rest(gateway, "WatchBatchJobs", [request], first=True)


def _ms(seconds: float) -> str:
    return f"{seconds * 1000:.1f}"
