"""The requests of Google's published samples over gRPC: the same fields, with another endpoint and another project.

Each has its own ways: how the model is named, where the output goes, what else is said. `make test-clients` runs the
clients themselves.
"""

from typing import Any

import pytest
from google.cloud.aiplatform_v1.types import JobState
from google.protobuf import struct_pb2

from clients.samples import BIGQUERY_SAMPLE, GCS_SAMPLES
from support.samples import offer_samples
from vertex.conftest import PARENT, Vertex

MODEL = "publishers/google/models/gemini-2.0-flash-001"
TO_TABLE = "bq://corp-ml.ranking_out.answers"


@pytest.fixture
async def vertex(start_vertex: Any) -> Vertex:
    vertex: Vertex = await start_vertex(role="api")
    await offer_samples(vertex.gateway)
    return vertex


def from_storage(source: str, destination: str) -> dict[str, Any]:
    return {
        "input_config": {"instances_format": "jsonl", "gcs_source": {"uris": [source]}},
        "output_config": {"predictions_format": "jsonl", "gcs_destination": {"output_uri_prefix": destination}},
    }


def from_table() -> dict[str, Any]:
    return {
        "input_config": {"instances_format": "bigquery", "bigquery_source": {"input_uri": BIGQUERY_SAMPLE}},
        "output_config": {"predictions_format": "bigquery", "bigquery_destination": {"output_uri": TO_TABLE}},
    }


async def accepted(vertex: Vertex, job: dict[str, Any]) -> Any:
    """What is answered to the create; it says again what was asked."""
    created = await vertex.create(job)
    assert created.state == JobState.JOB_STATE_QUEUED
    assert (created.display_name, created.model) == (job["display_name"], job["model"])
    got = await vertex.get(created.name)
    assert type(got).to_dict(got) == type(created).to_dict(created)
    return got


async def test_the_samples_for_node(vertex: Vertex) -> None:
    """The model named in full below the parent, a display name with spaces, and a whole bucket for the output."""
    model = f"{PARENT}/{MODEL}"
    storage = from_storage(GCS_SAMPLES[1], "gs://ranking-out")
    job = await accepted(vertex, {"display_name": "Batch prediction, Gemini - GCS", "model": model, **storage})
    assert job.output_config.gcs_destination.output_uri_prefix == "gs://ranking-out"
    await accepted(vertex, {"display_name": "Batch prediction, Gemini - BigQuery", "model": model, **from_table()})


async def test_the_samples_for_java(vertex: Vertex) -> None:
    """The model named in full below the parent, and a bucket with a slash for the output."""
    job = {"display_name": "a-display-name", "model": f"{PARENT}/{MODEL}"}
    created = await accepted(vertex, {**job, **from_storage(GCS_SAMPLES[1], "gs://ranking-out/")})
    assert created.output_config.gcs_destination.output_uri_prefix == "gs://ranking-out/"
    await accepted(vertex, {**job, **from_table()})


async def test_the_samples_for_go(vertex: Vertex) -> None:
    """The model named in short, with parameters, which the job keeps; their loop ends by `end_time` alone."""
    parameters = struct_pb2.Value()
    parameters.struct_value.update({"temperature": 0.2, "maxOutputTokens": 200})
    job = {"display_name": "batch-from-go", "model": MODEL, "model_parameters": parameters}
    for places in (from_storage(GCS_SAMPLES[0], "gs://ranking-out/prefix"), from_table()):
        created = await accepted(vertex, {**job, **places})
        assert dict(created.model_parameters) == {"temperature": 0.2, "maxOutputTokens": 200}
        assert not created.end_time
