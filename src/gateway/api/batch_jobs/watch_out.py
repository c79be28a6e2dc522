"""What watches send. A message that many are sent is made once: protobuf joins the parts of a message that follow each
other on the wire, so what is everyone's and what is each one's own are written apart.
"""

from functools import lru_cache
from typing import Final

from batchjobs.v1 import batch_jobs_pb2
from gateway.api.batch_jobs.messages_out import fill, timestamp
from gateway.service.hub import Shown
from gateway.service.watch import Event
from gateway.service.watch_team import TeamEvent
from gateway.service.watching import Heartbeat

KEPT: Final = 1024


def watch_event(event: Event) -> batch_jobs_pb2.WatchEvent:
    """One message of a watch of one batch job, which is always in step with the present."""
    if isinstance(event, Heartbeat):
        return batch_jobs_pb2.WatchEvent(heartbeat=_heartbeat(event), synced=True)
    message = batch_jobs_pb2.WatchEvent(synced=True)
    fill(message.batch_job, event)
    return message


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
