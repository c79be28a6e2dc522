"""Batch jobs that are there before a measurement begins, written straight into the store."""

from datetime import UTC, datetime, timedelta

import asyncpg

from gateway.domain.batch_job import Attempt, AttemptOutcome, BatchJob, GcsDestination, GcsSource, PoolId, Spec
from gateway.domain.states import State
from gateway.domain.vertex_job import Output, Rows
from gateway.store.rows import NAMES, Slot, encode_changing, encode_fixed

POOL = PoolId("corp-ml", "us-central1")
FIRST_ID = 10**17


def ended(team: str, number: int) -> BatchJob:
    """A batch job that has gone the usual way to its end, with everything set that this sets."""
    begin = datetime(2026, 1, 1, tzinfo=UTC) + timedelta(seconds=number)
    spec = Spec(
        model="gemini-2.5-flash",
        source=GcsSource(f"gs://{team}-in/2026-01-01/rows-{number}.jsonl"),
        destination=GcsDestination(f"gs://{team}-out/nightly"),
        display_name=f"nightly {number}",
        region=POOL.region,
        labels={"run": "nightly", "owner": "search-quality"},
    )
    creator = f"dev:{team}"
    job = BatchJob(
        id=FIRST_ID + number,
        team=team,
        spec=spec,
        state=State.QUEUED,
        pool=POOL,
        effective_model=f"publishers/google/models/{spec.model}",
        creator=creator,
        create_time=begin,
        update_time=begin,
        queue_deadline=None,
        revision=number,
    )
    attempt = Attempt("0123456789abcdef", 1, begin, "term", "0123456789abcdef", 8, 8, AttemptOutcome.ACCEPTED, begin)
    for step, state in enumerate((State.SUBMITTING, State.PENDING, State.RUNNING, State.SUCCEEDED)):
        job = job.move(state, time=begin + timedelta(minutes=step), reason="OBSERVED", actor="gateway")
    return job.evolve(
        submit_time=begin,
        start_time=begin + timedelta(minutes=2),
        end_time=job.update_time,
        expire_time=begin + timedelta(days=3650),
        vertex_name=f"projects/123456789012/locations/{POOL.region}/batchPredictionJobs/{number}",
        rows=Rows(succeeded=500, failed=2, incomplete=0),
        output=Output(gcs_directory=f"gs://{team}-out/nightly/prediction-model-2026-01-01T00:00:00.000000Z"),
        attempt_count=1,
        attempts=(attempt,),
    )


async def seed_ended(url: str, team: str, count: int, first: int = 1) -> list[BatchJob]:
    """Write that many ended batch jobs of one team, which had none; ids and revisions are counted from `first`."""
    jobs = [ended(team, number) for number in range(first, first + count)]
    rows = [(*encode_fixed(job, ""), *encode_changing(job, Slot())) for job in jobs]
    places = ", ".join(f"${place}" for place in range(1, len(rows[0]) + 1))
    connection = await asyncpg.connect(url)
    try:
        await connection.execute("INSERT INTO teams (team, revision) VALUES ($1, $2)", team, first + count - 1)
        await connection.executemany(f"INSERT INTO batch_jobs ({NAMES}) VALUES ({places})", rows)  # noqa: S608 - our own names
        await connection.execute("ANALYZE")
    finally:
        await connection.close()
    return jobs
