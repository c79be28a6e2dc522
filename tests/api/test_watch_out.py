"""Messages of a watch of one batch job: whatever is written once, readers get the whole of it."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from batchjobs.v1 import batch_jobs_pb2 as pb
from gateway.api.batch_jobs import watch_out
from gateway.api.batch_jobs.messages_out import fill_fixed, message_of
from gateway.api.batch_jobs.watch_out import JobEvents
from gateway.domain.batch_job import BatchJob
from gateway.domain.states import State
from gateway.domain.waiting import WaitingReason
from gateway.service.view import View, Waiting
from gateway.service.watching import Heartbeat
from support.store import POOL, SPEC

NOW = datetime(2026, 1, 1, tzinfo=UTC)
JOB = BatchJob(7, "ranking", SPEC, State.QUEUED, POOL, "m", "dev:ranking", NOW, NOW, None, 1)


def moved(job, to):
    time = job.update_time + timedelta(seconds=1)
    return job.move(to, time=time, reason="OBSERVED", actor="gateway", start_time=time)


def message(view):
    return pb.WatchEvent(batch_job=message_of(view), synced=True)


def test_each_message_holds_the_whole_batch_job():
    events = JobEvents()
    running = moved(moved(JOB, State.SUBMITTING), State.RUNNING)
    waiting = View(JOB, Waiting(WaitingReason.POOL_FULL, 3, NOW))
    for view in (View(JOB), waiting, View(running), View(moved(running, State.SUCCEEDED)), View(JOB)):
        assert pb.WatchEvent.FromString(events.of(view)) == message(view)


@pytest.mark.parametrize("size", [0, 1, 100, 127, 128, 5_000, 16_383, 16_384, 300_000])
def test_a_batch_job_of_any_size_is_one_part(size):
    """A reader that takes the last of several parts, and does not join them, loses nothing."""
    view = View(replace(JOB, vertex_name="v" * size))
    written = JobEvents().of(view)
    assert len(written) == message(view).ByteSize()
    assert pb.WatchEvent.FromString(written) == message(view)


def test_what_does_not_change_is_written_once_for_a_batch_job_and_anew_for_one_that_was_read_anew(monkeypatch):
    written = []

    def fixed(part, job):
        written.append(job)
        fill_fixed(part, job)

    monkeypatch.setattr(watch_out, "fill_fixed", fixed)
    events = JobEvents()
    submitting = moved(JOB, State.SUBMITTING)
    read_anew = replace(submitting, spec=replace(SPEC), creator="another")
    for job in (JOB, submitting, read_anew):
        assert pb.WatchEvent.FromString(events.of(View(job))) == message(View(job))
    assert written == [JOB, read_anew]


def test_a_heartbeat_is_no_batch_job():
    assert pb.WatchEvent.FromString(JobEvents().of(Heartbeat(NOW))).WhichOneof("event") == "heartbeat"
