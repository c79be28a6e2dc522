"""The clients of JobService in `google-cloud-aiplatform`: over gRPC, over REST, and the asynchronous one."""

import asyncio
import os
import sys
import time
from typing import Any

from google.api_core.client_options import ClientOptions
from google.api_core.exceptions import GoogleAPICallError, NotFound
from google.cloud.aiplatform_v1 import (
    BatchPredictionJob,
    JobServiceAsyncClient,
    JobServiceClient,
    JobState,
    ListBatchPredictionJobsRequest,
)

from clients.vertex.python.pointing import (
    ACTION,
    BIGQUERY,
    DESTINATION,
    FILTER,
    MODEL,
    NAME,
    PARENT,
    PAUSE,
    REFUSED,
    SOURCE,
    WAY,
)
from clients.vertex.python.refusals import tell_refusal
from clients.vertex.python.tokens import bearer

ENDS = {
    JobState.JOB_STATE_SUCCEEDED,
    JobState.JOB_STATE_FAILED,
    JobState.JOB_STATE_CANCELLED,
    JobState.JOB_STATE_PAUSED,
}
PAGES = ListBatchPredictionJobsRequest(parent=PARENT, filter=FILTER, page_size=1)


def wanted() -> BatchPredictionJob:
    """The job to create."""
    places: Any = (
        {
            "input_config": {"instances_format": "bigquery", "bigquery_source": {"input_uri": SOURCE}},
            "output_config": {"predictions_format": "bigquery", "bigquery_destination": {"output_uri": DESTINATION}},
        }
        if BIGQUERY
        else {
            "input_config": {"instances_format": "jsonl", "gcs_source": {"uris": [SOURCE]}},
            "output_config": {"predictions_format": "jsonl", "gcs_destination": {"output_uri_prefix": DESTINATION}},
        }
    )
    return BatchPredictionJob(display_name=NAME, model=MODEL, **places)


def repeat(client: JobServiceClient) -> None:
    """Create twice with one id; both answers are one batch job."""
    job = wanted()
    for _ in range(2):
        # [request-id]
        metadata = [("x-batchjobs-request-id", NAME)]
        created = client.create_batch_prediction_job(parent=PARENT, batch_prediction_job=job, metadata=metadata)
        # [/request-id]
        print("created", created.name)


async def repeat_async(client: JobServiceAsyncClient) -> None:
    """The same, asynchronously."""
    metadata = [("x-batchjobs-request-id", NAME)]
    for _ in range(2):
        created = await client.create_batch_prediction_job(
            parent=PARENT, batch_prediction_job=wanted(), metadata=metadata
        )
        print("created", created.name)


def use(client: JobServiceClient) -> None:
    """Do what is asked."""
    if ACTION == "repeat":
        repeat(client)
        return
    job = client.create_batch_prediction_job(parent=PARENT, batch_prediction_job=wanted())
    if ACTION == "list":
        for found in client.list_batch_prediction_jobs(request=PAGES):
            print("found", found.name)
    else:
        print("created", job.name)
    if ACTION in {"list", "cancel"}:
        client.cancel_batch_prediction_job(name=job.name)
    while job.state not in ENDS:
        time.sleep(PAUSE)
        job = client.get_batch_prediction_job(name=job.name)
    tell(job)
    if ACTION == "delete":
        client.delete_batch_prediction_job(name=job.name).result()
        print("deleted", job.name)
        try:
            client.get_batch_prediction_job(name=job.name)
        except NotFound as error:
            print("gone", error.code)


async def use_async(client: JobServiceAsyncClient) -> None:
    """The same, asynchronously."""
    if ACTION == "repeat":
        await repeat_async(client)
        return
    job = await client.create_batch_prediction_job(parent=PARENT, batch_prediction_job=wanted())
    if ACTION == "list":
        async for found in await client.list_batch_prediction_jobs(request=PAGES):
            print("found", found.name)
    else:
        print("created", job.name)
    if ACTION in {"list", "cancel"}:
        await client.cancel_batch_prediction_job(name=job.name)
    while job.state not in ENDS:
        await asyncio.sleep(PAUSE)
        job = await client.get_batch_prediction_job(name=job.name)
    tell(job)
    if ACTION == "delete":
        operation = await client.delete_batch_prediction_job(name=job.name)
        await operation.result()
        print("deleted", job.name)
        try:
            await client.get_batch_prediction_job(name=job.name)
        except NotFound as error:
            print("gone", error.code)


def tell(job: BatchPredictionJob) -> None:
    """Say how it ended and where the output is."""
    print("ended", job.state.name)
    info = job.output_info
    print("output", info.gcs_output_directory or f"{info.bigquery_output_dataset}.{info.bigquery_output_table}")


def over_grpc() -> None:
    """With the client as it is made without a word about the transport."""
    # [grpc]
    os.environ["GRPC_DEFAULT_SSL_ROOTS_FILE_PATH"] = os.environ["BATCHJOBS_CA_FILE"]
    client = JobServiceClient(
        credentials=bearer(),
        client_options=ClientOptions(api_endpoint=os.environ["BATCHJOBS_ENDPOINT"]),
    )
    # [/grpc]
    use(client)


def over_rest() -> None:
    """With the same client over REST."""
    # [rest]
    os.environ["REQUESTS_CA_BUNDLE"] = os.environ["BATCHJOBS_CA_FILE"]
    client = JobServiceClient(
        transport="rest",
        credentials=bearer(),
        client_options=ClientOptions(api_endpoint=os.environ["BATCHJOBS_REST_URL"]),
    )
    # [/rest]
    use(client)


async def asynchronously() -> None:
    """With the client that belongs to the loop in which it is made."""
    # [async]
    os.environ["GRPC_DEFAULT_SSL_ROOTS_FILE_PATH"] = os.environ["BATCHJOBS_CA_FILE"]
    client = JobServiceAsyncClient(
        credentials=bearer(),
        client_options=ClientOptions(api_endpoint=os.environ["BATCHJOBS_ENDPOINT"]),
    )
    # [/async]
    await use_async(client)


if __name__ == "__main__":
    try:
        match WAY:
            case "async":
                asyncio.run(asynchronously())
            case "rest":
                over_rest()
            case _:
                over_grpc()
    except GoogleAPICallError as refusal:
        tell_refusal(refusal)
        sys.exit(REFUSED)
