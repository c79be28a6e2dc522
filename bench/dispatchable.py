"""From a batch job becoming dispatchable to its create call on Vertex, where slots are free."""

from pathlib import Path
from typing import Any

import grpc

from batchjobs.v1 import batch_jobs_pb2 as pb
from batchjobs.v1.batch_jobs_pb2_grpc import BatchJobsStub
from bench import create
from bench.calls import CREATE, lasting
from bench.memory import team_of
from bench.rows import Row, median, percentile
from bench.stage import Stage, bench_policy
from vertex_emulator import Call, Emulator

COUNT = 300
WARM_UP = 20


async def rows(folder: Path) -> list[Row]:
    """One create after another, each alone in the queue of a pool that has room for all of them."""
    policy = bench_policy(create.TEAMS)
    policy["pools"][0]["capacity"] = 2 * COUNT
    async with Stage.set(folder, policy) as usual, lasting(usual) as stage:
        create.write_objects(stage)
        async with stage.gateway("all") as server, grpc.aio.insecure_channel(server.target) as channel:
            stub: Any = BatchJobsStub(channel)
            sent = create.requests(create.TEAMS, create.OBJECTS // create.TEAMS, WARM_UP + COUNT, 0)
            taken = [await submitted(stub, stage.emulator, request) for request in sent][WARM_UP:]
    what = "a batch job becoming dispatchable to its Vertex create call, slots free"
    return [
        Row.at_most(f"{what}, p50", median(taken) * 1000, 30, "ms", digits=1),
        Row.at_most(f"{what}, p99", percentile(taken, 0.99) * 1000, 200, "ms", digits=1),
        Row("  beside them: the longest", f"{max(taken) * 1000:.1f} ms"),
    ]


async def submitted(stub: Any, emulator: Emulator, request: bytes) -> float:
    """Seconds from the batch job's create time to the arrival of its create on Vertex.

    The create time is the store's, taken before the commit that makes the batch job dispatchable: that commit counts.
    Store and emulator read one machine's clock.
    """
    asked = pb.CreateBatchJobRequest.FromString(request)
    made = await stub.CreateBatchJob(asked, metadata=team_of(asked.parent))
    number = made.name.rpartition("/")[2]

    def is_its(call: Call) -> bool:
        return call.method == CREATE and call.request.batch_prediction_job.labels["batchjobs_id"] == number

    [call] = await emulator.calls.wait_for(is_its)
    began: float = made.create_time.seconds + made.create_time.nanos / 1e9
    return call.time.timestamp() - began
