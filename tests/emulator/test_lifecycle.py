"""How jobs move through their states and what they show on the way."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from google.api_core import exceptions
from google.cloud.aiplatform_v1 import JobServiceAsyncClient
from google.cloud.aiplatform_v1.types import BatchPredictionJob, JobState

from emulator.helpers import PARENT, job, output_rows, row, write_rows
from vertex_emulator import CapacityMode, Emulator, State, WaitingState


async def create(client: JobServiceAsyncClient, **changes: Any) -> BatchPredictionJob:
    return await client.create_batch_prediction_job(parent=PARENT, batch_prediction_job=job(**changes))


async def state_of(client: JobServiceAsyncClient, made: BatchPredictionJob) -> JobState:
    return (await client.get_batch_prediction_job(name=made.name)).state


def source(name: str) -> dict[str, Any]:
    return {"instances_format": "jsonl", "gcs_source": {"uris": [f"gs://team-in/{name}"]}}


async def test_times_are_set_as_vertex_documents_them(start: Any, connect: Any) -> None:
    emulator = await start(pending_seconds=5, run_seconds=20)
    client = connect(emulator)
    made = await create(client)
    assert made.create_time == emulator.clock.now()
    await emulator.driven_clock.advance(5)
    running = await client.get_batch_prediction_job(name=made.name)
    assert running.state == JobState.JOB_STATE_RUNNING
    assert running.start_time == made.create_time + timedelta(seconds=5)
    assert not running.end_time
    await emulator.driven_clock.advance(60)
    done = await client.get_batch_prediction_job(name=made.name)
    assert done.state == JobState.JOB_STATE_SUCCEEDED
    assert done.start_time == running.start_time
    assert done.end_time == done.update_time == made.create_time + timedelta(seconds=25)
    assert not done.error.code


async def test_rows_are_counted_and_written_while_the_job_runs(start: Any, connect: Any, folder: Path) -> None:
    emulator = await start(pending_seconds=1, run_seconds=10)
    client = connect(emulator)
    made = await create(client)
    await emulator.driven_clock.advance(1 + 4)
    running = await client.get_batch_prediction_job(name=made.name)
    assert running.completion_stats.successful_count == 4
    assert running.completion_stats.incomplete_count == 6
    assert running.output_info.gcs_output_directory.startswith("gs://team-out/results/prediction-model-2026-01-01T")
    assert len(output_rows(folder, running)) == 4


async def test_a_cancelled_job_keeps_what_it_wrote_and_tells_why_it_ended(
    start: Any, connect: Any, folder: Path
) -> None:
    emulator = await start(pending_seconds=1, run_seconds=10, cancel_seconds=2)
    client = connect(emulator)
    made = await create(client)
    await emulator.driven_clock.advance(1 + 3)
    await client.cancel_batch_prediction_job(name=made.name)
    assert await state_of(client, made) == JobState.JOB_STATE_CANCELLING
    await emulator.driven_clock.advance(60)
    done = await client.get_batch_prediction_job(name=made.name)
    assert done.state == JobState.JOB_STATE_CANCELLED
    assert done.error.code == 1
    assert done.end_time
    assert len(output_rows(folder, done)) == done.completion_stats.successful_count
    assert 0 < done.completion_stats.successful_count < 10


async def test_a_job_that_is_done_before_its_cancel_takes_effect_succeeds(start: Any, connect: Any) -> None:
    emulator = await start(pending_seconds=1, run_seconds=10, cancel_seconds=30)
    client = connect(emulator)
    made = await create(client)
    await emulator.driven_clock.advance(2)
    await client.cancel_batch_prediction_job(name=made.name)
    await emulator.driven_clock.advance(60)
    assert await state_of(client, made) == JobState.JOB_STATE_SUCCEEDED


async def test_a_job_that_is_cancelled_before_it_runs_never_runs(emulator: Emulator, client: Any) -> None:
    made = await create(client)
    await client.cancel_batch_prediction_job(name=made.name)
    await emulator.driven_clock.advance(3600)
    done = await client.get_batch_prediction_job(name=made.name)
    assert done.state == JobState.JOB_STATE_CANCELLED
    assert not done.start_time
    assert not done.output_info.gcs_output_directory


async def test_cancelling_an_ended_job_changes_nothing(emulator: Emulator, client: Any) -> None:
    made = await create(client)
    await emulator.driven_clock.advance(60)
    before = await client.get_batch_prediction_job(name=made.name)
    await client.cancel_batch_prediction_job(name=made.name)
    assert await client.get_batch_prediction_job(name=made.name) == before


async def test_some_bad_rows_make_a_job_succeed_in_part(emulator: Emulator, client: Any, folder: Path) -> None:
    write_rows(folder / "team-in" / "mixed.jsonl", [row("good one"), {"nonsense": 1}, row("good two")])
    made = await create(client, input_config=source("mixed.jsonl"))
    await emulator.driven_clock.advance(60)
    done = await client.get_batch_prediction_job(name=made.name)
    assert done.state == JobState.JOB_STATE_PARTIALLY_SUCCEEDED
    assert not done.end_time
    assert done.update_time > done.start_time
    assert (done.completion_stats.successful_count, done.completion_stats.failed_count) == (2, 1)
    assert [failure.code for failure in done.partial_failures] == [3]
    assert not done.error.code


async def test_partial_failures_never_exceed_twenty(emulator: Emulator, client: Any, folder: Path) -> None:
    write_rows(folder / "team-in" / "bad.jsonl", [row("fine"), *[{"bad": n} for n in range(70)]])
    made = await create(client, input_config=source("bad.jsonl"))
    await emulator.driven_clock.advance(60)
    done = await client.get_batch_prediction_job(name=made.name)
    assert done.completion_stats.failed_count == 70
    assert len(done.partial_failures) == 20


async def test_only_bad_rows_make_a_job_fail(emulator: Emulator, client: Any, folder: Path) -> None:
    write_rows(folder / "team-in" / "bad.jsonl", [{"bad": 1}, {"bad": 2}])
    made = await create(client, input_config=source("bad.jsonl"))
    await emulator.driven_clock.advance(60)
    done = await client.get_batch_prediction_job(name=made.name)
    assert done.state == JobState.JOB_STATE_FAILED
    assert done.error.code == 3
    assert len(output_rows(folder, done)) == 2


async def test_an_input_that_is_not_there_fails_the_job_after_it_was_accepted(emulator: Emulator, client: Any) -> None:
    made = await create(client, input_config=source("absent.jsonl"))
    assert made.state == JobState.JOB_STATE_PENDING
    await emulator.driven_clock.advance(60)
    done = await client.get_batch_prediction_job(name=made.name)
    assert done.state == JobState.JOB_STATE_FAILED
    assert done.error.code == 3
    assert "gs://team-in/absent.jsonl was not found" in done.error.message
    assert done.completion_stats.incomplete_count == -1


@pytest.mark.parametrize(
    ("settings", "message"),
    [({"max_rows": 9}, "more than 9 rows"), ({"max_input_bytes": 100}, "larger than 100 bytes")],
)
async def test_an_input_beyond_the_limits_fails_the_job(
    start: Any, connect: Any, settings: dict[str, int], message: str
) -> None:
    emulator = await start(**settings)
    client = connect(emulator)
    made = await create(client)
    await emulator.driven_clock.advance(60)
    done = await client.get_batch_prediction_job(name=made.name)
    assert done.state == JobState.JOB_STATE_FAILED
    assert message in done.error.message


@pytest.mark.parametrize("content", ["", "\n\n  \n"])
async def test_an_input_without_rows_fails_the_job(emulator: Emulator, client: Any, folder: Path, content: str) -> None:
    (folder / "team-in" / "empty.jsonl").write_text(content)
    made = await create(client, input_config=source("empty.jsonl"))
    await emulator.driven_clock.advance(60)
    assert "no rows" in (await client.get_batch_prediction_job(name=made.name)).error.message


async def test_an_output_bucket_that_has_gone_fails_the_job(emulator: Emulator, client: Any, folder: Path) -> None:
    made = await create(client)
    (folder / "team-out").rmdir()
    await emulator.driven_clock.advance(60)
    done = await client.get_batch_prediction_job(name=made.name)
    assert done.state == JobState.JOB_STATE_FAILED
    assert "Failed to export data" in done.error.message


async def test_two_jobs_that_begin_at_the_same_moment_write_to_different_directories(
    emulator: Emulator, client: Any, folder: Path
) -> None:
    made = [await create(client) for _ in range(3)]
    await emulator.driven_clock.advance(60)
    done = [await client.get_batch_prediction_job(name=each.name) for each in made]
    assert len({each.output_info.gcs_output_directory for each in done}) == 3
    assert all(len(output_rows(folder, each)) == 10 for each in done)


@pytest.mark.parametrize(
    ("waiting", "state"),
    [(WaitingState.PENDING, JobState.JOB_STATE_PENDING), (WaitingState.QUEUED, JobState.JOB_STATE_QUEUED)],
)
async def test_jobs_beyond_capacity_wait_and_start_oldest_first(
    start: Any, connect: Any, waiting: WaitingState, state: JobState
) -> None:
    emulator = await start(capacity=1, waiting_state=waiting, pending_seconds=1, run_seconds=10)
    client = connect(emulator)
    made = [await create(client) for _ in range(3)]
    await emulator.driven_clock.advance(2)
    assert [await state_of(client, each) for each in made] == [JobState.JOB_STATE_RUNNING, state, state]
    await emulator.driven_clock.advance(10)
    assert [await state_of(client, each) for each in made][:2] == [
        JobState.JOB_STATE_SUCCEEDED,
        JobState.JOB_STATE_RUNNING,
    ]
    await emulator.driven_clock.advance(30)
    assert {await state_of(client, each) for each in made} == {JobState.JOB_STATE_SUCCEEDED}


async def test_capacity_is_counted_for_each_region_alone(start: Any, connect: Any) -> None:
    emulator = await start(capacity=1, capacities={"europe-west4": 0}, bucket_check="off", run_seconds=10)
    client = connect(emulator)
    regions = ("us-central1", "us-east1", "europe-west4")
    made = [
        await client.create_batch_prediction_job(
            parent=f"projects/corp-ml/locations/{region}", batch_prediction_job=job()
        )
        for region in regions
    ]
    await emulator.driven_clock.advance(2)
    running, pending = JobState.JOB_STATE_RUNNING, JobState.JOB_STATE_PENDING
    assert [await state_of(client, each) for each in made] == [running, running, pending]


async def test_capacity_that_refuses_answers_resource_exhausted(start: Any, connect: Any) -> None:
    emulator = await start(capacity=1, capacity_mode=CapacityMode.REFUSE)
    client = connect(emulator)
    await create(client)
    with pytest.raises(exceptions.ResourceExhausted):
        await create(client)
    await emulator.driven_clock.advance(60)
    await create(client)


async def test_more_capacity_lets_waiting_jobs_start_at_once(start: Any, connect: Any) -> None:
    emulator = await start(capacity=0, run_seconds=10)
    client = connect(emulator)
    made = await create(client)
    await emulator.driven_clock.advance(5)
    assert await state_of(client, made) == JobState.JOB_STATE_PENDING
    emulator.capacity.set(1)
    assert await state_of(client, made) == JobState.JOB_STATE_RUNNING


async def test_a_job_that_waits_too_long_expires_without_an_end_time_or_error(start: Any, connect: Any) -> None:
    emulator = await start(capacity=0)
    client = connect(emulator)
    made = await create(client)
    await emulator.driven_clock.advance(72 * 3600)
    done = await client.get_batch_prediction_job(name=made.name)
    assert done.state == JobState.JOB_STATE_EXPIRED
    assert not done.end_time
    assert not done.error.code


async def test_a_job_that_runs_for_a_day_is_cancelled_and_keeps_its_rows(
    start: Any, connect: Any, folder: Path
) -> None:
    emulator = await start(run_seconds=47 * 3600)
    client = connect(emulator)
    made = await create(client)
    await emulator.driven_clock.advance(48 * 3600)
    done = await client.get_batch_prediction_job(name=made.name)
    assert done.state == JobState.JOB_STATE_CANCELLED
    assert len(output_rows(folder, done)) == done.completion_stats.successful_count == 5


async def test_a_paused_job_gives_its_room_away_and_goes_on_where_it_stopped(
    start: Any, connect: Any, folder: Path
) -> None:
    emulator = await start(capacity=1, run_seconds=10)
    client = connect(emulator)
    first, second = await create(client), await create(client)
    await emulator.driven_clock.advance(5)
    await emulator.console.pause(first.name)
    await emulator.driven_clock.advance(1)
    assert await state_of(client, first) == JobState.JOB_STATE_PAUSED
    assert await state_of(client, second) == JobState.JOB_STATE_RUNNING
    await emulator.driven_clock.advance(60)
    await emulator.console.resume(first.name)
    await emulator.driven_clock.advance(60)
    done = await client.get_batch_prediction_job(name=first.name)
    assert done.state == JobState.JOB_STATE_SUCCEEDED
    rows = output_rows(folder, done)
    assert len({str(each["request"]) for each in rows}) == len(rows) == 10


async def test_only_ended_jobs_can_be_deleted(emulator: Emulator, client: Any) -> None:
    made = await create(client)
    with pytest.raises(exceptions.FailedPrecondition, match="JOB_STATE_PENDING"):
        await client.delete_batch_prediction_job(name=made.name)
    await emulator.driven_clock.advance(60)
    operation = await client.delete_batch_prediction_job(name=made.name)
    again = await client.delete_batch_prediction_job(name=made.name)
    assert again.operation.name == operation.operation.name
    assert not await operation.done()
    assert await state_of(client, made) == JobState.JOB_STATE_SUCCEEDED
    await emulator.driven_clock.advance(1)
    assert await operation.done()
    await operation.result()
    with pytest.raises(exceptions.NotFound):
        await client.get_batch_prediction_job(name=made.name)


async def test_a_job_deleted_by_hand_is_gone_and_leaves_its_room(start: Any, connect: Any) -> None:
    emulator = await start(capacity=1, run_seconds=10)
    client = connect(emulator)
    first, second = await create(client), await create(client)
    await emulator.driven_clock.advance(2)
    emulator.console.delete(first.name)
    with pytest.raises(exceptions.NotFound):
        await client.get_batch_prediction_job(name=first.name)
    assert await state_of(client, second) == JobState.JOB_STATE_RUNNING
    await emulator.driven_clock.advance(60)
    assert await state_of(client, second) == JobState.JOB_STATE_SUCCEEDED


async def test_a_clone_from_the_console_carries_the_labels_and_another_number(emulator: Emulator, client: Any) -> None:
    made = await create(client)
    clone = emulator.console.clone(made.name.rsplit("/", 1)[-1])
    assert clone.name != made.name
    assert dict(clone.message.labels) == {"team": "ranking"}
    changed = emulator.console.clone(made.name, labels={"other": "x"})
    assert dict(changed.message.labels) == {"other": "x"}
    await emulator.driven_clock.advance(60)
    assert {each.state for each in emulator.jobs} == {State.SUCCEEDED}


async def test_a_job_put_back_by_hand_does_not_start_by_itself(start: Any, connect: Any) -> None:
    emulator = await start(run_seconds=10)
    client = connect(emulator)
    made = await create(client)
    await emulator.driven_clock.advance(3)
    for state in (State.PENDING, State.UPDATING):
        await emulator.console.set_state(made.name, state)
        before = await client.get_batch_prediction_job(name=made.name)
        await emulator.driven_clock.advance(4 * 24 * 3600)
        assert await client.get_batch_prediction_job(name=made.name) == before


async def test_a_state_set_by_hand_stays_until_it_is_set_again(start: Any, connect: Any) -> None:
    emulator = await start(run_seconds=10)
    client = connect(emulator)
    made = await create(client)
    await emulator.console.set_state(made.name, State.UPDATING)
    await emulator.driven_clock.advance(24 * 3600)
    assert await state_of(client, made) == JobState.JOB_STATE_UPDATING
    await emulator.console.set_state(made.name, State.FAILED, code=9, message="by hand")
    done = await client.get_batch_prediction_job(name=made.name)
    assert (done.state, done.error.code, done.error.message) == (JobState.JOB_STATE_FAILED, 9, "by hand")
    older = made.create_time - timedelta(minutes=1)
    await emulator.console.set_state(made.name, State.RUNNING, update_time=older)
    assert (await client.get_batch_prediction_job(name=made.name)).update_time == older
