"""An asyncio client of the Batch Jobs Gateway that repeats what may be repeated, and waits by watching.

    from batchjobs.client import BatchJob, Client, GcsDestination, GcsSource, Security

    security = Security(ca_file="/etc/batchjobs/ca.crt", token_file="/var/run/secrets/batchjobs/token")
    async with Client("gateway.example:8470", team="ranking", security=security) as client:
        ended = await client.create_and_wait(
            BatchJob(
                model="gemini-2.5-flash",
                gcs_source=GcsSource(uri="gs://ranking-in/tickets.jsonl"),
                gcs_destination=GcsDestination(output_uri_prefix="gs://ranking-out/nightly"),
            )
        )
        print(BatchJob.State.Name(ended.state), ended.output.gcs_directory)

Messages are those of the contract, `batchjobs.v1`.
"""

from batchjobs.client._client import Client
from batchjobs.client._errors import (
    BatchJobsError,
    CredentialsUnreadable,
    DestinationNotFound,
    Forbidden,
    InvalidPageToken,
    InvalidSpec,
    NotAuthenticated,
    NotEnded,
    NotFound,
    NotServed,
    PolicyViolation,
    PreconditionFailed,
    QuotaExceeded,
    Refused,
    RegionMismatch,
    RequestIdReused,
    ResumeTokenExpired,
    SourceNotUsable,
    Unavailable,
)
from batchjobs.client._events import Changed, Deleted, StartedOver, Synced, TeamEvent
from batchjobs.client._failure import QuotaUse, Violation
from batchjobs.client._security import Security
from batchjobs.client._states import ENDED, has_ended
from batchjobs.v1.batch_jobs_pb2 import (
    BatchJob,
    BigQueryDestination,
    BigQuerySource,
    GcsDestination,
    GcsSource,
    TeamUsage,
)

__all__ = [
    "ENDED",
    "BatchJob",
    "BatchJobsError",
    "BigQueryDestination",
    "BigQuerySource",
    "Changed",
    "Client",
    "CredentialsUnreadable",
    "Deleted",
    "DestinationNotFound",
    "Forbidden",
    "GcsDestination",
    "GcsSource",
    "InvalidPageToken",
    "InvalidSpec",
    "NotAuthenticated",
    "NotEnded",
    "NotFound",
    "NotServed",
    "PolicyViolation",
    "PreconditionFailed",
    "QuotaExceeded",
    "QuotaUse",
    "Refused",
    "RegionMismatch",
    "RequestIdReused",
    "ResumeTokenExpired",
    "Security",
    "SourceNotUsable",
    "StartedOver",
    "Synced",
    "TeamEvent",
    "TeamUsage",
    "Unavailable",
    "Violation",
    "has_ended",
]
