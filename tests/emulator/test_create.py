"""What a create makes, and what it refuses, as Vertex does."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from google.api_core import exceptions
from google.cloud.aiplatform_v1 import JobServiceAsyncClient
from google.cloud.aiplatform_v1.types import JobState
from google.rpc import error_details_pb2

from emulator.helpers import PARENT, details_of, job
from vertex_emulator import BucketCheck, Emulator
from vertex_emulator.labels import label_problems

GLOBAL = "projects/corp-ml/locations/global"


async def test_a_create_answers_pending_with_a_name_that_carries_the_project_number(start: Any, connect: Any) -> None:
    emulator = await start(project_numbers={"corp-ml": "123456789012"})
    client = connect(emulator)
    made = await client.create_batch_prediction_job(parent=PARENT, batch_prediction_job=job())
    assert made.state == JobState.JOB_STATE_PENDING
    project, job_id = made.name.split("/")[1], made.name.split("/")[-1]
    assert project == "123456789012"
    assert job_id.isdecimal()
    assert len(job_id) == 19
    by_id = await client.get_batch_prediction_job(name=f"{PARENT}/batchPredictionJobs/{job_id}")
    by_number = await client.get_batch_prediction_job(name=made.name)
    assert by_id == by_number == made


async def test_the_same_create_twice_makes_two_jobs(emulator: Emulator, client: JobServiceAsyncClient) -> None:
    made = [await client.create_batch_prediction_job(parent=PARENT, batch_prediction_job=job()) for _ in range(2)]
    assert made[0].name != made[1].name
    assert len(emulator.jobs) == 2


async def test_what_only_vertex_may_set_is_not_taken_from_the_request(client: JobServiceAsyncClient) -> None:
    forged = job(name="projects/x/locations/y/batchPredictionJobs/1", state=JobState.JOB_STATE_SUCCEEDED)
    forged.completion_stats = {"successful_count": 9}
    made = await client.create_batch_prediction_job(parent=PARENT, batch_prediction_job=forged)
    assert made.state == JobState.JOB_STATE_PENDING
    assert made.name.startswith(PARENT)
    assert not made.completion_stats


@pytest.mark.parametrize(
    ("field", "changes"),
    [
        ("display_name", {"display_name": ""}),
        ("display_name", {"display_name": "x" * 129}),
        ("model", {"model": ""}),
        ("model", {"model": "gemini-2.5-flash"}),
        ("model", {"model": "publishers/google/models/palm"}),
        ("model", {"model": "publishers/someone/models/gemini-2.5-flash"}),
        ("model", {"model": "projects/p/locations/europe-west4/models/123"}),
        ("input_config", {"input_config": {"instances_format": "jsonl"}}),
        ("input_config.gcs_source.uris", {"input_config": {"instances_format": "jsonl", "gcs_source": {"uris": []}}}),
        (
            "input_config.gcs_source.uris",
            {"input_config": {"instances_format": "jsonl", "gcs_source": {"uris": ["gs://a/1", "gs://a/2"]}}},
        ),
        (
            "input_config.gcs_source.uris",
            {"input_config": {"instances_format": "jsonl", "gcs_source": {"uris": ["gs://team-in/*.jsonl"]}}},
        ),
        (
            "input_config.gcs_source.uris",
            {"input_config": {"instances_format": "jsonl", "gcs_source": {"uris": ["s3://team-in/input.jsonl"]}}},
        ),
        (
            "input_config.instances_format",
            {"input_config": {"instances_format": "csv", "gcs_source": {"uris": ["gs://team-in/input.jsonl"]}}},
        ),
        ("output_config", {"output_config": {"predictions_format": "jsonl"}}),
        (
            "output_config.gcs_destination.output_uri_prefix",
            {"output_config": {"predictions_format": "jsonl", "gcs_destination": {"output_uri_prefix": "team-out"}}},
        ),
        (
            "output_config.predictions_format",
            {"output_config": {"predictions_format": "csv", "gcs_destination": {"output_uri_prefix": "gs://team-out"}}},
        ),
        ("labels", {"labels": {"Team": "ranking"}}),
        ("labels", {"labels": {f"k{n}": "v" for n in range(65)}}),
        ("model_parameters", {"model_parameters": 7}),
        ("service_account", {"service_account": "someone@corp"}),
        ("encryption_spec", {"encryption_spec": {"kms_key_name": "k"}}),
    ],
)
async def test_a_field_that_vertex_would_not_take_is_refused_by_name(
    emulator: Emulator, client: JobServiceAsyncClient, field: str, changes: dict[str, Any]
) -> None:
    with pytest.raises(exceptions.InvalidArgument) as refused:
        await client.create_batch_prediction_job(parent=PARENT, batch_prediction_job=job(**changes))
    bad_request = details_of(refused.value, error_details_pb2.BadRequest)
    assert [violation.field for violation in bad_request.field_violations] == [f"batch_prediction_job.{field}"]
    assert len(emulator.jobs) == 0


async def test_all_that_is_wrong_is_told_at_once(client: JobServiceAsyncClient) -> None:
    bad = job(display_name="", model="x", labels={"A": "b", "c": "D"})
    with pytest.raises(exceptions.InvalidArgument) as refused:
        await client.create_batch_prediction_job(parent=PARENT, batch_prediction_job=bad)
    assert len(details_of(refused.value, error_details_pb2.BadRequest).field_violations) == 4


@pytest.mark.parametrize(
    "parent", ["", "projects/p", "projects/p/locations/", "projects//locations/us-central1", "x\n"]
)
async def test_a_parent_that_is_no_location_is_refused(client: JobServiceAsyncClient, parent: str) -> None:
    with pytest.raises(exceptions.InvalidArgument, match="Invalid parent"):
        await client.create_batch_prediction_job(parent=parent, batch_prediction_job=job())


@pytest.mark.parametrize("name", ["", "7", f"{PARENT}/batchPredictionJobs/x", f"{PARENT}/batchPredictionJobs/1/2"])
async def test_a_name_that_is_no_jobs_is_refused(client: JobServiceAsyncClient, name: str) -> None:
    with pytest.raises(exceptions.InvalidArgument, match="Invalid resource name"):
        await client.get_batch_prediction_job(name=name)


async def test_a_job_is_found_only_in_its_own_place(client: JobServiceAsyncClient) -> None:
    made = await client.create_batch_prediction_job(parent=PARENT, batch_prediction_job=job())
    with pytest.raises(exceptions.NotFound):
        await client.get_batch_prediction_job(name=made.name.replace("us-central1", "europe-west4"))


@pytest.mark.parametrize("where", ["input", "output"])
async def test_a_bucket_that_is_missing_or_closed_is_refused(
    client: JobServiceAsyncClient, folder: Path, where: str
) -> None:
    named = {
        "input": {"input_config": {"instances_format": "jsonl", "gcs_source": {"uris": ["gs://other/in.jsonl"]}}},
        "output": {
            "output_config": {"predictions_format": "jsonl", "gcs_destination": {"output_uri_prefix": "gs://other"}}
        },
    }[where]
    with pytest.raises(exceptions.NotFound, match="bucket other does not exist"):
        await client.create_batch_prediction_job(parent=PARENT, batch_prediction_job=job(**named))
    (folder / "other").mkdir()
    (folder / "buckets.yaml").write_text("buckets: {other: {forbidden: true}}")
    with pytest.raises(exceptions.PermissionDenied, match="other"):
        await client.create_batch_prediction_job(parent=PARENT, batch_prediction_job=job(**named))


@pytest.mark.parametrize(
    ("check", "location", "refused"),
    [
        (BucketCheck.CONTAINS, "us-central1", False),
        (BucketCheck.CONTAINS, "US", False),
        (BucketCheck.CONTAINS, "NAM4", False),
        (BucketCheck.CONTAINS, "europe-west4", True),
        (BucketCheck.CONTAINS, "EU", True),
        (BucketCheck.STRICT, "us-central1", False),
        (BucketCheck.STRICT, "US", True),
        (BucketCheck.STRICT, "NAM4", True),
        (BucketCheck.OFF, "EU", False),
    ],
)
async def test_a_bucket_must_lie_to_the_region_as_the_setting_says(
    start: Any, connect: Any, folder: Path, check: BucketCheck, location: str, refused: bool
) -> None:
    (folder / "buckets.yaml").write_text(f"buckets: {{team-out: {{location: {location}}}}}")
    client = connect(await start(bucket_check=check))
    if not refused:
        await client.create_batch_prediction_job(parent=PARENT, batch_prediction_job=job())
        return
    with pytest.raises(exceptions.FailedPrecondition) as answer:
        await client.create_batch_prediction_job(parent=PARENT, batch_prediction_job=job())
    assert location.lower() in str(answer.value)
    assert "us-central1" in str(answer.value)


async def test_a_job_at_the_global_location_may_use_any_bucket(client: JobServiceAsyncClient, folder: Path) -> None:
    (folder / "buckets.yaml").write_text("buckets: {team-in: {location: EU}, team-out: {location: asia-east1}}")
    await client.create_batch_prediction_job(parent=GLOBAL, batch_prediction_job=job())


async def test_submissions_and_reads_beyond_a_minutes_quota_are_refused_until_the_minute_is_over(
    start: Any, connect: Any
) -> None:
    emulator = await start(submits_per_minute=2, reads_per_minute=1)
    client = connect(emulator)
    for _ in range(2):
        made = await client.create_batch_prediction_job(parent=PARENT, batch_prediction_job=job())
    with pytest.raises(exceptions.ResourceExhausted) as refused:
        await client.create_batch_prediction_job(parent=PARENT, batch_prediction_job=job())
    assert details_of(refused.value, error_details_pb2.ErrorInfo).reason == "RATE_LIMIT_EXCEEDED"
    await client.get_batch_prediction_job(name=made.name)
    with pytest.raises(exceptions.ResourceExhausted):
        await client.list_batch_prediction_jobs(parent=PARENT)
    await emulator.driven_clock.advance(60)
    await client.create_batch_prediction_job(parent=PARENT, batch_prediction_job=job())
    await client.list_batch_prediction_jobs(parent=PARENT)


async def test_methods_that_are_not_emulated_say_so(emulator: Emulator, client: JobServiceAsyncClient) -> None:
    with pytest.raises(exceptions.MethodNotImplemented, match="ListCustomJobs"):
        await client.list_custom_jobs(parent=PARENT)
    assert [call.code for call in emulator.calls.of("ListCustomJobs")] == ["UNIMPLEMENTED"]


@pytest.mark.parametrize(
    ("labels", "fine"),
    [
        ({"team": "ranking"}, True),
        ({"équipe": "日本"}, True),
        ({"a_b-1": ""}, True),
        ({"k" * 64: "v" * 64}, True),
        ({"k" * 65: "v"}, False),
        ({"k": "v" * 65}, False),
        ({"": "v"}, False),
        ({"Key": "v"}, False),
        ({"key": "Value"}, False),
        ({"key": "a b"}, False),
        ({"key": "a.b"}, False),
        ({"key": "a\x00b"}, False),
    ],
)
def test_labels_follow_the_documented_rules(labels: dict[str, str], fine: bool) -> None:
    assert (not label_problems(labels)) == fine
