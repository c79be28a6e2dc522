"""The class `BatchPredictionJob` of `google-cloud-aiplatform`, over gRPC and over REST."""

import os
import sys
from typing import Any

from google.api_core.exceptions import GoogleAPICallError, NotFound
from google.cloud import aiplatform

from clients.vertex.python.pointing import (
    ACTION,
    BIGQUERY,
    DESTINATION,
    FILTER,
    LOCATION,
    MODEL,
    NAME,
    PROJECT,
    REFUSED,
    SOURCE,
    WAY,
)
from clients.vertex.python.refusals import tell_refusal
from clients.vertex.python.tokens import bearer

if WAY == "rest":
    # [rest]
    os.environ["REQUESTS_CA_BUNDLE"] = os.environ["BATCHJOBS_CA_FILE"]
    aiplatform.init(
        project=PROJECT,
        location=LOCATION,
        credentials=bearer(),
        api_endpoint=os.environ["BATCHJOBS_REST_URL"],
        api_transport="rest",
    )
    # [/rest]
else:
    # [grpc]
    os.environ["GRPC_DEFAULT_SSL_ROOTS_FILE_PATH"] = os.environ["BATCHJOBS_CA_FILE"]
    aiplatform.init(
        project=PROJECT,
        location=LOCATION,
        credentials=bearer(),
        api_endpoint=os.environ["BATCHJOBS_ENDPOINT"],
        api_transport="grpc",  # where the location is global, it would take REST
    )
    # [/grpc]


def submit() -> Any:
    """A job that nobody waits for yet."""
    places: Any = (
        {"bigquery_source": SOURCE, "bigquery_destination_prefix": DESTINATION}
        if BIGQUERY
        else {"gcs_source": SOURCE, "gcs_destination_prefix": DESTINATION}
    )
    return aiplatform.BatchPredictionJob.submit(job_display_name=NAME, model_name=MODEL, **places)


def repeat() -> None:
    """Create twice with one id; both answers are one batch job. The class itself prints much between them."""
    # [request-id]
    aiplatform.init(api_transport=WAY, request_metadata=[("x-batchjobs-request-id", NAME)])
    # [/request-id]
    names = [submit().resource_name for _ in range(2)]
    print(*(f"created {each}" for each in names), sep="\n")


def use() -> None:
    """Do what is asked. The class itself polls every five seconds, and raises RuntimeError for a cancelled job."""
    if ACTION == "repeat":
        repeat()
        return
    job = submit()
    if ACTION == "list":
        for found in aiplatform.BatchPredictionJob.list(filter=FILTER):
            print("found", found.resource_name)
    else:
        print("created", job.resource_name)
    if ACTION in {"list", "cancel"}:
        job.cancel()
    try:
        job.wait_for_completion()
    except RuntimeError as error:
        print(error, file=sys.stderr)
    print("ended", job.state.name)
    info = job.output_info
    print("output", info.gcs_output_directory or f"{info.bigquery_output_dataset}.{info.bigquery_output_table}")
    if ACTION == "delete":
        delete(job)


def delete(job: Any) -> None:
    """Delete it, and look for it again."""
    name = job.resource_name
    job.delete()
    print("deleted", name)
    try:
        aiplatform.BatchPredictionJob(name)
    except NotFound as error:
        print("gone", error.code)


if __name__ == "__main__":
    try:
        use()
    except GoogleAPICallError as refusal:
        tell_refusal(refusal)
        sys.exit(REFUSED)
