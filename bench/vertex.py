"""Vertex's JobService beside BatchJobs: what the other vocabulary costs, in one process and on the same batch jobs."""

import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

from google.protobuf.message_factory import GetMessageClass

from batchjobs.v1 import batch_jobs_pb2 as pb
from bench import create, get, load
from bench.measure import Measured, measure
from bench.rates import CALLERS, ROUNDS, SECONDS, Pair, rates, ratio
from bench.rows import Row
from bench.seed import seed_ended
from bench.stage import Server, Stage, bench_policy
from gateway.api.vertex.names import name_of
from gateway.cloud.vertex_messages import SERVICE, VertexMessages
from gateway.cloud.vertex_messages import load as load_messages

TARGET = 0.8
PARENT = "projects/corp-ml/locations/us-central1"


async def rows(folder: Path) -> list[Row]:
    """Gets over a thousand names, and creates of one team."""
    load.build()
    messages = load_messages()
    async with Stage.set(folder, bench_policy(create.TEAMS)) as stage:
        create.write_objects(stage)
        jobs = await seed_ended(stage.database_url, get.TEAM, get.NAMES)
        ours = [pb.GetBatchJobRequest(name=job.name).SerializeToString() for job in jobs]
        asked = _request(messages, "GetBatchPredictionJob")
        theirs = [asked(name=name_of(job)).SerializeToString() for job in jobs]
        async with stage.gateway(VERTEX_API="true") as gateway:
            gets = [await _gets(gateway, ours, theirs) for _ in range(ROUNDS)]
            creates = [await _creates(gateway, messages) for _ in range(ROUNDS)]
    return [
        Row.at_least(f"JobService get calls/s over BatchJobs, {CALLERS} callers", ratio(gets), TARGET),
        Row("  beside it: calls/s of both", rates(gets)),
        Row.at_least(f"JobService create calls/s over BatchJobs, {CALLERS} callers, one team", ratio(creates), TARGET),
        Row("  beside it: calls/s of both", rates(creates)),
    ]


async def _gets(gateway: Server, ours: list[bytes], theirs: list[bytes]) -> Pair:
    run = partial(measure, gateway, callers=CALLERS, seconds=SECONDS, team=get.TEAM)
    first = await run("GetBatchJob", ours)
    return first, await run("GetBatchPredictionJob", theirs, service=SERVICE)


async def _creates(gateway: Server, messages: VertexMessages) -> Pair:
    run = partial(measure, gateway, callers=CALLERS, seconds=SECONDS, team=get.TEAM, once=True)
    first: Measured = await run("CreateBatchJob", create.requests(1, 1, 20_000, time.monotonic_ns()))
    return first, await run("CreateBatchPredictionJob", _sent(messages, 20_000), service=SERVICE)


def _sent(messages: VertexMessages, count: int) -> Iterator[bytes]:
    """The create of `bench.create` for one team, in Vertex's words."""
    asked = _request(messages, "CreateBatchPredictionJob")(parent=PARENT)
    job = asked.batch_prediction_job
    job.model = "gemini-2.5-flash"
    job.input_config.instances_format = job.output_config.predictions_format = "jsonl"
    job.input_config.gcs_source.uris.append(f"gs://{get.TEAM}-in/rows-0.jsonl")
    job.output_config.gcs_destination.output_uri_prefix = f"gs://{get.TEAM}-out/nightly"
    return (asked.SerializeToString() for _ in range(count))


def _request(messages: VertexMessages, method: str) -> Any:
    return GetMessageClass(messages.service.methods_by_name[method].input_type)
