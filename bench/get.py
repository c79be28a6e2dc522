"""GetBatchJob on one core, beside a bare server that answers the same message.

    python -m bench.get [--seconds 5] [--callers 32] [--rounds 3]
"""

import argparse
import asyncio
import tempfile
from dataclasses import dataclass
from pathlib import Path

import uvloop

from batchjobs.v1 import batch_jobs_pb2 as pb
from bench import load
from bench.seed import seed_ended
from bench.stage import OTHERS, Server, Stage, bench_policy, echo_server
from gateway.api.batch_jobs.messages_out import message_of
from gateway.service.view import View

NAMES = 1000
METHOD = "/batchjobs.v1.BatchJobs/GetBatchJob"


@dataclass(frozen=True, slots=True)
class Measured:
    """One run against one server; `cpu` is its processor time per call, in microseconds."""

    load: load.Load
    cpu: float


async def measure(server: Server, requests: list[bytes], callers: int, seconds: float) -> Measured:
    before = server.cpu
    run = await load.run(
        server.target,
        METHOD,
        requests,
        callers=callers,
        seconds=seconds,
        warm_up=0.5,
        headers={"x-batchjobs-team": "team-00"},
        pinned=OTHERS,
    )
    # The warm-up is in the processor time and not in the calls; at one rate it weighs what it lasts.
    return Measured(run, (server.cpu - before) / (run.calls * (1 + 0.5 / seconds)) * 1e6)


async def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=5.0)
    parser.add_argument("--callers", type=int, default=32)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    load.build()
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        async with Stage.set(Path(folder), bench_policy()) as stage:
            jobs = await seed_ended(stage.database_url, "team-00", NAMES)
            requests = [pb.GetBatchJobRequest(name=job.name).SerializeToString() for job in jobs]
            answer = Path(folder) / "answer"
            answer.write_bytes(message_of(View(jobs[0])).SerializeToString())
            async with stage.gateway() as gateway, echo_server("GetBatchJob", answer) as echo:
                for _ in range(options.rounds):
                    bare = await measure(echo, requests, options.callers, options.seconds)
                    ours = await measure(gateway, requests, options.callers, options.seconds)
                    print(
                        f"echo {bare.load.rate:6.0f}/s {bare.cpu:4.0f} us  "
                        f"gateway {ours.load.rate:6.0f}/s {ours.cpu:4.0f} us p99 {ours.load.p99 * 1000:.1f} ms  "
                        f"ratio {ours.load.rate / bare.load.rate:.2f} cpu {bare.cpu / ours.cpu:.2f}"
                    )


if __name__ == "__main__":
    uvloop.run(main())
