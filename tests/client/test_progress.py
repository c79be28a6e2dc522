"""What is shown while one waits: the time in each phase, and how many rows are done."""

import io
from datetime import UTC, datetime

import pytest
from google.protobuf.timestamp_pb2 import Timestamp
from rich.console import Console

from batchjobs.cli.progress import Progress, counted
from batchjobs.cli.text import phases
from batchjobs.client import BatchJob
from batchjobs.v1 import batch_jobs_pb2 as pb
from client.scripted import State, batch_job

NOW = datetime(1970, 1, 1, 1, 0, tzinfo=UTC)


def history(*entries: tuple[int, int]) -> list[BatchJob.Transition]:
    return [BatchJob.Transition(state=state, time=Timestamp(seconds=second)) for state, second in entries]


def test_the_time_in_each_phase_ends_now_or_with_the_batch_job() -> None:
    transitions = history((State.QUEUED, 0), (State.SUBMITTING, 12), (State.PENDING, 13), (State.RUNNING, 3540))
    running = batch_job(State.RUNNING, transitions=transitions)
    assert phases(running, NOW) == "queued 00:12 · submitting 00:01 · pending 58:47 · running 01:00"
    ended = batch_job(State.SUCCEEDED, transitions=[*transitions, *history((State.SUCCEEDED, 3550))])
    assert phases(ended, NOW) == "queued 00:12 · submitting 00:01 · pending 58:47 · running 00:10"


def test_phases_that_came_again_are_added_up() -> None:
    put_back = history((State.QUEUED, 0), (State.SUBMITTING, 10), (State.QUEUED, 11), (State.SUBMITTING, 31))
    assert phases(batch_job(State.SUBMITTING, transitions=put_back), NOW) == "queued 00:30 · submitting 59:30"


def test_clocks_that_contradict_each_other_make_no_negative_times() -> None:
    later = history((State.QUEUED, 4000))
    assert phases(batch_job(transitions=later), NOW) == "queued 00:00"
    assert phases(batch_job(), NOW) == ""


@pytest.mark.parametrize(
    ("rows", "total", "expected"),
    [
        ({}, 0, (0, 0)),
        ({}, 500, (0, 500)),
        ({"succeeded": 7, "failed": 2}, 0, (9, 0)),
        ({"succeeded": 7, "failed": 2}, 500, (9, 500)),
        ({"succeeded": 7, "failed": 2, "incomplete": 91}, 0, (9, 100)),
        ({"succeeded": 7, "incomplete": 91}, 500, (7, 98)),
        ({"succeeded": 700}, 500, (700, 700)),
    ],
)
def test_rows_are_counted_by_vertex_where_it_counts(
    rows: dict[str, int], total: int, expected: tuple[int, int]
) -> None:
    assert counted(batch_job(rows=BatchJob.Rows(**rows)), total) == expected


def drawn(told: BatchJob, total: int = 0, width: int = 100) -> list[str]:
    progress = Progress(total=total)
    progress.tell(told)
    console = Console(file=io.StringIO(), width=width, color_system=None)
    console.print(progress.__rich__())
    text = console.file.getvalue()  # type: ignore[attr-defined]  # it is the StringIO from above
    return [line.rstrip() for line in text.splitlines()]


def test_while_it_is_queued_the_reason_and_the_position_are_shown() -> None:
    why = BatchJob.Waiting(reason=pb.POOL_FULL, position=3)
    head, below = drawn(batch_job(waiting=why, transitions=history((State.QUEUED, 0))))
    assert "QUEUED" in head
    assert "POOL_FULL, 3 before it" in head
    assert below.startswith("  queued ")


def test_one_that_the_next_pass_takes_is_said_to_have_its_slot() -> None:
    why = BatchJob.Waiting(reason=pb.DISPATCHING, position=2)
    head, _ = drawn(batch_job(waiting=why, transitions=history((State.QUEUED, 0))))
    assert head.endswith("DISPATCHING, a slot is free for it")


def test_a_narrow_terminal_breaks_lines_and_cuts_nothing_off() -> None:
    rows = BatchJob.Rows(succeeded=480, failed=12, incomplete=508)
    times = history((State.QUEUED, 0), (State.SUBMITTING, 1), (State.PENDING, 2), (State.RUNNING, 3))
    for width in (30, 40, 80, 200):
        lines = drawn(batch_job(State.RUNNING, rows=rows, transitions=times), width=width)
        shown = " ".join(" ".join(lines).split())
        assert all(len(line) <= width for line in lines)
        assert "480 ok, 12 failed, 508 left" in shown
        assert "queued 00:01 · submitting 00:01 · pending 00:01 · running" in shown
        assert "492 of 1,000 rows, 49 %" in shown


def test_while_it_runs_a_bar_shows_how_far_it_is() -> None:
    rows = BatchJob.Rows(succeeded=480, failed=12)
    head, bar, below = drawn(batch_job(State.RUNNING, rows=rows, transitions=history((State.RUNNING, 0))), 1000)
    assert "480 ok, 12 failed" in head
    assert "━" in bar
    assert "492 of 1,000 rows, 49 %" in bar
    assert below.startswith("  running ")
