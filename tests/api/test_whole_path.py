"""From a create over gRPC to rows on Cloud Storage and back: everything is real but Google."""

import pytest

from batchjobs.v1 import batch_jobs_pb2 as pb
from support.caller import State, batch_job
from vertex_emulator import Fault, FaultKind

QUICK = {"dispatch_interval": "200ms", "poll_interval": "200ms", "gauges_interval": "200ms"}


@pytest.fixture
async def running(start_gateway):
    """A gateway that leads."""
    return await start_gateway(emulator={"pending_seconds": 0.2, "run_seconds": 0.2}, **QUICK)


async def test_a_batch_job_runs_to_its_end_and_its_rows_are_there(running):
    caller = running.caller("ranking")
    job = await caller.create()
    watch = caller.watch(job.name)
    ended = await watch.until(State.SUCCEEDED)
    assert await watch.event() is None
    assert ended.rows.succeeded == 3
    states = [entry.state for entry in ended.transitions]
    assert states[:2] == [State.QUEUED, State.SUBMITTING]
    assert states[-1] == State.SUCCEEDED
    directory = running.emulator.buckets.root / ended.output.gcs_directory.removeprefix("gs://")
    assert len((directory / "predictions.jsonl").read_text().splitlines()) == 3
    [create] = running.emulator.calls.of("CreateBatchPredictionJob")
    assert create.job == ended.vertex_job


async def test_a_running_batch_job_is_cancelled_on_vertex(start_gateway):
    gateway = await start_gateway(emulator={"pending_seconds": 0.1, "run_seconds": 600, "cancel_seconds": 0.1}, **QUICK)
    caller = gateway.caller("ranking")
    job = await caller.create()
    watch = caller.watch(job.name)
    await watch.until(State.RUNNING)
    assert (await caller.cancel(job.name)).state == State.CANCELLING
    assert (await watch.until(State.CANCELLED)).name == job.name


async def test_what_vertex_refuses_fails_with_vertexs_own_words(running):
    fault = Fault("CreateBatchPredictionJob", FaultKind.STATUS, code="INVALID_ARGUMENT", message="Unknown model.")
    running.emulator.faults.add(fault)
    caller = running.caller("ranking")
    failed = await caller.watch((await caller.create()).name).until(State.FAILED)
    assert (failed.error.code, failed.error.message) == (3, "Unknown model.")
    [packed] = failed.error.details
    assert "aiplatform.googleapis.com" in packed.value.decode()


async def test_a_held_batch_job_says_why_and_goes_on_when_the_slot_is_free(start_gateway):
    gateway = await start_gateway(emulator={"pending_seconds": 0.1, "run_seconds": 600, "cancel_seconds": 0.1}, **QUICK)
    await gateway.set_policy(lambda policy: policy["pools"][0].update(capacity=1))
    caller = gateway.caller("ranking")
    first = await caller.create()
    await caller.watch(first.name).until(State.RUNNING)
    held = await caller.create(batch_job(display_name="held"))
    watch = caller.watch(held.name)
    seen = await watch.job()
    while (seen.waiting.reason, seen.waiting.HasField("position")) != (pb.POOL_FULL, True):
        seen = await watch.job()
    assert seen.waiting.position == 0
    await caller.cancel(first.name)
    assert (await watch.until(State.RUNNING)).name == held.name


async def test_a_second_replica_takes_over_when_the_leader_stops(start_gateway):
    settings = {"emulator": {"pending_seconds": 0.1, "run_seconds": 0.1}, **QUICK}
    leader = await start_gateway(**settings)
    await leader.caller("ranking").watch((await leader.caller("ranking").create()).name).until(State.SUCCEEDED)
    follower = await start_gateway(
        **settings, vertex_emulator=leader.emulator.target, storage_endpoint=leader.emulator.storage_url
    )
    await leader.app.stop()
    caller = follower.caller("ranking")
    assert (await caller.watch((await caller.create()).name).until(State.SUCCEEDED)).rows.succeeded == 3
