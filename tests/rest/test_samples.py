"""The requests of Google's published samples over REST, with another address, another project and another token.

Bodies are of the same shape, with a scalar where a list is meant. The loops that follow are run by `make test-clients`.
"""

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest
from google import genai
from google.genai.types import BatchJob, CreateBatchJobConfig, HttpOptions, JobState
from google.oauth2.credentials import Credentials

from clients.samples import BIGQUERY_SAMPLE, GCS_SAMPLES
from gateway.cli.envoy import dev_front, free_address
from rest.conftest import Rest, StartFront, exchange
from support.gateway import StartGateway
from support.samples import offer_samples

PARENT = "projects/corp-ml/locations/us-central1"
JOBS = f"/v1/{PARENT}/batchPredictionJobs"
TEAM = "x-batchjobs-team: ranking"

SOURCES = {
    "jsonl": {"instancesFormat": "jsonl", "gcsSource": {"uris": GCS_SAMPLES[0]}},
    "bigquery": {"instancesFormat": "bigquery", "bigquerySource": {"inputUri": BIGQUERY_SAMPLE}},
}
DESTINATIONS = {
    "jsonl": {"predictionsFormat": "jsonl", "gcsDestination": {"outputUriPrefix": "gs://ranking-out/path/to/output"}},
    "bigquery": {
        "predictionsFormat": "bigquery",
        "bigqueryDestination": {"outputUri": "bq://corp-ml.ranking_out.output_result"},
    },
}
BOTH = pytest.mark.parametrize("source", SOURCES)


def body(source: str, destination: str) -> dict[str, Any]:
    return {
        "displayName": f"a-{source}-job",
        "model": "publishers/google/models/gemini-2.0-flash-001",
        "inputConfig": SOURCES[source],
        "outputConfig": DESTINATIONS[destination],
    }


@pytest.fixture
async def front(start_gateway: StartGateway, start_front: StartFront, tmp_path: Path) -> Rest:
    gateway = await start_gateway(role="api", vertex_api=True)
    await offer_samples(gateway)
    front = dev_front(free_address("127.0.0.1:0"), gateway.app.api_target, tmp_path / "rest", None)
    return await start_front(front, "-H", TEAM, vertex_api=True)


@BOTH
@pytest.mark.parametrize("destination", DESTINATIONS)
async def test_the_sample_for_curl_with_its_body_in_a_file(
    front: Rest, tmp_path: Path, source: str, destination: str
) -> None:
    """Either source with either destination, and the look at the job that follows."""
    file, asked = tmp_path / "request.json", body(source, destination)
    file.write_text(json.dumps(asked, indent=1))
    bearer = ("-H", "Authorization: Bearer token")
    created = await front(
        *(JOBS, "-X", "POST", *bearer, "-H", "Content-Type: application/json; charset=utf-8", "-d", f"@{file}")
    )
    assert (created.code, created.json["state"]) == (200, "JOB_STATE_QUEUED"), created
    assert created.headers["content-type"] == "application/json; charset=UTF-8"
    assert created.json["outputConfig"] == asked["outputConfig"]
    got = await front(f"/v1/{created.json['name']}", "-X", "GET", *bearer, "-H", "Content-Type: application/json")
    assert got.json == created.json


async def test_the_sample_for_curl_with_its_body_on_the_line(front: Rest) -> None:
    """BigQuery to BigQuery, with the plain content type."""
    header = ("-H", "Authorization: Bearer token", "-H", "Content-Type: application/json")
    created = await front(JOBS, "-X", "POST", *header, "-d", json.dumps(body("bigquery", "bigquery"), indent=1))
    assert (created.code, created.json["state"]) == (200, "JOB_STATE_QUEUED"), created
    assert created.json["inputConfig"] == SOURCES["bigquery"]


@BOTH
async def test_the_sample_for_powershell_byte_for_byte(front: Rest, source: str) -> None:
    """As PowerShell 7 sends it: without `Expect`, and with the line ends that the file has."""
    content = json.dumps(body(source, source), indent=1).replace("\n", "\r\n").encode()
    head = (
        f"POST {JOBS} HTTP/1.1\r\nHost: us-central1-aiplatform.googleapis.com\r\n{TEAM}\r\n"
        "User-Agent: Mozilla/5.0 (Windows NT 10.0; Microsoft Windows 10.0.26100; en-US) PowerShell/7.5.1\r\n"
        "Authorization: Bearer token\r\nAccept-Encoding: gzip, deflate, br\r\n"
        f"Content-Type: application/json; charset=utf-8\r\nContent-Length: {len(content)}\r\n\r\n"
    )
    answer = await exchange(front, head.encode() + content)
    assert (answer.code, answer.json["state"]) == (200, "JOB_STATE_QUEUED"), answer


@pytest.mark.parametrize(
    ("source", "destination"),
    [(GCS_SAMPLES[0], "gs://ranking-out/a-prefix"), (BIGQUERY_SAMPLE, "bq://corp-ml.ranking_out.a_table")],
)
@pytest.mark.parametrize("location", ["global", "us-central1"])
async def test_the_samples_for_the_gen_ai_sdk(front: Rest, location: str, source: str, destination: str) -> None:
    """In the location `global`, which their set-up names, of version v1, with no name for the job."""
    created, got = await asyncio.to_thread(use_gen_ai, front.url, location, source, destination)
    assert created.name is not None
    assert created.name.startswith(f"projects/corp-ml/locations/{location}/batchPredictionJobs/")
    assert (created.state, got.state) == (JobState.JOB_STATE_QUEUED, JobState.JOB_STATE_QUEUED)
    assert got.dest is not None
    assert destination in {got.dest.gcs_uri, got.dest.bigquery_uri}


def use_gen_ai(url: str, location: str, source: str, destination: str) -> tuple[BatchJob, BatchJob]:
    token: Any = Credentials("token")  # type: ignore[no-untyped-call]
    options = HttpOptions(api_version="v1", base_url=url, headers=dict([TEAM.split(": ")]))
    client = genai.Client(vertexai=True, project="corp-ml", location=location, credentials=token, http_options=options)
    config = CreateBatchJobConfig(dest=destination)
    created = client.batches.create(model="gemini-2.0-flash-001", src=source, config=config)
    return created, client.batches.get(name=created.name or "")
