"""Stretches and the tail of a team's changes."""

from dataclasses import replace
from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from gateway.domain.batch_job import BatchJob
from gateway.domain.states import State
from gateway.service.stretch import Stretch, Tail
from support.store import POOL, SPEC

NOW = datetime(2026, 1, 1, tzinfo=UTC)
JOB = BatchJob(1, "ranking", SPEC, State.QUEUED, POOL, "m", "dev:ranking", NOW, NOW, None, 1)


def changed(job_id: int, revision: int) -> BatchJob:
    return replace(JOB, id=job_id, revision=revision)


def read(tail: Tail, place: int) -> list[BatchJob]:
    """What a reader at this place gets, one after the other."""
    found = []
    while (job := tail.after(place)) is not None:
        found.append(job)
        place = job.revision
    return found


def test_a_stretch_covers_what_follows_its_floor_up_to_where_it_was_read():
    stretch = Stretch(10, 20, [changed(1, 12), changed(2, 15)], lambda job: job.revision)
    assert [stretch.covers(place) for place in (9, 10, 15, 19, 20)] == [False, True, True, True, False]
    assert [job and job.id for job in map(stretch.after, (10, 12, 14, 15, 19))] == [1, 2, 2, None, None]


@given(st.lists(st.lists(st.integers(1, 6), max_size=8), max_size=12), st.integers(1, 8))
def test_the_tail_has_each_batch_job_once_with_its_latest_state(batches, most):
    """And everything above its floor: a reader at any place from there on misses nobody's latest state."""
    tail, revision, latest = Tail(0, most), 0, {}
    for batch in batches:
        jobs = []
        for job_id in batch:
            revision += 1
            latest[job_id] = revision
            jobs.append(changed(job_id, revision))
        tail.extend(_as_a_page(jobs), revision)
        for place in range(tail.floor, revision + 1):
            expected = sorted((at, job_id) for job_id, at in latest.items() if at > place)
            assert [(job.revision, job.id) for job in read(tail, place)] == expected
        assert tail.through == revision
        assert len(tail._at) <= most
        assert len(tail._revisions) <= 2 * most + len(batch)
        assert tail._latest.keys() == {job.id for job in tail._at.values()}


def test_what_the_tail_replaces_is_known():
    tail = Tail(0)
    tail.extend([changed(1, 5)], 5)
    assert tail.replaces(changed(1, 4))
    assert not tail.replaces(changed(1, 5))
    assert not tail.replaces(changed(2, 4))


def _as_a_page(jobs: list[BatchJob]) -> list[BatchJob]:
    """Each batch job once, with its latest state, in the order of revisions: what the store answers."""
    return sorted({job.id: job for job in jobs}.values(), key=lambda job: job.revision)
