"""CreateBatchJob over a real connection, with every check behind it."""

import asyncio
from datetime import timedelta

import pytest
from google.protobuf import duration_pb2, struct_pb2

from batchjobs.v1 import batch_jobs_pb2 as pb
from gateway.errors import GatewayError, Reason
from support.blocking import team_lock
from support.caller import State, batch_job, refusal
from vertex_emulator import Fault, FaultKind


def gcs(uri: str) -> pb.GcsSource:
    return pb.GcsSource(uri=uri)


def to(uri: str) -> pb.GcsDestination:
    return pb.GcsDestination(output_uri_prefix=uri)


def admissions(gateway) -> list[str]:
    return [line for line in gateway.metrics().splitlines() if line.startswith("batchjobs_admissions_total{")]


async def test_a_create_is_answered_queued_with_what_the_gateway_made_of_it(gateway):
    parameters = struct_pb2.Struct()
    parameters.update({"temperature": 0.2, "stop": ["a", None], "nested": {"on": True}})
    sent = batch_job(
        model="flash",
        region=None,
        priority=0,
        labels={"run": "nightly"},
        model_parameters=parameters,
        display_name="Nightly 🦆",
        max_queue_duration=duration_pb2.Duration(seconds=90, nanos=500_000_000),
    )
    job = await gateway.caller("ranking").create(sent)
    assert job.state == State.QUEUED
    assert job.effective_model == "publishers/google/models/gemini-2.5-flash"
    assert (job.effective_region, job.pool) == ("us-central1", "corp-ml/us-central1")
    assert job.creator == "dev:ranking"
    assert [entry.state for entry in job.transitions] == [State.QUEUED]
    assert job.HasField("waiting")
    for name in ("model", "region", "priority", "labels", "model_parameters", "display_name", "max_queue_duration"):
        assert getattr(job, name) == getattr(sent, name), name
    assert job.HasField("priority")
    assert await gateway.caller("ranking").get(job.name) == job


async def test_output_only_fields_of_a_create_are_ignored(gateway):
    job = await gateway.caller("ranking").create(
        batch_job(name="teams/x/batchJobs/1", state=State.SUCCEEDED, attempts=9)
    )
    assert (job.state, job.attempts) == (State.QUEUED, 0)
    assert job.name.startswith("teams/ranking/batchJobs/")


async def test_every_violation_of_a_stage_is_in_one_answer(gateway):
    refused = await refusal(
        gateway.caller("ranking").create(
            batch_job(
                model="no model!",
                gcs_source=gcs("s3://elsewhere/rows.jsonl"),
                gcs_destination=None,
                priority=101,
                labels={"batchjobs_id": "7", "UPPER": "x"},
                max_queue_duration=duration_pb2.Duration(seconds=-1),
            ),
            request_id="é",
        )
    )
    assert (refused.code, refused.reason) == ("INVALID_ARGUMENT", "INVALID_SPEC")
    assert set(refused.fields) >= {
        "batch_job.model",
        "batch_job.gcs_source.uri",
        "batch_job.destination",
        "batch_job.priority",
        'batch_job.labels["batchjobs_id"]',
        'batch_job.labels["UPPER"]',
        "batch_job.max_queue_duration",
        "request_id",
    }


async def test_an_empty_create_names_everything_that_is_missing(gateway):
    refused = await refusal(gateway.caller("ranking").call("CreateBatchJob", pb.CreateBatchJobRequest()))
    assert set(refused.fields) == {"parent", "batch_job.model", "batch_job.source", "batch_job.destination"}


@pytest.mark.parametrize("last", ["gcs", "bigquery"])
async def test_of_two_sources_or_destinations_on_the_wire_the_last_one_counts_and_is_shown(gateway, last):
    """No generated code can write both: whoever makes such bytes gets what protobuf says, and checks of just that."""
    gcs = batch_job()
    bigquery = pb.BatchJob(
        bigquery_source=pb.BigQuerySource(table="bq://corp-ml.foreign.rows"),
        bigquery_destination=pb.BigQueryDestination(table="bq://corp-ml.foreign.out"),
    )
    parts = (bigquery, gcs) if last == "gcs" else (gcs, bigquery)
    both = b"".join(
        pb.CreateBatchJobRequest(parent="teams/ranking", batch_job=part).SerializeToString() for part in parts
    )
    caller = gateway.caller("ranking")
    call = gateway.channel.unary_unary(
        "/batchjobs.v1.BatchJobs/CreateBatchJob", response_deserializer=pb.BatchJob.FromString
    )(both, metadata=caller.metadata)
    if last == "gcs":
        created = await call
        assert created.HasField("gcs_source")
        assert not created.HasField("bigquery_source")
        assert created.gcs_destination == gcs.gcs_destination
    else:
        refused = await refusal(call)
        assert set(refused.fields) == {"batch_job.bigquery_source.table", "batch_job.bigquery_destination.table"}


@pytest.mark.parametrize(
    "parent",
    ["", "ranking", "teams/", "teams/-", "teams/Ranking", "teams/ranking/", "teams/r\0", "teams/" + "a" * 5000],
)
async def test_a_parent_that_is_no_teams_is_invalid(gateway, parent):
    refused = await refusal(gateway.caller("ranking", parent).create(parent=parent))
    assert (refused.reason, set(refused.fields)) == ("INVALID_SPEC", {"parent"})


@pytest.mark.parametrize(
    ("uri", "reason"),
    [
        ("https://ranking-in/rows.jsonl", "URI_SCHEME"),
        ("gs://ranking-in/*.jsonl", "URI_WILDCARD"),
        ("gs://ranking-in/../search-in/rows.jsonl", "URI_SEGMENT"),
        ("gs://ranking-in/rows.jsonl?generation=1", "URI_QUERY"),
        ("gs://ranking-in/rows\n.jsonl", "URI_CHARACTER"),
        ("gs://ranking-in/rows\0.jsonl", "URI_CHARACTER"),
        ("gs://ranking-in/" + "x" * 3000, "URI_TOO_LONG"),
    ],
)
async def test_a_malformed_uri_is_refused_before_anything_is_looked_up(gateway, uri, reason):
    refused = await refusal(gateway.caller("ranking").create(batch_job(gcs_source=gcs(uri))))
    assert (refused.code, refused.reason) == ("INVALID_ARGUMENT", "INVALID_SPEC")
    assert reason in refused.fields["batch_job.gcs_source.uri"]
    assert not list(gateway.emulator.calls.of("storage.buckets.get"))


@pytest.mark.parametrize("seconds", [2**63 - 1, -(2**63), 10**12])
async def test_durations_that_nothing_can_hold_are_refused(gateway, seconds):
    job = batch_job(max_queue_duration=duration_pb2.Duration(seconds=seconds))
    refused = await refusal(gateway.caller("ranking").create(job))
    assert set(refused.fields) == {"batch_job.max_queue_duration"}


@pytest.mark.parametrize("value", [float("nan"), float("inf"), "a\0b"])
async def test_parameters_that_json_or_the_store_cannot_hold_are_refused(gateway, value):
    parameters = struct_pb2.Struct()
    parameters.update({"p": value})
    refused = await refusal(gateway.caller("ranking").create(batch_job(model_parameters=parameters)))
    assert set(refused.fields) == {"batch_job.model_parameters"}


async def test_policy_violations_are_all_in_one_answer_and_tell_nothing_of_what_exists(gateway):
    """The guard against a confused deputy: the gateway could read team search's bucket, team ranking may not."""

    async def answer(source: str):
        job = batch_job(
            model="claude", region="asia-east1", gcs_source=gcs(source), gcs_destination=to("gs://elsewhere/x")
        )
        return await refusal(gateway.caller("ranking").create(job))

    exists, missing = await answer("gs://search-in/rows.jsonl"), await answer("gs://search-nope/rows.jsonl")
    assert (exists.code, exists.reason) == ("PERMISSION_DENIED", "POLICY_VIOLATION")
    assert (
        exists.fields
        == missing.fields
        == {
            "batch_job.model": {"MODEL_NOT_ALLOWED"},
            "batch_job.region": {"REGION_NOT_ALLOWED"},
            "batch_job.gcs_source.uri": {"URI_NOT_ALLOWED"},
            "batch_job.gcs_destination.output_uri_prefix": {"URI_NOT_ALLOWED"},
        }
    )
    assert not list(gateway.emulator.calls.of("storage.buckets.get"))


async def test_a_job_in_the_wrong_region_is_refused_with_both_places(gateway):
    refused = await refusal(gateway.caller("ranking").create(batch_job(region="europe-west4")))
    assert (refused.code, refused.reason) == ("FAILED_PRECONDITION", "REGION_MISMATCH")
    text = " ".join(refused.subjects.values())
    assert "us-central1" in text.lower()
    assert "europe-west4" in text


async def test_without_a_region_the_only_one_that_fits_is_taken(gateway):
    job = batch_job(gcs_source=gcs("gs://search-in/rows.jsonl"), gcs_destination=to("gs://search-out/x"), region=None)
    created = await gateway.caller("search").create(job)
    assert (created.region, created.effective_region) == ("", "europe-west4")


async def test_a_missing_source_is_refused_early(gateway):
    refused = await refusal(gateway.caller("ranking").create(batch_job(gcs_source=gcs("gs://ranking-in/nope.jsonl"))))
    assert (refused.code, refused.reason) == ("FAILED_PRECONDITION", "SOURCE_NOT_FOUND")
    assert set(refused.subjects) == {"gs://ranking-in/nope.jsonl"}


async def test_a_location_service_that_is_down_is_unavailable_and_says_when_to_come_again(start_gateway):
    gateway = await start_gateway(role="api", location_deadline="300ms")
    gateway.emulator.faults.add(Fault("storage.objects.get", FaultKind.STATUS, code="503", times=None))
    refused = await refusal(gateway.caller("ranking").create())
    assert (refused.code, refused.reason) == ("UNAVAILABLE", "LOCATION_UNAVAILABLE")
    assert refused.retry_after > timedelta(0)
    assert refused.pushback > 0


async def test_a_quota_names_itself_its_limit_and_its_use(start_gateway):
    gateway = await start_gateway(role="api")
    await gateway.set_policy(lambda policy: policy["defaults"]["quotas"].update(queued_jobs=2))
    caller = gateway.caller("ranking")
    await caller.create()
    await caller.create()
    refused = await refusal(caller.create())
    assert (refused.code, refused.reason) == ("RESOURCE_EXHAUSTED", "QUOTA_EXCEEDED")
    [violation] = refused.details["QuotaFailure"].violations
    assert (violation.subject, violation.quota_id, violation.quota_value) == ("teams/ranking", "queued_jobs", 2)
    assert violation.quota_dimensions["used"] == "2"
    assert refused.retry_after
    assert refused.pushback > 0


async def test_a_shadow_quota_lets_through_and_counts(gateway):
    quota = {"jobs_per_day": {"limit": 1, "mode": "shadow"}}
    await gateway.set_policy(lambda policy: policy["teams"]["ranking"].update(quotas=quota))
    for _ in range(3):
        await gateway.caller("ranking").create()
    assert set(admissions(gateway)) == {
        'batchjobs_admissions_total{decision="admitted",reason="",team="ranking"} 3.0',
        'batchjobs_admissions_total{decision="would_refuse",reason="jobs_per_day",team="ranking"} 2.0',
    }


async def test_a_refusal_is_counted_with_its_reason(gateway):
    await refusal(gateway.caller("ranking").create(batch_job(region="europe-west4")))
    await refusal(gateway.caller("stranger").create())
    assert set(admissions(gateway)) == {
        'batchjobs_admissions_total{decision="refused",reason="REGION_MISMATCH",team="ranking"} 1.0',
        'batchjobs_admissions_total{decision="refused",reason="TEAM_FORBIDDEN",team="unknown"} 1.0',
    }


async def test_validate_only_runs_every_check_and_records_nothing(gateway):
    caller = gateway.caller("ranking")
    job = await caller.create(validate_only=True, request_id="once")
    assert (job.name, job.state, job.effective_region) == ("", State.QUEUED, "us-central1")
    refused = await refusal(caller.create(batch_job(region="europe-west4"), validate_only=True))
    assert refused.reason == "REGION_MISMATCH"
    assert not (await caller.list()).batch_jobs
    assert (await caller.create(request_id="once")).name


async def test_the_same_request_id_answers_the_same_batch_job_even_when_the_bucket_has_gone(gateway):
    caller = gateway.caller("ranking")
    first = await caller.create(request_id="nightly")
    await asyncio.to_thread((gateway.emulator.buckets.root / "ranking-in" / "rows.jsonl").unlink)
    gateway.emulator.faults.add(Fault("storage.*", FaultKind.STATUS, code="503", times=None))
    again = await caller.create(request_id="nightly")
    assert again.name == first.name
    assert len((await caller.list()).batch_jobs) == 1


async def test_the_same_request_id_with_other_content_is_refused(gateway):
    caller = gateway.caller("ranking")
    first = await caller.create(request_id="nightly")
    refused = await refusal(caller.create(batch_job(priority=99), request_id="nightly"))
    assert (refused.code, refused.reason) == ("ALREADY_EXISTS", "REQUEST_ID_REUSED")
    assert refused.details["ResourceInfo"].resource_name == first.name


async def test_a_request_id_used_at_once_by_many_makes_one(gateway):
    caller = gateway.caller("ranking")
    jobs = await asyncio.gather(*(caller.create(request_id="same") for _ in range(12)))
    assert len({job.name for job in jobs}) == 1


async def test_a_request_id_belongs_to_its_team(gateway):
    ranking = await gateway.caller("ranking").create(request_id="nightly")
    job = batch_job(gcs_source=gcs("gs://search-in/rows.jsonl"), gcs_destination=to("gs://search-out/x"), region=None)
    search = await gateway.caller("search").create(job, request_id="nightly")
    assert ranking.name != search.name


async def test_an_accepted_create_whose_caller_went_away_is_not_lost(gateway, monkeypatch):
    """The deadline passes between the commit and the answer: a retry under the request_id finds the batch job."""
    caller = gateway.caller("ranking")
    explained = asyncio.Event()

    async def slow_view(*_args):
        explained.set()
        await asyncio.Event().wait()

    create = gateway.app.use_cases.create
    with monkeypatch.context() as patch:
        patch.setattr(create, "_view", slow_view)
        call = asyncio.ensure_future(caller.create(request_id="kept"))
        await explained.wait()
        call.cancel()
        await asyncio.gather(call, return_exceptions=True)
    [kept] = (await caller.list()).batch_jobs
    assert (await caller.create(request_id="kept")).name == kept.name


async def test_what_is_recorded_is_answered_ok_even_where_nobody_can_say_why_it_waits(gateway, monkeypatch):
    async def away(_job):
        raise GatewayError(Reason.STORE_UNAVAILABLE, "It is away.")

    monkeypatch.setattr(gateway.app.use_cases.create._explainer, "view", away)
    job = await gateway.caller("ranking").create()
    assert (job.state, job.HasField("waiting")) == (State.QUEUED, False)


async def test_a_deadline_shorter_than_the_work_loses_and_doubles_nothing(gateway):
    """The create waits for its team's lock when its caller's time is up; whatever became of it, there is one."""
    caller = gateway.caller("ranking")
    first = await caller.create(request_id="first")
    async with team_lock(gateway.database_url) as lock:
        request = pb.CreateBatchJobRequest(parent="teams/ranking", batch_job=batch_job(), request_id="late")
        call = asyncio.ensure_future(caller.call("CreateBatchJob", request, timeout=1.5))
        await lock.until_blocked()
        assert (await refusal(call)).code == "DEADLINE_EXCEEDED"
    late = await caller.create(request_id="late")
    names = [job.name for job in (await caller.list()).batch_jobs]
    assert names == [late.name, first.name]


async def test_an_operator_and_a_stranger_may_not_create(gateway):
    operator = await refusal(gateway.caller("operator", "ranking").create())
    assert (operator.code, operator.reason) == ("PERMISSION_DENIED", "ROLE_FORBIDDEN")
    stranger = await refusal(gateway.caller("search", "ranking").create())
    assert (stranger.code, stranger.reason) == ("PERMISSION_DENIED", "TEAM_FORBIDDEN")
