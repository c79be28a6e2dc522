"""Jobs on a clock that runs by itself. Each look at a job is a call, so waiting costs no sleep."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from google.cloud.aiplatform_v1 import JobServiceAsyncClient
from google.cloud.aiplatform_v1.types import BatchPredictionJob, JobState

from emulator.helpers import PARENT, job, output_rows, row, write_rows
from vertex_emulator import ClockKind


async def once(
    client: JobServiceAsyncClient, name: str, holds: Callable[[BatchPredictionJob], bool]
) -> BatchPredictionJob:
    """The job, as soon as it is as it should be."""
    while not holds(found := await client.get_batch_prediction_job(name=name)):
        pass
    return found


async def test_a_job_runs_by_itself(start: Any, connect: Any, folder: Path) -> None:
    client = connect(await start(clock=ClockKind.REAL, time_scale=1000))
    made = await client.create_batch_prediction_job(parent=PARENT, batch_prediction_job=job())
    done = await once(client, made.name, lambda found: bool(found.end_time))
    assert done.state == JobState.JOB_STATE_SUCCEEDED
    assert made.create_time <= done.start_time <= done.end_time
    assert len(output_rows(folder, done)) == 10


async def test_what_a_cancelled_job_wrote_is_what_it_counted(start: Any, connect: Any, folder: Path) -> None:
    """A cancel waits for the rows that are being written, so that none is there uncounted."""
    write_rows(folder / "team-in" / "many.jsonl", [row(f"row {n}") for n in range(5000)])
    client = connect(await start(clock=ClockKind.REAL, time_scale=1000, run_seconds=500, cancel_seconds=0))
    source = {"instances_format": "jsonl", "gcs_source": {"uris": ["gs://team-in/many.jsonl"]}}
    made = await client.create_batch_prediction_job(parent=PARENT, batch_prediction_job=job(input_config=source))
    await once(client, made.name, lambda found: found.completion_stats.successful_count > 0)
    await client.cancel_batch_prediction_job(name=made.name)
    done = await once(client, made.name, lambda found: bool(found.end_time))
    assert done.state == JobState.JOB_STATE_CANCELLED
    assert len(output_rows(folder, done)) == done.completion_stats.successful_count
    assert done.completion_stats.successful_count + done.completion_stats.incomplete_count == 5000
