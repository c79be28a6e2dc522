"""The Gen AI SDK, `google-genai`: its client, and the asynchronous one that it holds as `aio`."""

import asyncio
import os
import ssl
import sys
import time
from typing import Any

from google import genai
from google.genai.types import BatchJob, CreateBatchJobConfig, HttpOptions, JobState, ListBatchJobsConfig

from clients.vertex.python.pointing import (
    ACTION,
    DESTINATION,
    FILTER,
    LOCATION,
    NAME,
    PAUSE,
    PROJECT,
    REFUSED,
    SOURCE,
    WAY,
)
from clients.vertex.python.refusals import lines_of
from clients.vertex.python.tokens import bearer

# [client]
ca = ssl.create_default_context(cafile=os.environ["BATCHJOBS_CA_FILE"])
client = genai.Client(
    vertexai=True,
    project=PROJECT,
    location=LOCATION,
    credentials=bearer(),
    http_options=HttpOptions(
        base_url=os.environ["BATCHJOBS_REST_URL"],
        api_version="v1",
        client_args={"verify": ca},
        async_client_args={"ssl": ca},
    ),
)
# [/client]

COMPLETED = {
    JobState.JOB_STATE_SUCCEEDED,
    JobState.JOB_STATE_FAILED,
    JobState.JOB_STATE_CANCELLED,
    JobState.JOB_STATE_PAUSED,
}
CONFIG = CreateBatchJobConfig(dest=DESTINATION, display_name=NAME)
# [request-id]
REPEATABLE = CreateBatchJobConfig(
    dest=DESTINATION,
    display_name=NAME,
    http_options=HttpOptions(headers={"x-batchjobs-request-id": NAME}),
)
# [/request-id]
PAGES = ListBatchJobsConfig(page_size=1, filter=FILTER)


def name_of(job: BatchJob) -> str:
    """Its name, which every job has."""
    assert job.name is not None
    return job.name


def use() -> None:
    """Do what is asked, with the client."""
    if ACTION == "repeat":
        for _ in range(2):
            print("created", client.batches.create(model="gemini-2.5-flash", src=SOURCE, config=REPEATABLE).name)
        return
    job = client.batches.create(model="gemini-2.5-flash", src=SOURCE, config=CONFIG)
    name = name_of(job)
    if ACTION == "list":
        for found in client.batches.list(config=PAGES):
            print("found", found.name)
    else:
        print("created", name)
    if ACTION in {"list", "cancel"}:
        client.batches.cancel(name=name)
    while job.state not in COMPLETED:
        time.sleep(PAUSE)
        job = client.batches.get(name=name)
    tell(job)
    if ACTION == "delete":
        client.batches.delete(name=name)
        print("deleted", name)
        try:
            client.batches.get(name=name)
        except genai.errors.ClientError as error:
            print("gone", error.status)


async def use_async() -> None:
    """The same with the asynchronous client."""
    if ACTION == "repeat":
        for _ in range(2):
            made = await client.aio.batches.create(model="gemini-2.5-flash", src=SOURCE, config=REPEATABLE)
            print("created", made.name)
        await client.aio.aclose()
        return
    job = await client.aio.batches.create(model="gemini-2.5-flash", src=SOURCE, config=CONFIG)
    name = name_of(job)
    if ACTION == "list":
        async for found in await client.aio.batches.list(config=PAGES):
            print("found", found.name)
    else:
        print("created", name)
    if ACTION in {"list", "cancel"}:
        await client.aio.batches.cancel(name=name)
    while job.state not in COMPLETED:
        await asyncio.sleep(PAUSE)
        job = await client.aio.batches.get(name=name)
    tell(job)
    if ACTION == "delete":
        await client.aio.batches.delete(name=name)
        print("deleted", name)
        try:
            await client.aio.batches.get(name=name)
        except genai.errors.ClientError as error:
            print("gone", error.status)
    await client.aio.aclose()


def tell(job: BatchJob) -> None:
    """Say how it ended and where the output is."""
    assert job.state is not None
    print("ended", job.state.value)
    if job.output_info is not None:
        print("output", job.output_info.gcs_output_directory or job.output_info.bigquery_output_table)


def tell_refusal(error: genai.errors.APIError) -> None:
    """Say what the gateway refuses, and why: all of the answer is in `details`."""
    print(f"refused {error.status}: {error.message}")
    details: list[dict[str, Any]] = error.details["error"].get("details", [])
    for each in details:
        if "reason" in each:
            print("reason:", each["reason"])
        for line in lines_of(each):
            print(line)


if __name__ == "__main__":
    try:
        asyncio.run(use_async()) if WAY == "async" else use()
    except genai.errors.APIError as refusal:
        tell_refusal(refusal)
        sys.exit(REFUSED)
