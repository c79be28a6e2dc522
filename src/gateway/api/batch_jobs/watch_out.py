"""What watches send, as it goes over the wire. Protobuf joins the parts of a message that follow each other there. So a
part that many are sent, or that does not change, is written once, and apart from the rest.
"""

from functools import lru_cache
from typing import Final

from batchjobs.v1 import batch_jobs_pb2
from gateway.api.batch_jobs.messages_out import fill, fill_changing, fill_fixed, timestamp
from gateway.domain.batch_job import BatchJob, Spec
from gateway.service.hub import Shown
from gateway.service.watch import Event
from gateway.service.watch_team import TeamEvent
from gateway.service.watching import Heartbeat

KEPT: Final = 1024
SYNCED: Final = batch_jobs_pb2.WatchEvent(synced=True).SerializeToString()
_BATCH_JOB: Final = bytes([batch_jobs_pb2.WatchEvent.BATCH_JOB_FIELD_NUMBER << 3 | 2])
"""What stands before a batch job and its length."""


class JobEvents:
    """The messages of one watch of one batch job, which is always in step with the present."""

    __slots__ = ("_fixed", "_spec")

    def __init__(self) -> None:
        self._spec: Spec | None = None
        self._fixed = b""

    def of(self, event: Event) -> bytes:
        """One message."""
        if isinstance(event, Heartbeat):
            return batch_jobs_pb2.WatchEvent(heartbeat=_heartbeat(event), synced=True).SerializeToString()
        if event.job.spec is not self._spec:
            self._spec, self._fixed = event.job.spec, _fixed(event.job)
        changing = batch_jobs_pb2.BatchJob()
        fill_changing(changing, event)
        # One part here, as not every reader joins the parts of a message inside another.
        written = self._fixed + changing.SerializeToString()
        return b"".join((_BATCH_JOB, _varint(len(written)), written, SYNCED))


def _fixed(job: BatchJob) -> bytes:
    message = batch_jobs_pb2.BatchJob()
    fill_fixed(message, job)
    return message.SerializeToString()


def _varint(number: int) -> bytes:
    written = bytearray()
    while number >= 1 << 7:
        written.append(number & ~(-1 << 7) | 1 << 7)
        number >>= 7
    written.append(number)
    return bytes(written)


def team_event(event: TeamEvent) -> bytes:
    """One message of a watch of a team, as it goes over the wire."""
    own = batch_jobs_pb2.WatchEvent(resume_token=event.token, synced=event.synced)
    if isinstance(event.what, Heartbeat):
        own.heartbeat.CopyFrom(_heartbeat(event.what))
    shared = _shared(event.what) if isinstance(event.what, Shown) else b""
    return shared + own.SerializeToString()


@lru_cache(maxsize=KEPT)
def _shared(shown: Shown) -> bytes:
    """The part that is the same for everyone who is shown this state of the batch job."""
    job = shown.view.job
    if shown.deleted:
        deleted = batch_jobs_pb2.WatchEvent.Deleted(name=job.name, revision=job.revision)
        return batch_jobs_pb2.WatchEvent(deleted=deleted).SerializeToString()
    message = batch_jobs_pb2.WatchEvent()
    fill(message.batch_job, shown.view)
    return message.SerializeToString()


def _heartbeat(heartbeat: Heartbeat) -> batch_jobs_pb2.WatchEvent.Heartbeat:
    return batch_jobs_pb2.WatchEvent.Heartbeat(time=timestamp(heartbeat.time))
