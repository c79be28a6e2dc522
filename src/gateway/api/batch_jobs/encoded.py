"""Batch jobs in the form in which they go over the wire, kept from answer to answer."""

from batchjobs.v1 import batch_jobs_pb2
from gateway.api.batch_jobs.messages_out import message_of, waiting_message
from gateway.api.kept import KEPT, Kept
from gateway.domain.batch_job import BatchJob
from gateway.service.view import View


class Encoded:
    """The bytes of views."""

    def __init__(self, most: int = KEPT) -> None:
        self._kept = Kept(_written, most)

    def of(self, view: View) -> bytes:
        """The bytes of the view's message. Why it waits changes by itself and is written anew each time, behind the
        rest: protobuf reads the parts of a message in any order.
        """
        kept = self._kept.of(view.job)
        if view.waiting is None:
            return kept
        return kept + batch_jobs_pb2.BatchJob(waiting=waiting_message(view.waiting)).SerializeToString()


def _written(job: BatchJob) -> bytes:
    return message_of(View(job)).SerializeToString()
