"""When a batch job has ended."""

from typing import Final

from batchjobs.v1.batch_jobs_pb2 import BatchJob

ENDED: Final = frozenset(
    {
        BatchJob.SUCCEEDED,
        BatchJob.PARTIALLY_SUCCEEDED,
        BatchJob.FAILED,
        BatchJob.CANCELLED,
        BatchJob.EXPIRED,
    }
)
"""The states that nothing leaves."""


def has_ended(batch_job: BatchJob) -> bool:
    """Whether it has ended, also in an end state that this version does not know: every end sets `end_time`."""
    return batch_job.state in ENDED or batch_job.HasField("end_time")
