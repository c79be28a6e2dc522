"""A pool that counts everybody's Vertex jobs, from a create over gRPC to the emulator and back."""

from typing import Any

import grpc
import pytest
from google.cloud.aiplatform_v1.types import batch_prediction_job, job_service

from batchjobs.v1 import batch_jobs_pb2 as pb
from support.caller import State, Watching, batch_job
from support.gateway import Gateway

QUICK = {"dispatch_interval": "200ms", "poll_interval": "200ms", "gauges_interval": "200ms"}
SLOW_JOBS = {"pending_seconds": 0.1, "run_seconds": 600, "cancel_seconds": 0.1}
PARENT = "projects/corp-ml/locations/us-central1"
PUBLISHERS = "publishers/google/models/gemini-2.5-flash"
SERVICE = "/google.cloud.aiplatform.v1.JobService"


@pytest.fixture
async def shared(start_gateway) -> Gateway:
    """A gateway that leads, with a pool of two that others use too."""
    gateway = await start_gateway(emulator=SLOW_JOBS, **QUICK)
    await gateway.set_policy(lambda policy: policy["pools"][0].update(capacity=2, counts="all"))
    return gateway


async def vertex(gateway: Gateway, method: str, request: Any) -> bytes:
    """A call to Vertex by somebody who does not know the gateway."""
    async with grpc.aio.insecure_channel(gateway.emulator.target) as channel:
        return await channel.unary_unary(f"{SERVICE}/{method}")(type(request).serialize(request), timeout=20)


async def foreign_job(gateway: Gateway, model: str = PUBLISHERS) -> str:
    """A Vertex job made outside the gateway; its name."""
    wanted = {
        "display_name": "by hand",
        "model": model,
        "input_config": {"instances_format": "jsonl", "gcs_source": {"uris": ["gs://ranking-in/rows.jsonl"]}},
        "output_config": {
            "predictions_format": "jsonl",
            "gcs_destination": {"output_uri_prefix": "gs://ranking-out/x"},
        },
    }
    request = job_service.CreateBatchPredictionJobRequest(parent=PARENT, batch_prediction_job=wanted)
    made = await vertex(gateway, "CreateBatchPredictionJob", request)
    return batch_prediction_job.BatchPredictionJob.deserialize(made).name


async def waiting_for(watch: Watching, reason: pb.WaitingReason.ValueType) -> pb.BatchJob:
    while (seen := await watch.job()).waiting.reason != reason:
        assert seen.state == State.QUEUED
    return seen


async def test_others_vertex_jobs_hold_the_pool_and_what_waits_says_so(shared):
    foreign = [await foreign_job(shared) for _ in range(2)]
    caller = shared.caller("ranking")
    job = await caller.create()
    watch = caller.watch(job.name)
    await waiting_for(watch, pb.OTHERS_HOLD_POOL)
    usage = await caller.call("GetTeamUsage", pb.GetTeamUsageRequest(name="teams/ranking/usage"))
    assert usage.pools[0].waiting.reason == pb.OTHERS_HOLD_POOL
    assert len(shared.emulator.calls.of("CreateBatchPredictionJob")) == len(foreign), "nothing of ours was sent"

    request = job_service.CancelBatchPredictionJobRequest(name=foreign[0])
    await vertex(shared, "CancelBatchPredictionJob", request)
    assert (await watch.until(State.RUNNING)).name == job.name


async def test_ours_and_theirs_together_fill_the_pool(shared):
    await foreign_job(shared)
    caller = shared.caller("ranking")
    first, second = [await caller.create(batch_job(display_name=name)) for name in ("first", "second")]
    assert (await caller.watch(first.name).until(State.RUNNING)).name == first.name
    await waiting_for(caller.watch(second.name), pb.OTHERS_HOLD_POOL)


async def test_vertex_jobs_of_models_that_take_no_shared_room_do_not_count(shared):
    for _ in range(2):
        await foreign_job(shared, model=f"{PARENT}/models/7")
    caller = shared.caller("ranking")
    assert await caller.watch((await caller.create()).name).until(State.RUNNING)


async def test_a_pool_that_counts_only_ours_takes_no_notice_of_others(shared):
    await shared.set_policy(lambda policy: policy["pools"][0].update(counts="ours"))
    for _ in range(3):
        await foreign_job(shared)
    caller = shared.caller("ranking")
    assert await caller.watch((await caller.create()).name).until(State.RUNNING)
