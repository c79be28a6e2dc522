"""Where a batch job may run that reads from BigQuery or writes to it: real look-ups in datasets of every kind."""

import asyncio
import json
from dataclasses import replace
from datetime import timedelta

import pytest

from admission.samples import DATASETS, GLOBAL, NL, POLICY, SIZE, TEAM, TYPES, US, a_spec
from gateway.admission.place import MAX_SOURCE_ROWS
from gateway.errors import GatewayError, Reason
from gateway.policy.model import GlobalBigQuery
from vertex_emulator import Fault, FaultKind

ALLOWING = replace(TEAM, pools=(US, NL, GLOBAL), global_bigquery=GlobalBigQuery.ALLOW)
REFUSING = replace(TEAM, pools=(US, NL, GLOBAL))


def table(dataset, name="rows"):
    return f"bq://corp-ranking.{dataset}.{name}"


def at(source, destination=None, **changes):
    """A spec that reads a table of one dataset and writes one that is not there yet in another."""
    return a_spec(table(source), table(destination or source, "results"), **changes)


async def refusal(placer, spec, team=TEAM):
    with pytest.raises(GatewayError) as caught:
        await placer.place(POLICY, team, spec)
    return caught.value


def told(error):
    return {(violation.type, violation.subject) for violation in error.details}


async def test_a_batch_job_is_bound_to_the_pool_of_its_datasets_with_the_size_of_its_table(placer):
    placement = await placer.place(POLICY, TEAM, at("europe_west4", region="europe-west4"))
    assert (placement.pool, placement.region, placement.source_bytes) == (NL, "europe-west4", 3 * SIZE)


@pytest.mark.parametrize(
    ("source", "destination", "pool"),
    [
        (table("us_central1"), table("us_central1", "results"), US),
        (table("europe_west4"), table("europe_west4", "results"), NL),
        (table("us_central1"), "gs://ranking-us-central1/out", US),
        (table("us_central1"), "gs://ranking-us/out", US),
        ("gs://ranking-eu/rows.jsonl", table("europe_west4", "results"), NL),
        ("gs://ranking-nam4/rows.jsonl", table("us_central1", "results"), US),
    ],
)
async def test_the_region_follows_from_sources_and_destinations_of_either_kind(placer, source, destination, pool):
    assert (await placer.place(POLICY, TEAM, a_spec(source, destination))).pool == pool


async def test_a_dataset_fits_nothing_but_its_own_region(placer):
    """Unlike a bucket, which may lie in a place that holds the region."""
    for dataset in set(DATASETS) - {"closed"}:
        placed = placer.place(POLICY, TEAM, at(dataset, region="us-central1"))
        (outcome,) = await asyncio.gather(placed, return_exceptions=True)
        if dataset == "us_central1":
            assert outcome.pool == US
        else:
            assert outcome.reason is Reason.REGION_MISMATCH, (dataset, outcome)


async def test_a_wrong_region_names_both_places_and_the_way_out_for_source_and_destination(placer):
    error = await refusal(placer, at("europe_west4", region="us-central1"))
    assert error.reason is Reason.REGION_MISMATCH
    assert told(error) == {
        ("REGION_MISMATCH", table("europe_west4")),
        ("REGION_MISMATCH", table("europe_west4", "results")),
    }
    for violation in error.details:
        assert "is in europe-west4, but the batch job would run in us-central1" in violation.description
        assert "Set region to europe-west4, or use a dataset in us-central1." in violation.description


@pytest.mark.parametrize("dataset", ["us", "eu"])
async def test_a_multi_region_is_refused_saying_so_with_a_region_and_without(placer, dataset):
    for region in ("us-central1", ""):
        error = await refusal(placer, at(dataset, region=region))
        assert error.reason is Reason.REGION_MISMATCH
        for violation in error.details:
            assert f"is in the multi-region {dataset.upper()}" in violation.description
            assert "does not take BigQuery datasets in a multi-region" in violation.description


async def test_a_bucket_that_fits_does_not_make_up_for_a_dataset_that_does_not(placer):
    error = await refusal(placer, a_spec(table("us_east1"), "gs://ranking-us/out", region="us-central1"))
    assert told(error) == {("REGION_MISMATCH", table("us_east1"))}
    backward = a_spec("gs://ranking-us/rows.jsonl", table("us_east1", "results"), region="us-central1")
    assert told(await refusal(placer, backward)) == {("REGION_MISMATCH", table("us_east1", "results"))}


async def test_source_and_destination_in_two_regions_fit_none_together(placer):
    error = await refusal(placer, at("us_central1", "europe_west4"))
    assert {violation.type for violation in error.details} == {"REGION_MISMATCH"}
    assert "which fits us-central1 of the team's regions" in error.details[0].description


@pytest.mark.parametrize("name", TYPES)
async def test_what_is_no_table_is_refused_as_it_may_read_other_peoples_rows(placer, name):
    spec = a_spec(table("us_central1", name), table("us_central1", "results"))
    error = await refusal(placer, spec)
    assert error.reason is Reason.SOURCE_NOT_A_TABLE
    assert told(error) == {("SOURCE_NOT_A_TABLE", spec.source_uri)}
    words = {
        "view": "a view",
        "kept": "a materialized view",
        "sheet": "an external table",
        "frozen": "a table snapshot",
    }
    assert f"is {words[name]}, not a table" in error.message


async def test_a_table_that_does_not_exist_is_named_and_a_missing_dataset_once(placer):
    missing_table = await refusal(placer, a_spec(table("us_central1", "none"), table("us_central1", "results")))
    assert told(missing_table) == {("SOURCE_NOT_FOUND", table("us_central1", "none"))}
    missing_dataset = await refusal(placer, a_spec(table("none"), table("us_central1", "results")))
    assert told(missing_dataset) == {("SOURCE_NOT_FOUND", "bq://corp-ranking.none")}


async def test_a_source_that_may_not_be_read_says_what_to_grant(placer):
    error = await refusal(placer, at("closed", "us_central1"))
    assert told(error) == {("SOURCE_NOT_READABLE", "bq://corp-ranking.closed")}
    assert "bigquery.datasets.get and bigquery.tables.get" in error.message


@pytest.mark.parametrize("dataset", ["none", "closed"])
async def test_a_destination_dataset_that_is_not_there_or_not_seen_is_named(placer, dataset):
    error = await refusal(placer, at("us_central1", dataset))
    assert error.reason is Reason.DESTINATION_NOT_FOUND
    assert told(error) == {("DESTINATION_NOT_FOUND", f"bq://corp-ranking.{dataset}")}
    assert "dataset" in error.message


async def test_the_destination_table_need_not_exist_and_is_not_looked_at(placer, emulator):
    await placer.place(POLICY, TEAM, at("us_central1"))
    assert [call.request["table"] for call in emulator.calls.of("bigquery.tables.get")] == ["rows"]


async def test_a_table_of_the_most_rows_passes_and_one_row_more_does_not(placer, tables, monkeypatch):
    assert MAX_SOURCE_ROWS == 200_000
    monkeypatch.setattr("gateway.admission.place.MAX_SOURCE_ROWS", SIZE)
    await placer.place(POLICY, TEAM, at("us_central1"))
    path = tables / "corp-ranking" / "us_central1" / "rows.jsonl"
    path.write_text("{}\n" * (SIZE + 1))
    error = await refusal(placer, at("us_central1"))
    assert error.reason is Reason.SOURCE_TOO_LARGE
    assert f"has {SIZE + 1} rows; Vertex AI takes at most {SIZE}" in error.message


async def test_the_limit_of_one_gigabyte_is_not_a_tables(placer, monkeypatch):
    monkeypatch.setattr("gateway.admission.place.MAX_SOURCE_BYTES", 1)
    assert (await placer.place(POLICY, TEAM, at("us_central1"))).pool == US


async def test_a_view_in_the_wrong_place_is_told_to_be_both(placer):
    spec = a_spec(table("us_central1", "view"), table("europe_west4", "results"), region="europe-west4")
    assert {violation.type for violation in (await refusal(placer, spec)).details} == {
        "SOURCE_NOT_A_TABLE",
        "REGION_MISMATCH",
    }


async def test_global_refuses_bigquery_unless_the_policy_allows_it(placer):
    error = await refusal(placer, at("us_central1", region="global"), REFUSING)
    assert error.reason is Reason.REGION_MISMATCH
    assert "global_bigquery" in error.message
    assert "Set region to us-central1" in error.message
    assert (await placer.place(POLICY, ALLOWING, at("us_central1", region="global"))).pool == GLOBAL


async def test_where_global_is_allowed_datasets_may_lie_anywhere(placer):
    assert (await placer.place(POLICY, ALLOWING, at("us", "europe_west4", region="global"))).pool == GLOBAL
    assert (await placer.place(POLICY, ALLOWING, at("us"))).pool == GLOBAL


async def test_a_refused_global_is_not_inferred_and_an_allowed_one_asks(placer):
    assert (await placer.place(POLICY, REFUSING, at("us_central1"))).pool == US
    error = await refusal(placer, at("us_central1"), ALLOWING)
    assert [(v.field, v.reason) for v in error.details] == [("batch_job.region", "REGION_AMBIGUOUS")]
    assert "us-central1 or global" in error.message


async def test_cloud_storage_does_not_ask_bigquery_nor_the_other_way_round(placer, emulator):
    await placer.place(POLICY, TEAM, a_spec("gs://ranking-us-central1/rows.jsonl", "gs://ranking-us-central1/out"))
    assert {call.method.partition(".")[0] for call in emulator.calls} == {"storage"}
    emulator.calls.clear()
    await placer.place(POLICY, TEAM, at("us_central1"))
    assert {call.method.partition(".")[0] for call in emulator.calls} == {"bigquery"}


@pytest.fixture
async def hasty(connect):
    """A place check whose look-ups give up at once, as the service is down for good."""
    return await connect(deadline=timedelta(milliseconds=300))


@pytest.mark.parametrize("route", ["bigquery.datasets.get", "bigquery.tables.get"])
async def test_what_cannot_be_looked_up_now_is_unavailable_and_not_a_guess(hasty, emulator, route):
    emulator.faults.add(Fault(route, FaultKind.STATUS, code="503", times=None))
    error = await refusal(hasty, at("us_central1", region="us-central1"))
    assert error.reason is Reason.LOCATION_UNAVAILABLE
    assert error.retry_after > timedelta(0)


async def test_a_view_is_told_although_its_datasets_place_is_not_known(hasty, emulator):
    emulator.faults.add(Fault("bigquery.datasets.get", FaultKind.HANG, times=None))
    error = await refusal(hasty, a_spec(table("us_central1", "view"), table("us_central1", "results")))
    assert error.reason is Reason.SOURCE_NOT_A_TABLE


async def test_the_look_ups_of_one_create_run_at_the_same_time(placer, emulator):
    for route in ("bigquery.datasets.get", "bigquery.tables.get"):
        emulator.faults.add(Fault(route, FaultKind.DELAY, seconds=30, times=None))
    spec = a_spec(table("us_central1"), table("us_east1", "results"), region="us-central1")
    placing = asyncio.create_task(refusal(placer, spec))
    await emulator.calls.wait_for(lambda call: call.method.startswith("bigquery."), count=3)
    await emulator.driven_clock.advance(30)
    assert (await placing).reason is Reason.REGION_MISMATCH


async def test_a_table_of_a_project_of_a_domain_is_placed(placer, tables):
    folder = tables / "example.com:old" / "d"
    folder.mkdir(parents=True)
    (folder / "rows.jsonl").write_text(json.dumps({"request": {}}))
    spec = a_spec("bq://example.com:old.d.rows", "bq://example.com:old.d.results")
    assert (await placer.place(POLICY, TEAM, spec)).pool == US
