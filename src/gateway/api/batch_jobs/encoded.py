"""Batch jobs as they go over the wire, kept from answer to answer."""

from typing import Final

from batchjobs.v1 import batch_jobs_pb2
from gateway.api.batch_jobs.messages_out import message_of, waiting_message
from gateway.domain.batch_job import BatchJob
from gateway.service.view import View

KEPT: Final = 4096


class Encoded:
    """Saves making the same message twice, never asking whether it is still true: it belongs to one value, and whoever
    has read a newer one has another value.
    """

    def __init__(self, most: int = KEPT) -> None:
        self._most = most
        self._kept: dict[int, tuple[BatchJob, bytes]] = {}

    def of(self, view: View) -> bytes:
        """The bytes of the view's message. Why it waits changes by itself and is written anew each time, behind the
        rest: protobuf reads the parts of a message in any order.
        """
        kept = self._kept.get(view.job.id)
        if kept is None or kept[0] is not view.job:
            kept = (view.job, message_of(View(view.job)).SerializeToString())
            self._kept[view.job.id] = kept
            if len(self._kept) > self._most:
                del self._kept[next(iter(self._kept))]
        if view.waiting is None:
            return kept[1]
        return kept[1] + batch_jobs_pb2.BatchJob(waiting=waiting_message(view.waiting)).SerializeToString()
