"""GetBatchJob on one core, beside a bare server that answers the same message.

Run it as `python -m bench.get [--seconds 5] [--callers 32] [--rounds 3]`.
"""

import argparse
import tempfile
from pathlib import Path

import uvloop

from batchjobs.v1 import batch_jobs_pb2 as pb
from bench import load
from bench.measure import answer_file, compared, measure
from bench.seed import seed_ended
from bench.stage import Stage, bench_policy, echo_server
from gateway.api.batch_jobs.messages_out import message_of
from gateway.service.view import View

NAMES = 1000
TEAM = "team-00"


async def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=5.0)
    parser.add_argument("--callers", type=int, default=32)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    load.build()
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        async with Stage.set(Path(folder), bench_policy()) as stage:
            jobs = await seed_ended(stage.database_url, TEAM, NAMES)
            requests = [pb.GetBatchJobRequest(name=job.name).SerializeToString() for job in jobs]
            answer = answer_file(stage.folder, message_of(View(jobs[0])))
            run = {"callers": options.callers, "seconds": options.seconds, "team": TEAM}
            async with stage.gateway() as gateway, echo_server("GetBatchJob", answer) as echo:
                for _ in range(options.rounds):
                    bare = await measure(echo, "GetBatchJob", requests, **run)
                    ours = await measure(gateway, "GetBatchJob", requests, **run)
                    print(compared(bare, ours))


if __name__ == "__main__":
    uvloop.run(main())
