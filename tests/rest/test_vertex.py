"""Vertex's REST API as its own clients call it: PowerShell, and Google's SDKs. The published samples are next door."""

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest
from google import genai
from google.api_core import exceptions
from google.auth.credentials import AnonymousCredentials
from google.cloud import aiplatform_v1
from google.cloud.aiplatform_v1.services.job_service.transports.rest import JobServiceRestTransport
from google.genai import types
from google.oauth2.credentials import Credentials

from gateway.cli.envoy import dev_front, free_address
from rest.conftest import Rest, StartFront, exchange
from support.gateway import StartGateway

PARENT = "projects/corp-ml/locations/us-central1"
JOBS = f"/v1/{PARENT}/batchPredictionJobs"
TEAM = ("x-batchjobs-team", "ranking")
SOURCE, DESTINATION = "gs://ranking-in/rows.jsonl", "gs://ranking-out/first"

STORAGE = {
    "displayName": "my-cloud-storage-batch-prediction-job",
    "model": "publishers/google/models/gemini-2.0-flash-001",
    "inputConfig": {"instancesFormat": "jsonl", "gcsSource": {"uris": SOURCE}},
    "outputConfig": {"predictionsFormat": "jsonl", "gcsDestination": {"outputUriPrefix": DESTINATION}},
}
"""The body of Google's sample for Cloud Storage, with a scalar where a list is meant."""


@pytest.fixture
async def front(start_gateway: StartGateway, start_front: StartFront, tmp_path: Path) -> Rest:
    gateway = await start_gateway(role="api", vertex_api=True)
    gateway.write_rows(SOURCE)
    front = dev_front(free_address("127.0.0.1:0"), gateway.app.api_target, tmp_path / "rest", None)
    return await start_front(front, "-H", ": ".join(TEAM), vertex_api=True)


async def test_googles_powershell_sample_runs_byte_for_byte(front: Rest) -> None:
    """What Invoke-WebRequest puts on the wire, Windows PowerShell's `Expect` and line ends of the file included."""
    body = json.dumps(STORAGE, indent=1).replace("\n", "\r\n").encode()
    head = (
        f"POST {JOBS} HTTP/1.1\r\nx-batchjobs-team: ranking\r\nAuthorization: Bearer token\r\n"
        "User-Agent: Mozilla/5.0 (Windows NT; Windows NT 10.0; en-US) WindowsPowerShell/5.1.19041.5486\r\n"
        "Content-Type: application/json; charset=utf-8\r\nHost: us-central1-aiplatform.googleapis.com\r\n"
        f"Content-Length: {len(body)}\r\nExpect: 100-continue\r\nConnection: Keep-Alive\r\n\r\n"
    )
    answer = await exchange(front, head.encode() + body)
    assert (answer.code, answer.json["state"]) == (200, "JOB_STATE_QUEUED")
    assert answer.json["inputConfig"]["gcsSource"]["uris"] == [SOURCE]
    marked = await front(JOBS, body=b"\xef\xbb\xbf" + body)
    assert marked.code == 200, "a file that Windows PowerShell has written begins with a byte order mark"


async def test_both_versions_serve_all_five_methods(front: Rest) -> None:
    for version in ("v1", "v1beta1"):
        name = (await front(f"/{version}/{PARENT}/batchPredictionJobs", body=STORAGE)).json["name"]
        listed = await front(f"/{version}/{PARENT}/batchPredictionJobs?pageSize=1&readMask=name,state")
        [first] = listed.json["batchPredictionJobs"]
        assert first == {"name": name, "state": "JOB_STATE_QUEUED"}
        assert (await front(f"/{version}/{name}:cancel", "-X", "POST")).json == {}
        assert (await front(f"/{version}/{name}")).json["state"] == "JOB_STATE_CANCELLED"
        deleted = (await front(f"/{version}/{name}", "-X", "DELETE")).json
        assert (deleted["done"], deleted["response"]) == (True, {"@type": "type.googleapis.com/google.protobuf.Empty"})
        assert (await front(f"/{version}/{name}")).error["status"] == "NOT_FOUND"


async def test_unknown_and_unserved_fields_are_refused_by_name(front: Rest) -> None:
    unknown = await front(JOBS, body={**STORAGE, "inputConfig": {"gcsSource": {"uri": SOURCE}}})
    assert unknown.violations() == {"batch_prediction_job.input_config.gcs_source.uri": "UNKNOWN_FIELD"}
    unserved = await front(JOBS, body={**STORAGE, "serviceAccount": "me"})
    assert unserved.violations() == {"batch_prediction_job.service_account": "FIELD_NOT_SERVED"}
    other = await front(f"/v1/{PARENT}/customJobs")
    assert (other.code, other.error["status"]) == (404, "NOT_FOUND")


async def test_googles_python_client_over_rest(front: Rest) -> None:
    await asyncio.to_thread(use_job_service, front.url.rpartition("/")[2])


def use_job_service(host: str) -> None:
    transport = JobServiceRestTransport(host=host, credentials=AnonymousCredentials(), url_scheme="http")
    with aiplatform_v1.JobServiceClient(transport=transport) as client:
        places = {**STORAGE["inputConfig"], "gcsSource": {"uris": [SOURCE]}}  # type: ignore[dict-item]
        wanted = json.dumps({**STORAGE, "inputConfig": places})
        job = aiplatform_v1.BatchPredictionJob.from_json(wanted)
        created = client.create_batch_prediction_job(parent=PARENT, batch_prediction_job=job, metadata=[TEAM])
        assert created.state == aiplatform_v1.JobState.JOB_STATE_QUEUED
        asked = aiplatform_v1.ListBatchPredictionJobsRequest(parent=PARENT, filter='state="JOB_STATE_QUEUED"')
        listed = client.list_batch_prediction_jobs(asked, metadata=[TEAM])
        assert [each.name for each in listed] == [created.name]
        client.cancel_batch_prediction_job(name=created.name, metadata=[TEAM])
        ended = client.get_batch_prediction_job(name=created.name, metadata=[TEAM])
        assert ended.state == aiplatform_v1.JobState.JOB_STATE_CANCELLED
        assert client.delete_batch_prediction_job(name=created.name, metadata=[TEAM]).done()
        with pytest.raises(exceptions.NotFound) as refused:
            client.get_batch_prediction_job(name=created.name, metadata=[TEAM])
        assert refused.value.reason == "NOT_FOUND"
        job.input_config.gcs_source.uris = ["gs://search-in/rows.jsonl"]
        with pytest.raises(exceptions.Forbidden, match="may not read"):
            client.create_batch_prediction_job(parent=PARENT, batch_prediction_job=job, metadata=[TEAM])


async def test_the_gen_ai_sdk(front: Rest) -> None:
    await asyncio.to_thread(use_gen_ai, front.url)


def use_gen_ai(url: str) -> None:
    options = types.HttpOptions(base_url=url, headers=dict([TEAM]))
    login: Any = Credentials("token")  # type: ignore[no-untyped-call]
    client = genai.Client(
        vertexai=True, project="corp-ml", location="us-central1", credentials=login, http_options=options
    )
    config = types.CreateBatchJobConfig(dest=DESTINATION)
    created = client.batches.create(model="gemini-2.5-flash", src=SOURCE, config=config)
    assert created.name is not None
    assert created.state is types.JobState.JOB_STATE_QUEUED
    assert [each.name for each in client.batches.list(config={"page_size": 10})] == [created.name]
    client.batches.cancel(name=created.name)
    assert client.batches.get(name=created.name).state is types.JobState.JOB_STATE_CANCELLED
    assert client.batches.delete(name=created.name).done
    with pytest.raises(genai.errors.ClientError) as refused:
        client.batches.get(name=created.name)
    assert (refused.value.code, refused.value.status) == (404, "NOT_FOUND")
