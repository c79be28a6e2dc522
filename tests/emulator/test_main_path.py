"""The main path, through Google's own clients: upload, create, run, read the output."""

from __future__ import annotations

import json
from pathlib import Path

from google.cloud import storage
from google.cloud.aiplatform_v1 import JobServiceAsyncClient
from google.cloud.aiplatform_v1.types import JobState

from emulator.helpers import PARENT, in_thread, job, row
from vertex_emulator import Emulator


async def test_a_job_runs_from_an_upload_to_an_output_that_can_be_downloaded(
    emulator: Emulator, client: JobServiceAsyncClient, gcs: storage.Client
) -> None:
    lines = "\n".join(json.dumps(row(f"Describe mountain number {n}")) for n in range(50))
    blob = gcs.bucket("team-in").blob("mountains/input.jsonl")
    await in_thread(blob.upload_from_string, lines)
    source = {"instances_format": "jsonl", "gcs_source": {"uris": ["gs://team-in/mountains/input.jsonl"]}}

    made = await client.create_batch_prediction_job(parent=PARENT, batch_prediction_job=job(input_config=source))
    assert made.state == JobState.JOB_STATE_PENDING
    await emulator.driven_clock.advance(60)

    done = await client.get_batch_prediction_job(name=made.name)
    assert done.state == JobState.JOB_STATE_SUCCEEDED
    assert done.completion_stats.successful_count == 50
    directory = done.output_info.gcs_output_directory.removeprefix("gs://team-out/")
    text = await in_thread(gcs.bucket("team-out").blob(f"{directory}/predictions.jsonl").download_as_text)
    assert len(text.splitlines()) == 50


async def test_list_cancel_and_delete_do_what_their_names_say(
    emulator: Emulator, client: JobServiceAsyncClient, folder: Path
) -> None:
    made = await client.create_batch_prediction_job(parent=PARENT, batch_prediction_job=job())
    await client.cancel_batch_prediction_job(name=made.name)
    listed = await client.list_batch_prediction_jobs(request={"parent": PARENT, "filter": 'labels.team="ranking"'})
    assert [each.state async for each in listed] == [JobState.JOB_STATE_CANCELLING]
    await emulator.driven_clock.advance(10)
    operation = await client.delete_batch_prediction_job(name=made.name)
    await emulator.driven_clock.advance(10)
    await operation.result()
    listed = await client.list_batch_prediction_jobs(request={"parent": PARENT})
    assert [each async for each in listed] == []
