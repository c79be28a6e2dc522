"""Driving an emulator from another process, over its control routes."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import aiohttp
import pytest
from google.api_core import exceptions
from google.cloud.aiplatform_v1 import JobServiceAsyncClient
from google.cloud.aiplatform_v1.types import BatchPredictionJob, JobState

from emulator.helpers import PARENT, job
from vertex_emulator import ClockKind, Emulator

Ask = Callable[..., Awaitable[Any]]


@pytest.fixture
async def session() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession() as session:
        yield session


@pytest.fixture
def ask(emulator: Emulator, session: aiohttp.ClientSession) -> Ask:
    """Sends a control request, and answers what comes back; a status other than the expected one fails the test."""

    async def send(method: str, path: str, body: Any = None, *, status: int = 200) -> Any:
        answer = await session.request(method, f"{emulator.storage_url}/emulator/{path}", json=body)
        assert answer.status == status, await answer.text()
        return await answer.json()

    return send


async def create(client: JobServiceAsyncClient, **changes: Any) -> BatchPredictionJob:
    return await client.create_batch_prediction_job(parent=PARENT, batch_prediction_job=job(**changes))


def number_of(made: BatchPredictionJob) -> str:
    return made.name.rsplit("/", 1)[-1]


async def test_faults_are_scripted_shown_and_taken_back(ask: Ask, client: JobServiceAsyncClient) -> None:
    fault = {"method": "CreateBatchPredictionJob", "kind": "status", "code": "UNAVAILABLE", "times": 2}
    added = await ask("POST", "faults", fault)
    with pytest.raises(exceptions.ServiceUnavailable):
        await create(client)
    (shown,) = await ask("GET", "faults")
    assert (shown["id"], shown["left"], shown["kind"]) == (added["id"], 1, "status")
    await ask("DELETE", f"faults/{added['id']}")
    await ask("DELETE", f"faults/{added['id']}", status=404)
    await create(client)
    await ask("POST", "faults", fault)
    await ask("DELETE", "faults")
    await create(client)


async def test_calls_are_shown_from_a_number_on(ask: Ask, client: JobServiceAsyncClient) -> None:
    made = await create(client)
    await client.get_batch_prediction_job(name=made.name)
    first, second = await ask("GET", "calls")
    assert first["method"] == "CreateBatchPredictionJob"
    assert first["job"] == made.name
    assert first["request"]["batchPredictionJob"]["labels"] == {"team": "ranking"}
    assert await ask("GET", f"calls?after={first['number']}") == [second]
    assert await ask("GET", "calls?method=CreateBatchPredictionJob") == [first]
    await ask("DELETE", "calls")
    assert await ask("GET", "calls") == []


async def test_a_call_that_nobody_serves_is_shown_too(ask: Ask, client: JobServiceAsyncClient) -> None:
    with pytest.raises(exceptions.MethodNotImplemented):
        await client.list_custom_jobs(parent=PARENT)
    (shown,) = await ask("GET", "calls")
    assert shown["code"] == "UNIMPLEMENTED"


async def test_the_clock_is_driven_from_outside(ask: Ask, client: JobServiceAsyncClient) -> None:
    made = await create(client)
    before = await ask("GET", "clock")
    assert before == {"now": "2026-01-01T00:00:00+00:00", "driven": True}
    after = await ask("POST", "clock", {"advance": 90.5})
    assert after["now"] == "2026-01-01T00:01:30.500000+00:00"
    (shown,) = await ask("GET", "jobs")
    assert shown["state"] == "JOB_STATE_SUCCEEDED"
    assert [step["state"] for step in shown["history"]] == [
        "JOB_STATE_PENDING",
        "JOB_STATE_RUNNING",
        "JOB_STATE_SUCCEEDED",
    ]
    assert shown["id"] == number_of(made)


async def test_a_clock_that_runs_by_itself_cannot_be_driven(start: Any, session: aiohttp.ClientSession) -> None:
    emulator = await start(clock=ClockKind.REAL)
    answer = await session.post(f"{emulator.storage_url}/emulator/clock", json={"advance": 1})
    assert answer.status == 400


async def test_jobs_are_changed_by_hand(ask: Ask, client: JobServiceAsyncClient) -> None:
    made = await create(client)
    path = f"jobs/{number_of(made)}"
    clone = await ask("POST", f"{path}/clone", {"labels": {"team": "search"}})
    assert clone["id"] != number_of(made)
    assert clone["labels"] == {"team": "search"}
    altered = await ask("POST", f"{path}/alter", {"display_name": "renamed"})
    assert (altered["displayName"], altered["labels"]) == ("renamed", {"team": "ranking"})
    await ask("POST", f"{path}/state", {"state": "FAILED", "code": 9, "message": "by hand"})
    done = await client.get_batch_prediction_job(name=made.name)
    assert (done.state, done.error.code) == (JobState.JOB_STATE_FAILED, 9)
    await ask("POST", f"{path}/delete")
    await ask("POST", f"{path}/delete", status=404)


async def test_what_was_removed_stays_in_the_record(
    ask: Ask, client: JobServiceAsyncClient, emulator: Emulator
) -> None:
    by_hand, deleted = await create(client), await create(client)
    await ask("POST", f"jobs/{number_of(by_hand)}/delete")
    await emulator.driven_clock.advance(60)
    await client.delete_batch_prediction_job(name=deleted.name)
    await emulator.driven_clock.advance(60)
    assert await ask("GET", "jobs") == []
    first, second = await ask("GET", "jobs?gone=true")
    assert (first["id"], first["state"]) == (number_of(by_hand), "JOB_STATE_PENDING")
    assert first["removed"] == {"time": "2026-01-01T00:00:00+00:00", "byHand": True}
    assert (second["id"], second["removed"]["byHand"]) == (number_of(deleted), False)


async def test_a_running_job_is_paused_and_resumed(ask: Ask, client: JobServiceAsyncClient, emulator: Emulator) -> None:
    made = await create(client)
    path = f"jobs/{number_of(made)}"
    await ask("POST", f"{path}/pause", status=400)
    await emulator.driven_clock.advance(1)
    assert (await ask("POST", f"{path}/pause"))["state"] == "JOB_STATE_PAUSED"
    assert (await ask("POST", f"{path}/resume"))["state"] == "JOB_STATE_RUNNING"


async def test_a_foreign_job_is_made_without_a_create(ask: Ask, emulator: Emulator) -> None:
    message = BatchPredictionJob.to_dict(job(), use_integers_for_enums=False)
    wanted = {key: message[key] for key in ("display_name", "model", "input_config", "output_config", "labels")}
    made = await ask("POST", "jobs", {"parent": PARENT, "job": wanted})
    assert made["displayName"] == "rivers"
    assert emulator.calls.of("CreateBatchPredictionJob") == []
    await emulator.driven_clock.advance(60)
    assert (await ask("GET", "jobs"))[0]["state"] == "JOB_STATE_SUCCEEDED"


async def test_capacity_is_changed_while_jobs_wait(ask: Ask, client: JobServiceAsyncClient, emulator: Emulator) -> None:
    assert await ask("POST", "capacity", {"limit": 0}) == {"limit": 0, "limits": {}, "mode": "queue"}
    made = await create(client)
    await emulator.driven_clock.advance(10)
    assert (await client.get_batch_prediction_job(name=made.name)).state == JobState.JOB_STATE_PENDING
    await ask("POST", "capacity", {"limit": 1, "region": "us-central1"})
    assert (await client.get_batch_prediction_job(name=made.name)).state == JobState.JOB_STATE_RUNNING
    await ask("POST", "capacity", {"mode": "refuse"})
    with pytest.raises(exceptions.ResourceExhausted):
        await create(client)
    await ask("POST", "capacity", {"limit": None, "region": "us-central1"})
    await create(client)
    assert (await ask("GET", "capacity"))["limits"] == {"us-central1": None}


@pytest.mark.parametrize(
    ("path", "body", "why"),
    [
        ("faults", {"method": "X"}, "kind"),
        ("faults", [], "JSON object"),
        ("clock", {"advance": -1}, "advance"),
        ("clock", {"advance": "soon"}, "advance"),
        ("clock", {"advance": 1e300}, "advance"),
        ("clock", {"back": 1}, "back"),
        ("capacity", {"limit": -1}, "limit"),
        ("capacity", {"limit": True}, "limit"),
        ("capacity", {"mode": "maybe"}, "maybe"),
        ("jobs", {"parent": "x"}, "parent"),
        ("jobs", {"parent": PARENT, "job": {"colour": "blue"}}, "colour"),
    ],
)
async def test_what_makes_no_sense_is_refused_by_name(ask: Ask, path: str, body: Any, why: str) -> None:
    answer = await ask("POST", path, body, status=400)
    assert why in answer["error"]["message"]


@pytest.mark.parametrize(
    ("action", "body"),
    [("state", {"state": "NONSENSE"}), ("state", {}), ("clone", {"colour": "blue"}), ("alter", {"labels": "x"})],
)
async def test_a_change_that_makes_no_sense_is_refused(
    ask: Ask, client: JobServiceAsyncClient, action: str, body: Any
) -> None:
    made = await create(client)
    await ask("POST", f"jobs/{number_of(made)}/{action}", body, status=400)
    await ask("POST", f"jobs/{number_of(made)}/dance", status=404)


async def test_control_requests_are_no_calls(ask: Ask, emulator: Emulator) -> None:
    await ask("GET", "clock")
    assert len(emulator.calls) == 0
