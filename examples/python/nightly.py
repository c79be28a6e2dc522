"""Creates a batch job, follows it to its end and says where the output is.

Where the gateway is and who calls stand in the environment, by the names that the batchjobs command uses:
BATCHJOBS_ENDPOINT, BATCHJOBS_TEAM, BATCHJOBS_CA_FILE and BATCHJOBS_TOKEN_FILE. It ends with 0 when the batch job has
succeeded, with 3 when it was refused, and with 5 when it ended otherwise.

`pip install batch-jobs-gateway` is all it needs. The client repeats what may be repeated, and opens a watch that was
cut off again; the programs in other languages beside this one show what that takes.
"""

import asyncio
import os
import sys

from batchjobs.client import (
    BatchJob,
    BatchJobsError,
    BigQueryDestination,
    BigQuerySource,
    Client,
    GcsDestination,
    GcsSource,
    QuotaExceeded,
    RequestIdReused,
    Security,
)

SUCCEEDED = (BatchJob.SUCCEEDED, BatchJob.PARTIALLY_SUCCEEDED)


async def run(request_id: str, source: str, destination: str) -> int:
    security = Security(ca_file=os.environ["BATCHJOBS_CA_FILE"], token_file=os.environ["BATCHJOBS_TOKEN_FILE"])
    endpoint, team = os.environ["BATCHJOBS_ENDPOINT"], os.environ["BATCHJOBS_TEAM"]
    async with Client(endpoint, team=team, security=security, on_retry=tell) as client:
        try:
            created = await client.create(batch_job(source, destination), request_id=request_id)
            print("created", created.name)
            async for changed in client.watch(created.name):  # its last one has ended
                print(BatchJob.State.Name(changed.state))
            ended = changed
        except BatchJobsError as refusal:
            explain(refusal)
            return 3
    if ended.state not in SUCCEEDED:
        print(ended.error.message, file=sys.stderr)
        return 5
    # Vertex AI chooses the name below the destination: it is read, never built.
    print(ended.rows.succeeded, "rows in", ended.output.gcs_directory or ended.output.bigquery_table)
    return 0


def batch_job(source: str, destination: str) -> BatchJob:
    job = BatchJob(model="gemini-2.5-flash", region="us-central1", labels={"run": "nightly"})
    if source.startswith("bq://"):
        job.bigquery_source.CopyFrom(BigQuerySource(table=source))
    else:
        job.gcs_source.CopyFrom(GcsSource(uri=source))
    if destination.startswith("bq://"):
        job.bigquery_destination.CopyFrom(BigQueryDestination(table=destination))
    else:
        job.gcs_destination.CopyFrom(GcsDestination(output_uri_prefix=destination))
    return job


def explain(refusal: BatchJobsError) -> None:
    """Print a refusal: its reason, by which a program decides, and what each detail says to do about it."""
    print("refused:", refusal.code.name, refusal.message, file=sys.stderr)
    print("  reason:", refusal.reason, file=sys.stderr)
    for field in refusal.failure.fields:  # to mend, or what the team's policy does not allow
        print(f"  field {field.subject}: {field.description} ({field.reason})", file=sys.stderr)
    for elsewhere in refusal.failure.preconditions:  # something elsewhere has to change first
        print(f"  precondition {elsewhere.reason} on {elsewhere.subject}: {elsewhere.description}", file=sys.stderr)
    if isinstance(refusal, QuotaExceeded):
        for each in refusal.quotas:
            print(f"  quota {each.quota}: {each.used} of {each.limit} used", file=sys.stderr)
    if isinstance(refusal, RequestIdReused):
        print("  resource:", refusal.name, file=sys.stderr)
    if refusal.retry_after is not None:
        print("  try again in", refusal.retry_after, file=sys.stderr)


def tell(failure: BatchJobsError, seconds: float) -> None:
    """What the client tells of each call that it is about to repeat."""
    print(f"cut off ({failure.code.name}); opening it again in {seconds:.2f} s", file=sys.stderr)


if __name__ == "__main__":
    match sys.argv[1:]:
        case [request_id, source, destination]:
            sys.exit(asyncio.run(run(request_id, source, destination)))
        case _:
            sys.exit("usage: nightly.py REQUEST_ID SOURCE DESTINATION, each place as gs:// or bq://")
