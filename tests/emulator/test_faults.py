"""Scripted faults, as the caller meets them and as the record shows them."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from google.api_core import exceptions
from google.cloud import storage
from google.cloud.aiplatform_v1 import JobServiceAsyncClient
from google.cloud.aiplatform_v1.types import JobState
from google.rpc import error_details_pb2

from emulator.helpers import PARENT, details_of, in_thread, job, storage_client
from vertex_emulator import Call, ConfigError, Emulator, Fault, FaultKind
from vertex_emulator.faults import fault_from

CREATE = "CreateBatchPredictionJob"
LIST = "ListBatchPredictionJobs"


def create(client: JobServiceAsyncClient, **changes: Any) -> asyncio.Task[Any]:
    return asyncio.ensure_future(client.create_batch_prediction_job(parent=PARENT, batch_prediction_job=job(**changes)))


async def arrived(emulator: Emulator, method: str = CREATE, count: int = 1) -> list[Call]:
    return await emulator.calls.wait_for(lambda call: call.method == method, count=count)


async def test_a_status_is_answered_and_nothing_done(emulator: Emulator, client: JobServiceAsyncClient) -> None:
    fault = Fault(CREATE, FaultKind.STATUS, code="RESOURCE_EXHAUSTED", message="no more", reason="RATE_LIMIT_EXCEEDED")
    emulator.faults.add(fault)
    with pytest.raises(exceptions.ResourceExhausted, match="no more") as refused:
        await create(client)
    assert details_of(refused.value, error_details_pb2.ErrorInfo).reason == "RATE_LIMIT_EXCEEDED"
    assert len(emulator.jobs) == 0
    (call,) = emulator.calls.of(CREATE)
    assert (call.code, call.took_effect, call.faults) == ("RESOURCE_EXHAUSTED", None, ("status",))
    await create(client)


async def test_a_dropped_answer_leaves_a_job_behind(emulator: Emulator, client: JobServiceAsyncClient) -> None:
    emulator.faults.add(Fault(CREATE, FaultKind.DROP_ANSWER))
    with pytest.raises(exceptions.ServiceUnavailable):
        await create(client)
    assert len(emulator.jobs) == 1
    (call,) = emulator.calls.of(CREATE)
    assert call.job == next(iter(emulator.jobs)).name
    assert call.code == "UNAVAILABLE"
    assert call.took_effect is not None


async def test_a_delayed_request_is_done_only_after_the_delay(
    emulator: Emulator, client: JobServiceAsyncClient
) -> None:
    emulator.faults.add(Fault(CREATE, FaultKind.DELAY, seconds=30))
    creating = create(client)
    await arrived(emulator)
    await emulator.driven_clock.advance(29)
    assert not creating.done()
    assert len(emulator.jobs) == 0
    await emulator.driven_clock.advance(1)
    await creating


async def test_a_delayed_request_goes_with_its_caller(emulator: Emulator, client: JobServiceAsyncClient) -> None:
    emulator.faults.add(Fault(CREATE, FaultKind.DELAY, seconds=30))
    creating = create(client)
    await arrived(emulator)
    creating.cancel()
    await emulator.calls.wait_for(lambda call: call.client_gone)
    await emulator.driven_clock.advance(60)
    assert len(emulator.jobs) == 0


async def test_a_request_in_flight_takes_effect_though_its_caller_has_gone(
    emulator: Emulator, client: JobServiceAsyncClient
) -> None:
    emulator.faults.add(Fault(CREATE, FaultKind.IN_FLIGHT, seconds=30))
    creating = create(client)
    await arrived(emulator)
    creating.cancel()
    await emulator.calls.wait_for(lambda call: call.client_gone)
    assert len(emulator.jobs) == 0
    await emulator.driven_clock.advance(30)
    (call,) = emulator.calls.of(CREATE)
    assert len(emulator.jobs) == 1
    assert call.took_effect == emulator.clock.now()
    assert call.job


async def test_a_request_in_flight_can_be_given_up_on_at_once(
    emulator: Emulator, client: JobServiceAsyncClient
) -> None:
    """So that a test of a late request needs no real deadline to pass."""
    emulator.faults.add(Fault(CREATE, FaultKind.IN_FLIGHT, seconds=30, code="DEADLINE_EXCEEDED"))
    with pytest.raises(exceptions.DeadlineExceeded):
        await create(client)
    assert len(emulator.jobs) == 0
    await emulator.driven_clock.advance(30)
    assert len(emulator.jobs) == 1
    assert emulator.calls.of(CREATE)[0].code == "DEADLINE_EXCEEDED"


async def test_a_request_in_flight_that_turns_out_bad_troubles_nobody(
    emulator: Emulator, client: JobServiceAsyncClient
) -> None:
    emulator.faults.add(Fault(CREATE, FaultKind.IN_FLIGHT, seconds=30, code="UNAVAILABLE"))
    with pytest.raises(exceptions.ServiceUnavailable):
        await create(client, model="nonsense")
    await emulator.driven_clock.advance(30)
    assert emulator.calls.of(CREATE)[0].took_effect is None


async def test_a_late_answer_comes_after_the_work(emulator: Emulator, client: JobServiceAsyncClient) -> None:
    emulator.faults.add(Fault(CREATE, FaultKind.LATE_ANSWER, seconds=30))
    creating = create(client)
    await emulator.calls.wait_for(lambda call: call.took_effect is not None)
    assert len(emulator.jobs) == 1
    assert not creating.done()
    await emulator.driven_clock.advance(30)
    await creating


async def test_a_call_that_hangs_is_never_answered_and_ends_with_the_emulator(
    emulator: Emulator, client: JobServiceAsyncClient
) -> None:
    emulator.faults.add(Fault(CREATE, FaultKind.HANG))
    creating = create(client)
    await arrived(emulator)
    await emulator.driven_clock.advance(1_000_000)
    assert not creating.done()
    assert len(emulator.jobs) == 0
    await emulator.stop()
    with pytest.raises((exceptions.GoogleAPICallError, asyncio.CancelledError)):
        await creating


async def test_a_list_that_lags_does_not_show_young_jobs(emulator: Emulator, client: JobServiceAsyncClient) -> None:
    emulator.faults.add(Fault(LIST, FaultKind.LIST_LAG, seconds=60, times=None))
    made = await create(client)

    async def shown() -> list[str]:
        return [each.name async for each in await client.list_batch_prediction_jobs(parent=PARENT)]

    assert await shown() == []
    assert (await client.get_batch_prediction_job(name=made.name)).name == made.name
    await emulator.driven_clock.advance(59)
    assert await shown() == []
    await emulator.driven_clock.advance(1)
    assert await shown() == [made.name]


async def test_a_scripted_outcome_fails_a_job_that_was_accepted(
    emulator: Emulator, client: JobServiceAsyncClient
) -> None:
    emulator.faults.add(Fault(CREATE, FaultKind.OUTCOME, code="INVALID_ARGUMENT", message="not found in location US"))
    made = await create(client)
    await emulator.driven_clock.advance(60)
    done = await client.get_batch_prediction_job(name=made.name)
    assert done.state == JobState.JOB_STATE_FAILED
    assert (done.error.code, done.error.message) == (3, "not found in location US")


async def test_a_fault_befalls_only_the_calls_that_it_names_and_only_so_often(
    emulator: Emulator, client: JobServiceAsyncClient
) -> None:
    status = {"kind": FaultKind.STATUS, "code": "UNAVAILABLE"}
    emulator.faults.add(Fault(CREATE, **status, labels={"team": "search"}))
    emulator.faults.add(Fault(CREATE, **status, display_name="night-*"))
    emulator.faults.add(Fault(CREATE, **status, region="europe-*"))
    await create(client)
    with pytest.raises(exceptions.ServiceUnavailable):
        await create(client, labels={"team": "search", "more": "x"})
    await create(client, labels={"team": "search"})
    with pytest.raises(exceptions.ServiceUnavailable):
        await create(client, display_name="night-run")
    assert [fault.region for fault, _ in emulator.faults.pending().values()] == ["europe-*"]


async def test_faults_of_calls_about_a_job_see_the_job(emulator: Emulator, client: JobServiceAsyncClient) -> None:
    made, other = await create(client), await create(client, labels={"team": "search"})
    emulator.faults.add(Fault("GetBatch*", FaultKind.STATUS, code="INTERNAL", labels={"team": "ranking"}, times=2))
    for _ in range(2):
        await client.get_batch_prediction_job(name=other.name)
        with pytest.raises(exceptions.InternalServerError):
            await client.get_batch_prediction_job(name=made.name)
    await client.get_batch_prediction_job(name=made.name)


async def test_a_fault_can_be_taken_back(emulator: Emulator, client: JobServiceAsyncClient) -> None:
    number = emulator.faults.add(Fault(CREATE, FaultKind.HANG, times=None))
    assert emulator.faults.remove(number)
    assert not emulator.faults.remove(number)
    await create(client)


async def test_faults_befall_storage_routes_too(emulator: Emulator, gcs: storage.Client) -> None:
    refused = {"kind": FaultKind.STATUS, "times": None}
    emulator.faults.add(Fault("storage.buckets.get", code="503", message="away", resource="team-in", **refused))
    emulator.faults.add(Fault("storage.objects.*", code="403", resource="team-in/input*", **refused))
    with pytest.raises(exceptions.ServiceUnavailable, match="away"):
        await in_thread(gcs.get_bucket, "team-in", retry=None)
    await in_thread(gcs.get_bucket, "team-out", retry=None)
    with pytest.raises(exceptions.Forbidden):
        await in_thread(gcs.bucket("team-in").blob("input.jsonl").reload, retry=None)
    assert [call.code for call in emulator.calls] == ["503", "200", "403"]


async def test_a_storage_call_that_hangs_holds_its_caller(emulator: Emulator, gcs: storage.Client) -> None:
    emulator.faults.add(Fault("storage.buckets.get", FaultKind.HANG))
    getting = asyncio.ensure_future(in_thread(gcs.get_bucket, "team-in", retry=None, timeout=0.2))
    await emulator.calls.wait_for(lambda call: call.method == "storage.buckets.get")
    with pytest.raises(Exception, match="timed out"):
        await getting
    (call,) = await emulator.calls.wait_for(lambda call: call.client_gone)
    assert call.code == "499"


async def test_a_storage_answer_can_be_lost_after_the_work(emulator: Emulator, gcs: storage.Client) -> None:
    emulator.faults.add(Fault("storage.objects.delete", FaultKind.DROP_ANSWER))
    blob = gcs.bucket("team-in").blob("input.jsonl")
    with pytest.raises(Exception, match=r"(?i)connection|aborted|remote"):
        await in_thread(blob.delete, retry=None)
    assert not await in_thread(blob.exists)


async def test_a_delayed_storage_call_waits_for_the_clock(emulator: Emulator) -> None:
    emulator.faults.add(Fault("storage.buckets.get", FaultKind.DELAY, seconds=30))
    client = storage_client(emulator)
    getting = asyncio.ensure_future(in_thread(client.get_bucket, "team-in"))
    await emulator.calls.wait_for(lambda call: call.method == "storage.buckets.get")
    await emulator.driven_clock.advance(30)
    assert (await getting).name == "team-in"
    client.close()


@pytest.mark.parametrize(
    ("values", "key"),
    [
        ({}, "method"),
        ({"method": CREATE}, "kind"),
        ({"method": CREATE, "kind": "explode"}, "explode"),
        ({"method": CREATE, "kind": "delay"}, "seconds"),
        ({"method": CREATE, "kind": "delay", "seconds": -1}, "seconds"),
        ({"method": CREATE, "kind": "delay", "seconds": "long"}, "fault"),
        ({"method": CREATE, "kind": "status"}, "code"),
        ({"method": CREATE, "kind": "status", "code": "OK"}, "code"),
        ({"method": CREATE, "kind": "status", "code": "503"}, "code"),
        ({"method": "storage.buckets.get", "kind": "status", "code": "UNAVAILABLE"}, "code"),
        ({"method": "storage.buckets.get", "kind": "in_flight", "seconds": 1}, "kind"),
        ({"method": CREATE, "kind": "hang", "times": 0}, "times"),
        ({"method": CREATE, "kind": "hang", "colour": "blue"}, "colour"),
        ({"method": CREATE, "kind": "hang", "labels": "x"}, "labels"),
        ({"method": 7, "kind": "hang"}, "method"),
    ],
)
def test_a_fault_that_makes_no_sense_is_refused_by_name(values: dict[str, Any], key: str) -> None:
    with pytest.raises(ConfigError, match=key):
        fault_from(values)


async def test_a_call_is_recorded_with_what_matters_about_its_caller(
    emulator: Emulator, client: JobServiceAsyncClient
) -> None:
    metadata = (("authorization", "Bearer secret"), ("x-goog-user-project", "billing"))
    await client.list_batch_prediction_jobs(parent=PARENT, timeout=3600, metadata=metadata)
    (call,) = emulator.calls
    assert call.method == LIST
    assert call.request.parent == PARENT
    assert call.time == call.answered == emulator.clock.now()
    assert call.code == "OK"
    assert call.metadata["authorization"] == "present"
    assert call.metadata["x-goog-user-project"] == "billing"
    assert "parent=projects" in call.metadata["x-goog-request-params"]
    assert "secret" not in str(call)
    assert call.deadline_seconds is not None
    assert 3000 < call.deadline_seconds < 4000
