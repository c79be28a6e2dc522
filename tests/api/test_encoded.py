"""Kept answers: the same bytes for the same value, and never those of another one."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from batchjobs.v1 import batch_jobs_pb2 as pb
from gateway.api.batch_jobs import encoded, messages_out
from gateway.api.batch_jobs.encoded import Encoded
from gateway.domain.batch_job import BatchJob
from gateway.domain.states import State
from gateway.domain.waiting import WaitingReason
from gateway.service.view import View, Waiting
from support.store import POOL, SPEC

NOW = datetime(2026, 1, 1, tzinfo=UTC)
JOB = BatchJob(7, "ranking", SPEC, State.QUEUED, POOL, "m", "dev:ranking", NOW, NOW, None, 1)


@pytest.fixture
def made(monkeypatch) -> list[View]:
    """What messages were made of."""
    views = []

    def message_of(view):
        views.append(view)
        return messages_out.message_of(view)

    monkeypatch.setattr(encoded, "message_of", message_of)
    return views


def test_a_message_is_made_once_for_a_value_and_anew_for_another(made):
    kept = Encoded()
    assert kept.of(View(JOB)) == kept.of(View(JOB))
    assert len(made) == 1
    same_revision = replace(JOB, creator="another")  # What a restored store may hold under the same revision.
    assert pb.BatchJob.FromString(kept.of(View(same_revision))).creator == "another"
    assert pb.BatchJob.FromString(kept.of(View(JOB))).creator == "dev:ranking"


def test_why_it_waits_is_told_as_of_now(made):
    kept = Encoded()
    for position in (3, 2):
        view = View(JOB, Waiting(WaitingReason.POOL_FULL, position, NOW))
        assert pb.BatchJob.FromString(kept.of(view)) == messages_out.message_of(view)
    assert len(made) == 1


def test_what_is_kept_is_bounded(made):
    kept = Encoded(most=3)
    jobs = [replace(JOB, id=number) for number in range(6)]
    for job in [*jobs, *reversed(jobs)]:
        kept.of(View(job))
    assert [view.job.id for view in made] == [0, 1, 2, 3, 4, 5, 2, 1, 0]
