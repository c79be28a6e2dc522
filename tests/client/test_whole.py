"""The client and the command against a whole gateway: real PostgreSQL, real gRPC, the emulator in place of Google."""

import asyncio
import json
import os
from collections.abc import AsyncIterator, Callable
from contextlib import aclosing

import pytest

from batchjobs.client import (
    BatchJob,
    Changed,
    Client,
    Deleted,
    Forbidden,
    GcsDestination,
    GcsSource,
    InvalidSpec,
    NotEnded,
    NotFound,
    QuotaExceeded,
    RegionMismatch,
    RequestIdReused,
    SourceNotUsable,
    StartedOver,
    Synced,
    TeamEvent,
)
from client.scripted import Ran, Run
from client.test_watch import BATCHJOBS
from gateway.domain import states
from gateway.store import migrate
from support.gateway import Gateway, StartGateway

JOB = BatchJob(
    model="flash",
    gcs_source=GcsSource(uri="gs://ranking-in/rows.jsonl"),
    gcs_destination=GcsDestination(output_uri_prefix="gs://ranking-out/x"),
)
QUICK = {"pending_seconds": 0.1, "seconds_per_row": 0.001}


@pytest.fixture
async def gateway(start_gateway: StartGateway) -> Gateway:
    """A whole gateway that never leads: what is created stays queued."""
    return await start_gateway(role="api")


@pytest.fixture
async def client(gateway: Gateway) -> AsyncIterator[Client]:
    async with Client(gateway.app.api_target, team="ranking", insecure=True) as client:
        yield client


def but(**changes: object) -> BatchJob:
    other = BatchJob()
    other.CopyFrom(JOB)
    for name, value in changes.items():
        other.ClearField(name)
        if value is not None:
            getattr(other, name).CopyFrom(value) if isinstance(value, GcsSource) else setattr(other, name, value)
    return other


async def upto(events: AsyncIterator[TeamEvent], fits: Callable[[TeamEvent], bool]) -> list[TeamEvent]:
    """What is told up to the first event that fits."""
    told = [await anext(events)]
    while not fits(told[-1]):
        told.append(await anext(events))
    return told


def changes(told: list[TeamEvent], name: str) -> list[int]:
    return [event.batch_job.state for event in told if isinstance(event, Changed) and event.batch_job.name == name]


async def ended(gateway: Gateway, name: str) -> None:
    await gateway.move(name, states.State.SUBMITTING, states.State.RUNNING, states.State.SUCCEEDED)


async def test_refusals_arrive_as_what_they_are(gateway: Gateway, client: Client) -> None:
    with pytest.raises(InvalidSpec) as neither:
        await client.create(BatchJob(model="flash"))
    assert {violation.subject for violation in neither.value.violations} == {
        "batch_job.source",
        "batch_job.destination",
    }
    with pytest.raises(RegionMismatch) as elsewhere:
        await client.create(but(region="europe-west4"))
    assert len(elsewhere.value.violations) == 2
    with pytest.raises(SourceNotUsable):
        await client.create(but(gcs_source=GcsSource(uri="gs://ranking-in/none.jsonl")))
    created = await client.create(JOB, request_id="one")
    with pytest.raises(RequestIdReused) as reused:
        await client.create(but(display_name="another"), request_id="one")
    assert reused.value.name == created.name
    assert await client.create(JOB, request_id="one") == await client.get(created.name)
    with pytest.raises(NotEnded):
        await client.delete(created.name)
    async with Client(gateway.app.api_target, team="search", insecure=True) as other:
        with pytest.raises(Forbidden):
            await other.get(created.name)


async def test_a_used_up_quota_says_how_much_of_it(start_gateway: StartGateway) -> None:
    policy = {
        "pools": [{"project": "corp-ml", "region": "us-central1", "capacity": 1}],
        "aliases": {"flash": "gemini-2.5-flash"},
        "defaults": {"pools": ["corp-ml/*"], "models": ["gemini-*"], "quotas": {"jobs_per_day": 1}},
        "teams": {
            "ranking": {
                "members": {"submitters": ["dev:ranking"]},
                "sources": ["gs://ranking-in/**"],
                "destinations": ["gs://ranking-out/**"],
            }
        },
    }
    gateway = await start_gateway(role="api", policy=policy)
    async with Client(gateway.app.api_target, team="ranking", insecure=True) as client:
        await client.create(JOB)
        with pytest.raises(QuotaExceeded) as caught:
            await client.create(JOB)
        assert (caught.value.quota, caught.value.limit, caught.value.used) == ("jobs_per_day", 1, 1)
        assert caught.value.retry_after is not None
        usage = await client.usage()
        assert [(limit.quota, limit.limit, limit.used) for limit in usage.limits if limit.quota == "jobs_per_day"] == [
            ("jobs_per_day", 1, 1)
        ]


async def test_a_list_is_filtered_and_paged(gateway: Gateway, client: Client) -> None:
    for number in range(5):
        await client.create(but(labels=None) if number % 2 else but(display_name=str(number)))
    assert len([one async for one in client.list(page_size=2)]) == 5
    assert len([one async for one in client.list(filter="state = QUEUED", page_size=2)]) == 5
    assert [one async for one in client.list(filter="state = RUNNING")] == []
    with pytest.raises(InvalidSpec):
        await anext(client.list(filter="state = RUNNING OR state = QUEUED"))


async def test_a_batch_job_is_watched_to_its_end(start_gateway: StartGateway) -> None:
    gateway = await start_gateway(emulator=QUICK)
    async with Client(gateway.app.api_target, team="ranking", insecure=True) as client:
        end = await client.create_and_wait(JOB)
    assert end.state == BatchJob.SUCCEEDED
    assert end.output.gcs_directory.startswith("gs://ranking-out/x/")


async def test_watches_go_on_when_every_process_is_started_anew(start_gateway: StartGateway) -> None:
    """One connection, two gateways one after the other on one database: nothing is told twice and nothing is missed."""
    one = await start_gateway(role="api")
    async with Client(one.app.api_target, team="ranking", insecure=True) as client:
        job = await client.create(JOB)
        async with aclosing(client.watch(job.name)) as single, aclosing(client.watch_team()) as team:
            assert (await anext(single)).state == BatchJob.QUEUED
            told = await upto(team, lambda event: isinstance(event, Synced))
            assert changes(told, job.name) == [BatchJob.QUEUED]
            await one.app.stop()
            two = await start_gateway(role="api", api_listen=one.app.api_target)
            await ended(two, job.name)
            assert [state.state async for state in single][-1] == BatchJob.SUCCEEDED
            told = await upto(team, lambda event: isinstance(event, Changed) and event.batch_job.state in ENDS)
            assert changes(told, job.name)[-1] == BatchJob.SUCCEEDED
            assert not [event for event in told if isinstance(event, Synced | StartedOver)]
            await client.delete(job.name)
            (gone,) = await upto(team, lambda _event: True)
            assert isinstance(gone, Deleted)
            assert gone.name == job.name


ENDS = {BatchJob.SUCCEEDED}


async def test_a_token_is_good_in_another_process_and_until_the_database_is_restored(gateway: Gateway) -> None:
    endpoint = gateway.app.api_target
    async with Client(endpoint, team="ranking", insecure=True) as client:
        kept = await client.create(JOB)
        async with aclosing(client.watch_team()) as events:
            token = (await upto(events, lambda event: isinstance(event, Synced)))[-1].resume_token
    async with Client(endpoint, team="ranking", insecure=True) as client:
        missed = await client.create(JOB)
        async with aclosing(client.watch_team(token)) as events:
            told = await upto(events, lambda event: isinstance(event, Synced))
            assert changes(told, missed.name) == [BatchJob.QUEUED]
            assert changes(told, kept.name) == []
        await migrate.restored(gateway.database_url)
        async with aclosing(client.watch_team(token)) as events:
            told = await upto(events, lambda event: isinstance(event, Synced))
            assert isinstance(told[0], StartedOver)
            assert changes(told, kept.name) == changes(told, missed.name) == [BatchJob.QUEUED]


@pytest.mark.parametrize("token", ["garbage", "x" * 5000, "é ✓", "MTphYjpjZDox"])
async def test_a_garbled_token_is_refused_and_not_taken_for_an_old_one(
    gateway: Gateway, client: Client, token: str
) -> None:
    with pytest.raises(InvalidSpec):
        await anext(client.watch_team(token))


async def test_another_team_s_token_is_refused(gateway: Gateway, client: Client) -> None:
    async with aclosing(client.watch_team()) as events:
        token = (await upto(events, lambda event: isinstance(event, Synced)))[-1].resume_token
    async with Client(gateway.app.api_target, team="search", insecure=True) as other:
        with pytest.raises(InvalidSpec):
            await anext(other.watch_team(token))


@pytest.fixture
def run(gateway: Gateway) -> Run:
    """The installed program: in this process it would share its output with the gateway's log."""
    where = {"BATCHJOBS_ENDPOINT": gateway.app.api_target, "BATCHJOBS_TEAM": "ranking", "BATCHJOBS_INSECURE": "1"}

    async def run(*arguments: str) -> Ran:
        process = await asyncio.create_subprocess_exec(
            *(BATCHJOBS, *arguments),
            env={**os.environ, **where},
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        out, err = await process.communicate()
        return Ran(process.returncode or 0, out.decode(), err.decode())

    return run


SUBMIT = ("submit", "--model", "flash", "--destination", "gs://ranking-out/x")


async def test_the_command_says_what_the_gateway_refuses(gateway: Gateway, run: Run) -> None:
    for arguments, code, words in (
        ((*SUBMIT, "--source", "gs://search-in/rows.jsonl"), 3, "POLICY_VIOLATION"),
        ((*SUBMIT, "--source", "gs://ranking-in/no.jsonl"), 3, "SOURCE_NOT_FOUND"),
        ((*SUBMIT, "--source", "gs://ranking-in/rows.jsonl", "--region", "europe-west4"), 3, "REGION_MISMATCH"),
        (("get", "17"), 3, "NOT_FOUND"),
        (("get", "17", "--team", "nobody"), 3, "TEAM_FORBIDDEN"),
        (("list", "--filter", "NOT state = RUNNING"), 3, "INVALID_SPEC"),
        (("list", "--all-teams"), 3, "ROLE_FORBIDDEN"),
        (("watch", "--resume-token", "garbage"), 3, "INVALID_SPEC: This is no resume token"),
    ):
        ran = await run(*arguments)
        assert ran.code == code, (arguments, ran)
        assert words in ran.err
        assert "Traceback" not in ran.err
        assert ran.out == ""


async def test_the_command_shows_usage_and_deletes(gateway: Gateway, run: Run) -> None:
    submitted = await run(*SUBMIT, "--source", "gs://ranking-in/rows.jsonl", "--output", "json")
    name = json.loads(submitted.out)["name"]
    usage = await run("usage")
    assert usage.code == 0
    assert any(line.split()[:3] == ["queued_jobs", "1", "50"] for line in usage.out.splitlines())
    assert any(line.split()[:2] == ["corp-ml/us-central1", "4"] for line in usage.out.splitlines())
    assert (await run("cancel", name)).out == f"{name}  CANCELLED\n"
    assert (await run("watch", name)).code == 5
    assert (await run("delete", name)).out == f"{name}  deleted\n"
    assert (await run("get", name)).code == 3


async def test_a_deleted_batch_job_is_not_found_by_who_waits_for_it(gateway: Gateway, client: Client) -> None:
    job = await client.create(JOB)
    async with aclosing(client.watch(job.name)) as changes_:
        await anext(changes_)
        await client.cancel(job.name)
        assert (await anext(changes_)).state == BatchJob.CANCELLED
    await client.delete(job.name)
    with pytest.raises(NotFound):
        await client.wait(job.name)
