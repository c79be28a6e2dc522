"""CreateBatchJob on one core, durable, beside a bare server that answers the same message.

Twenty teams, a source object for each create; beside it one team and one object. Run it as
`python -m bench.create [--seconds 5] [--callers 32] [--rounds 2]`.
"""

import argparse
import itertools
import tempfile
from collections.abc import Iterator
from pathlib import Path

import uvloop

from batchjobs.v1 import batch_jobs_pb2 as pb
from bench import load
from bench.measure import answer_file, compared, measure
from bench.seed import ended
from bench.stage import Stage, bench_policy, echo_server
from gateway.api.batch_jobs.messages_out import message_of
from gateway.service.view import View

TEAMS = 20
OBJECTS = 3000
ROW = '{"request": {"contents": [{"role": "user", "parts": [{"text": "How tall is it?"}]}]}}\n'


def requests(teams: int, objects: int, count: int, run: int) -> Iterator[bytes]:
    """Creates in turn over the teams and their objects, each with a request id of its own."""
    for number in range(count):
        team = f"team-{number % teams:02}"
        name = f"rows-{number // teams % objects}.jsonl"
        job = pb.BatchJob(
            model="gemini-2.5-flash",
            region="us-central1",
            gcs_source=pb.GcsSource(uri=f"gs://{team}-in/{name}"),
            gcs_destination=pb.GcsDestination(output_uri_prefix=f"gs://{team}-out/nightly"),
        )
        request = pb.CreateBatchJobRequest(parent=f"teams/{team}", batch_job=job, request_id=f"{run}-{number}")
        yield request.SerializeToString()


def write_objects(stage: Stage) -> None:
    for team, number in itertools.product(range(TEAMS), range(OBJECTS // TEAMS)):
        path = stage.folder / "buckets" / f"team-{team:02}-in" / f"rows-{number}.jsonl"
        path.write_text(ROW, encoding="utf-8")


async def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=5.0)
    parser.add_argument("--callers", type=int, default=32)
    parser.add_argument("--rounds", type=int, default=2)
    options = parser.parse_args()
    load.build()
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        async with Stage.set(Path(folder), bench_policy(TEAMS)) as stage:
            write_objects(stage)
            answer = answer_file(stage.folder, message_of(View(ended("team-00", 1))))
            async with stage.gateway() as gateway, echo_server("CreateBatchJob", answer) as echo:
                for number in range(options.rounds):
                    for name, teams, objects in (("20 teams", TEAMS, OBJECTS // TEAMS), ("one team, one object", 1, 1)):
                        run = {"callers": options.callers, "seconds": options.seconds}
                        bare = await measure(echo, "CreateBatchJob", requests(TEAMS, 1, TEAMS, 0), **run)
                        sent = requests(teams, objects, 20_000, number * 2 + teams)
                        ours = await measure(gateway, "CreateBatchJob", sent, once=True, **run)
                        print(f"{name}: {compared(bare, ours)}")


if __name__ == "__main__":
    uvloop.run(main())
