"""Batch jobs over BigQuery, from the create over gRPC to the rows of the output table."""

import asyncio

import pytest
from google.auth.credentials import AnonymousCredentials
from google.cloud import bigquery

from batchjobs.v1 import batch_jobs_pb2 as pb
from support.caller import State, batch_job, refusal
from vertex_emulator import Fault, FaultKind

QUICK = {"dispatch_interval": "200ms", "poll_interval": "200ms", "gauges_interval": "200ms"}
EMULATOR = {"pending_seconds": 0.2, "run_seconds": 0.2}
SOURCE = "bq://corp-ml.ranking_in.rows"
RESULTS = "bq://corp-ml.ranking_out.results"


def over_tables(source: str = SOURCE, destination: str = RESULTS, **changes) -> pb.BatchJob:
    tables = {
        "gcs_source": None,
        "gcs_destination": None,
        "bigquery_source": pb.BigQuerySource(table=source),
        "bigquery_destination": pb.BigQueryDestination(table=destination),
        "region": None,
    }
    return batch_job(**{**tables, **changes})


@pytest.fixture
async def running(start_gateway):
    """A gateway that leads."""
    return await start_gateway(emulator=EMULATOR, **QUICK)


async def rows_of(gateway, table: str) -> list[dict]:
    def read() -> list[dict]:
        options = {"api_endpoint": gateway.emulator.bigquery_url}
        client = bigquery.Client("corp-ml", AnonymousCredentials(), client_options=options)
        try:
            return [dict(row) for row in client.list_rows(table.removeprefix("bq://"))]
        finally:
            client.close()

    return await asyncio.to_thread(read)


async def test_a_batch_job_over_tables_runs_to_its_end_and_its_output_table_is_made(running):
    caller = running.caller("ranking")
    created = await caller.create(over_tables())
    assert (created.state, created.effective_region, created.pool) == (
        State.QUEUED,
        "us-central1",
        "corp-ml/us-central1",
    )
    assert (created.bigquery_source.table, created.bigquery_destination.table) == (SOURCE, RESULTS)
    ended = await caller.watch(created.name).until(State.SUCCEEDED)
    assert ended.rows.succeeded == 3
    assert ended.output.bigquery_table == RESULTS
    assert not ended.output.gcs_directory
    rows = await rows_of(running, ended.output.bigquery_table)
    assert sorted(row["id"] for row in rows) == [0, 1, 2]
    assert all(row["response"]["candidates"] and row["status"] == "" for row in rows)
    [create] = running.emulator.calls.of("CreateBatchPredictionJob")
    wanted = create.request.batch_prediction_job
    assert wanted.input_config.instances_format == wanted.output_config.predictions_format == "bigquery"
    assert wanted.input_config.bigquery_source.input_uri == SOURCE


async def test_source_and_destination_may_be_of_different_kinds(running):
    caller = running.caller("ranking")
    to_bucket = pb.GcsDestination(output_uri_prefix="gs://ranking-out/from-a-table")
    from_table = await caller.create(over_tables(bigquery_destination=None, gcs_destination=to_bucket))
    to_table = await caller.create(
        over_tables(bigquery_source=None, gcs_source=pb.GcsSource(uri="gs://ranking-in/rows.jsonl"))
    )
    ended = await caller.watch(from_table.name).until(State.SUCCEEDED)
    folder = running.emulator.buckets.root / ended.output.gcs_directory.removeprefix("gs://")
    assert len((folder / "predictions.jsonl").read_text().splitlines()) == 3
    ended = await caller.watch(to_table.name).until(State.SUCCEEDED)
    assert len(await rows_of(running, ended.output.bigquery_table)) == 3


async def test_what_goes_wrong_with_a_table_after_the_create_is_told_in_vertexs_words(running):
    """The table goes between create and run."""
    caller = running.caller("ranking")
    created = await caller.create(over_tables())
    running.table_path("corp-ml.ranking_in.rows").unlink()
    failed = await caller.watch(created.name).until(State.FAILED)
    assert failed.error.code == 3
    assert "Not found: Table corp-ml:ranking_in.rows" in failed.error.message


@pytest.mark.parametrize(
    ("source", "reason", "subject", "words"),
    [
        ("ranking_europe.rows", "REGION_MISMATCH", "ranking_europe.rows", ("europe-west4", "us-central1")),
        ("ranking_multi.rows", "REGION_MISMATCH", "ranking_multi.rows", ("multi-region US", "us-central1")),
        ("ranking_in.recent", "SOURCE_NOT_A_TABLE", "ranking_in.recent", ("is a view",)),
        ("ranking_in.sheet", "SOURCE_NOT_A_TABLE", "ranking_in.sheet", ("is an external table",)),
        ("ranking_in.none", "SOURCE_NOT_FOUND", "ranking_in.none", ("does not exist",)),
        ("ranking_none.rows", "SOURCE_NOT_FOUND", "ranking_none", ("does not exist",)),
        ("ranking_closed.rows", "SOURCE_NOT_READABLE", "ranking_closed", ("bigquery.tables.get",)),
    ],
)
async def test_a_source_that_vertex_would_refuse_hours_later_is_refused_at_create(
    gateway, source, reason, subject, words
):
    refused = await refusal(
        gateway.caller("ranking").create(over_tables(f"bq://corp-ml.{source}", region="us-central1"))
    )
    assert (refused.code, refused.reason) == ("FAILED_PRECONDITION", reason)
    sentence = refused.subjects[f"bq://corp-ml.{subject}"]
    assert all(word in sentence for word in words), sentence
    assert refused.retry_after is None


@pytest.mark.parametrize(
    ("destination", "reason", "subject"),
    [
        ("ranking_europe.out", "REGION_MISMATCH", "ranking_europe.out"),
        ("ranking_multi.out", "REGION_MISMATCH", "ranking_multi.out"),
        ("ranking_none.out", "DESTINATION_NOT_FOUND", "ranking_none"),
        ("ranking_closed.out", "DESTINATION_NOT_FOUND", "ranking_closed"),
    ],
)
async def test_a_destination_dataset_that_will_not_do_is_refused_at_create(gateway, destination, reason, subject):
    job = over_tables(destination=f"bq://corp-ml.{destination}", region="us-central1")
    refused = await refusal(gateway.caller("ranking").create(job))
    assert (refused.code, refused.reason) == ("FAILED_PRECONDITION", reason)
    assert set(refused.subjects) == {f"bq://corp-ml.{subject}"}


async def test_everything_that_is_wrong_with_the_places_is_in_one_answer(gateway):
    job = over_tables("bq://corp-ml.ranking_in.recent", "bq://corp-ml.ranking_none.out", region="europe-west4")
    refused = await refusal(gateway.caller("ranking").create(job))
    assert refused.reason == "SOURCE_NOT_A_TABLE"
    kinds = [violation.type for violation in refused.details["PreconditionFailure"].violations]
    assert kinds == ["SOURCE_NOT_A_TABLE", "DESTINATION_NOT_FOUND", "REGION_MISMATCH"]


MALFORMED = [
    ("bq://corp-ml.ranking_in", "TABLE_FORM"),
    ("bq://corp-ml:ranking_in.rows", "TABLE_FORM"),
    ("corp-ml.ranking_in.rows", "URI_SCHEME"),
    ("bq://corp-ml.ranking_in.rows_*", "URI_WILDCARD"),
    ("bq://`corp-ml.ranking_in.rows`", "URI_CHARACTER"),
    ("bq://corp-ml.ranking_in.rows$20260101", "TABLE_NAME"),
    ("bq://corp-ml.ranking_in.rows@-3600000", "TABLE_NAME"),
]


@pytest.mark.parametrize(("uri", "reason"), MALFORMED)
async def test_a_malformed_table_is_refused_by_its_field_before_anything_is_looked_up(gateway, uri, reason):
    refused = await refusal(gateway.caller("ranking").create(over_tables(uri, uri)))
    assert (refused.code, refused.reason) == ("INVALID_ARGUMENT", "INVALID_SPEC")
    assert refused.fields == {
        "batch_job.bigquery_source.table": {reason},
        "batch_job.bigquery_destination.table": {reason},
    }
    assert not list(gateway.emulator.calls)


async def test_another_teams_table_is_refused_whether_or_not_it_exists(gateway):
    async def answer(dataset: str):
        job = over_tables(f"bq://corp-ml.{dataset}.rows", f"bq://corp-ml.{dataset}.out")
        return await refusal(gateway.caller("search").create(job))

    exists, missing = await answer("ranking_in"), await answer("ranking_none")
    assert (exists.code, exists.reason) == ("PERMISSION_DENIED", "POLICY_VIOLATION")
    assert (
        exists.fields
        == missing.fields
        == {
            "batch_job.bigquery_source.table": {"URI_NOT_ALLOWED"},
            "batch_job.bigquery_destination.table": {"URI_NOT_ALLOWED"},
        }
    )
    assert not list(gateway.emulator.calls)


async def test_the_region_follows_from_the_datasets(gateway):
    europe = over_tables("bq://corp-ml.ranking_europe.rows", "bq://corp-ml.ranking_europe.out")
    assert (await gateway.caller("ranking").create(europe)).effective_region == "europe-west4"
    refused = await refusal(gateway.caller("ranking").create(over_tables("bq://corp-ml.ranking_multi.rows")))
    assert refused.reason == "REGION_MISMATCH"
    assert "multi-region US" in refused.message


async def test_bigquery_at_global_is_the_policys_choice(start_gateway):
    gateway = await start_gateway(role="api")
    await gateway.set_policy(
        lambda policy: policy["pools"].append({"project": "corp-ml", "region": "global", "capacity": 1})
    )
    caller = gateway.caller("ranking")
    refused = await refusal(caller.create(over_tables(region="global")))
    assert (refused.code, refused.reason) == ("FAILED_PRECONDITION", "REGION_MISMATCH")
    assert "global_bigquery" in refused.message
    await gateway.set_policy(lambda policy: policy["teams"]["ranking"].update(global_bigquery="allow"))
    assert (await caller.create(over_tables(region="global"))).pool == "corp-ml/global"


async def test_a_bigquery_that_is_down_is_unavailable_and_says_when_to_come_again(start_gateway):
    gateway = await start_gateway(role="api", location_deadline="2s")
    gateway.emulator.faults.add(Fault("bigquery.*", FaultKind.STATUS, code="503", times=None))
    refused = await refusal(gateway.caller("ranking").create(over_tables()))
    assert (refused.code, refused.reason) == ("UNAVAILABLE", "LOCATION_UNAVAILABLE")
    assert refused.retry_after
    assert refused.pushback > 0


async def test_a_policy_that_names_tables_later_serves_them_at_once(start_gateway):
    """The client is loaded by the first create that needs it."""
    gateway = await start_gateway(role="api")
    await gateway.set_policy(
        lambda policy: policy["teams"]["search"].update(
            sources=["bq://corp-ml.ranking_in.*"], destinations=["bq://corp-ml.ranking_out.*"]
        )
    )
    assert (await gateway.caller("search").create(over_tables())).state == State.QUEUED


async def test_look_ups_are_counted_by_kind_and_result(gateway):
    caller = gateway.caller("ranking")
    for _ in range(2):
        await caller.create(over_tables())
    text = gateway.metrics()
    assert 'batchjobs_location_lookups_total{kind="table",result="found"} 2.0' in text
    assert 'batchjobs_location_lookups_total{kind="dataset",result="found"} 2.0' in text
    assert 'batchjobs_location_lookups_total{kind="dataset",result="cached"} 2.0' in text


async def test_the_same_request_id_answers_the_same_batch_job_even_when_the_table_has_gone(gateway):
    caller = gateway.caller("ranking")
    first = await caller.create(over_tables(), request_id="nightly")
    gateway.table_path("corp-ml.ranking_in.rows").unlink()
    assert (await caller.create(over_tables(), request_id="nightly")).name == first.name
    refused = await refusal(caller.create(over_tables(), request_id="another"))
    assert refused.reason == "SOURCE_NOT_FOUND"


async def test_a_batch_job_over_tables_whose_answer_is_lost_is_found_again_by_its_tables(running):
    fault = Fault("CreateBatchPredictionJob", FaultKind.DROP_ANSWER, labels={"batchjobs_team": "ranking"})
    running.emulator.faults.add(fault)
    caller = running.caller("ranking")
    ended = await caller.watch((await caller.create(over_tables())).name).until(State.SUCCEEDED)
    assert "ADOPTED" in [entry.reason for entry in ended.transitions]
    assert len(running.emulator.calls.of("CreateBatchPredictionJob")) == 1
    assert len(await rows_of(running, RESULTS)) == 3
