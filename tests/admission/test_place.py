"""Where a batch job may run: real look-ups against buckets of every kind."""

import asyncio
from dataclasses import replace
from datetime import timedelta

import pytest

from admission.samples import GLOBAL, LOCATIONS, NL, POLICY, SIZE, TEAM, UK, US, US_B, a_spec
from gateway.admission.place import MAX_SOURCE_BYTES
from gateway.domain.places import RegionMatch
from gateway.errors import GatewayError, Reason
from vertex_emulator import Fault, FaultKind


def at(source, destination=None, **changes):
    """A spec that reads from one place and writes to another."""
    return a_spec(f"gs://ranking-{source}/rows.jsonl", f"gs://ranking-{destination or source}/out", **changes)


async def refusal(placer, spec, team=TEAM):
    with pytest.raises(GatewayError) as caught:
        await placer.place(POLICY, team, spec)
    return caught.value


def told(error):
    return {(violation.type, violation.subject) for violation in error.details}


async def test_a_batch_job_is_bound_to_the_pool_of_its_region_with_the_size_of_its_input(placer):
    placement = await placer.place(POLICY, TEAM, at("us-central1", region="us-central1"))
    assert (placement.pool, placement.region, placement.source_bytes) == (US, "us-central1", SIZE)


async def test_of_several_pools_in_the_region_the_teams_first_is_taken(placer):
    spec = at("us-central1", region="us-central1")
    assert (await placer.place(POLICY, replace(TEAM, pools=(NL, US_B, US)), spec)).pool == US_B
    assert (await placer.place(POLICY, replace(TEAM, pools=(US, US_B)), spec)).pool == US


async def test_a_project_in_the_models_name_chooses_among_the_pools_of_the_region(placer):
    model = "projects/corp-ml-b/locations/us-central1/models/1"
    team = replace(TEAM, pools=(US, US_B))
    assert (await placer.place(POLICY, team, at("us-central1", model=model))).pool == US_B


@pytest.mark.parametrize(
    ("source", "destination", "pool"),
    [
        ("us-central1", "us-central1", US),
        ("us", "us-central1", US),
        ("us", "nam4", US),
        ("pair", "us", US),
        ("europe-west4", "eu", NL),
        ("eur4", "eu", NL),
        ("eu", "eu", NL),
    ],
)
async def test_without_a_region_the_only_one_that_both_fit_is_taken(placer, source, destination, pool):
    placement = await placer.place(POLICY, TEAM, at(source, destination))
    assert (placement.pool, placement.region) == (pool, pool.region)


async def test_where_several_regions_fit_the_caller_is_asked_and_told_which(placer):
    error = await refusal(placer, at("us-central1"), replace(TEAM, pools=(US, GLOBAL, NL)))
    assert error.reason is Reason.INVALID_SPEC
    assert [(v.field, v.reason) for v in error.details] == [("batch_job.region", "REGION_AMBIGUOUS")]
    assert "us-central1 or global" in error.message


async def test_two_pools_of_one_region_are_no_choice_of_regions(placer):
    assert (await placer.place(POLICY, replace(TEAM, pools=(US_B, US)), at("us-central1"))).pool == US_B


async def test_where_no_region_fits_both_each_place_is_named_with_what_it_fits(placer):
    error = await refusal(placer, at("us-central1", "europe-west4"))
    assert error.reason is Reason.REGION_MISMATCH
    source, destination = error.details
    assert (source.subject, destination.subject) == (
        "gs://ranking-us-central1/rows.jsonl",
        "gs://ranking-europe-west4/out",
    )
    assert "is in us-central1, which fits us-central1 of the team's regions us-central1, europe-west4" in (
        source.description
    )
    assert "is in europe-west4, which fits europe-west4 of" in destination.description


async def test_a_bucket_that_fits_no_region_of_the_team_is_said_to_fit_none(placer):
    error = await refusal(placer, at("asia"))
    assert "is in the multi-region ASIA, which fits none of the team's regions" in error.message


async def test_a_wrong_region_names_both_places_and_the_way_out_for_source_and_destination(placer):
    error = await refusal(placer, at("eu", "europe-west4", region="us-central1"))
    assert error.reason is Reason.REGION_MISMATCH
    assert told(error) == {
        ("REGION_MISMATCH", "gs://ranking-eu/rows.jsonl"),
        ("REGION_MISMATCH", "gs://ranking-europe-west4/out"),
    }
    source, destination = (violation.description for violation in error.details)
    assert source.startswith(
        "gs://ranking-eu/rows.jsonl is in the multi-region EU, but the batch job would run in us-central1. "
        "Set region to europe-west4"
    )
    assert "is in europe-west4, but the batch job would run in us-central1" in destination


async def test_a_region_that_only_one_of_the_two_fits_is_not_offered_as_the_way_out(placer):
    error = await refusal(placer, at("us-central1", "europe-west4", region="us-central1"))
    (violation,) = error.details
    assert violation.subject == "gs://ranking-europe-west4/out"
    assert "Set region" not in violation.description


@pytest.mark.parametrize("bucket", ["eu", "eur5", "europe-west4", "us"])
async def test_london_is_no_place_for_buckets_that_do_not_hold_it(placer, bucket):
    team, spec = replace(TEAM, pools=(UK,)), at(bucket, region="europe-west2")
    if bucket == "eur5":
        assert (await placer.place(POLICY, team, spec)).pool == UK
    else:
        assert (await refusal(placer, spec, team)).reason is Reason.REGION_MISMATCH


# Under the default rule: which of the buckets a job in the region may use.
FITS = {
    "us-central1": {"us-central1", "us", "nam4", "pair"},
    "europe-west4": {"europe-west4", "eu", "eur4"},
    "europe-west2": {"europe-west2", "eur5"},
    "global": {name.removeprefix("ranking-") for name in LOCATIONS} - {"closed"},
}


@pytest.mark.parametrize("region", FITS)
async def test_every_kind_of_bucket_against_regional_and_global_jobs(placer, region):
    team = replace(TEAM, pools=(US, NL, UK, GLOBAL))
    for bucket in FITS["global"]:
        placed = placer.place(POLICY, team, at(bucket, region=region))
        (outcome,) = await asyncio.gather(placed, return_exceptions=True)
        if bucket in FITS[region]:
            assert outcome.region == region
        else:
            assert outcome.reason is Reason.REGION_MISMATCH, (bucket, outcome)


async def test_the_teams_rule_decides_how_a_bucket_must_lie(placer):
    spec = at("us", region="us-central1")
    strict, off = (replace(TEAM, gcs_region_match=match) for match in (RegionMatch.STRICT, RegionMatch.OFF))
    assert (await refusal(placer, spec, strict)).reason is Reason.REGION_MISMATCH
    assert (await placer.place(POLICY, strict, at("us-central1", region="us-central1"))).pool == US
    assert (await placer.place(POLICY, off, at("asia", region="us-central1"))).pool == US


async def test_a_source_that_does_not_exist_is_named(placer):
    error = await refusal(placer, a_spec("gs://ranking-us-central1/none.jsonl", "gs://ranking-us-central1/out"))
    assert error.reason is Reason.SOURCE_NOT_FOUND
    assert told(error) == {("SOURCE_NOT_FOUND", "gs://ranking-us-central1/none.jsonl")}


async def test_a_bucket_that_does_not_exist_is_reported_once_not_again_for_its_object(placer):
    error = await refusal(placer, a_spec("gs://ranking-none/rows.jsonl", "gs://ranking-us-central1/out"))
    assert told(error) == {("SOURCE_NOT_FOUND", "gs://ranking-none")}


async def test_a_source_that_may_not_be_read_says_what_to_grant(placer):
    error = await refusal(placer, at("closed", "us-central1"))
    assert error.reason is Reason.SOURCE_NOT_READABLE
    assert told(error) == {("SOURCE_NOT_READABLE", "gs://ranking-closed")}
    assert "gs://ranking-closed does not exist, or the gateway may not look at it" in str(error.details)
    assert "storage.objects.get" in error.message


@pytest.mark.parametrize("bucket", ["none", "closed"])
async def test_a_destination_bucket_that_is_not_there_or_not_seen_is_named(placer, bucket):
    error = await refusal(placer, at("us-central1", bucket))
    assert error.reason is Reason.DESTINATION_NOT_FOUND
    assert told(error) == {("DESTINATION_NOT_FOUND", f"gs://ranking-{bucket}")}


async def test_an_object_of_the_largest_size_passes_and_one_byte_more_does_not(placer, folder, monkeypatch):
    """The emulator would hash a gigabyte for every look: the bound is moved to the size of the object instead."""
    assert MAX_SOURCE_BYTES == 10**9
    monkeypatch.setattr("gateway.admission.place.MAX_SOURCE_BYTES", SIZE)
    assert (await placer.place(POLICY, TEAM, at("us-central1"))).source_bytes == SIZE
    (folder / "ranking-us-central1" / "rows.jsonl").write_bytes(b"x" * (SIZE + 1))
    error = await refusal(placer, at("us-central1"))
    assert error.reason is Reason.SOURCE_TOO_LARGE
    assert "has 12 bytes; Vertex AI takes at most 11" in error.message


async def test_everything_that_is_wrong_with_the_places_is_told_in_one_answer(placer):
    error = await refusal(placer, at("none", "eu", region="us-central1"))
    assert error.reason is Reason.SOURCE_NOT_FOUND
    assert told(error) == {("SOURCE_NOT_FOUND", "gs://ranking-none"), ("REGION_MISMATCH", "gs://ranking-eu/out")}
    both = await refusal(placer, at("none", "closed"))
    assert told(both) == {("SOURCE_NOT_FOUND", "gs://ranking-none"), ("DESTINATION_NOT_FOUND", "gs://ranking-closed")}


@pytest.fixture
async def hasty(connect):
    """A place check whose look-ups give up at once, as the service is down for good."""
    return await connect(deadline=timedelta(milliseconds=300))


@pytest.mark.parametrize("route", ["storage.buckets.get", "storage.objects.get"])
async def test_what_cannot_be_looked_up_now_is_unavailable_and_not_a_guess(hasty, emulator, route):
    emulator.faults.add(Fault(route, FaultKind.STATUS, code="503", times=None))
    error = await refusal(hasty, at("us-central1", region="us-central1"))
    assert error.reason is Reason.LOCATION_UNAVAILABLE
    assert error.retry_after > timedelta(0)


async def test_what_is_certainly_wrong_is_told_although_the_rest_is_not_known(hasty, emulator):
    emulator.faults.add(
        Fault("storage.buckets.get", FaultKind.HANG, times=None, resource="ranking-us-central1"),
    )
    error = await refusal(hasty, at("us-central1", "none"))
    assert error.reason is Reason.DESTINATION_NOT_FOUND


async def test_the_look_ups_of_one_create_run_at_the_same_time(placer, emulator):
    for route in ("storage.buckets.get", "storage.objects.get"):
        emulator.faults.add(Fault(route, FaultKind.DELAY, seconds=30, times=None))
    placing = asyncio.create_task(placer.place(POLICY, TEAM, at("us", "us-central1")))
    await emulator.calls.wait_for(lambda call: call.method.startswith("storage."), count=3)
    await emulator.driven_clock.advance(30)
    assert (await placing).pool == US


async def test_a_missing_object_is_told_although_its_buckets_place_is_not_known(hasty, emulator):
    fault = Fault("storage.buckets.get", FaultKind.HANG, times=None, resource="ranking-us-central1")
    emulator.faults.add(fault)
    error = await refusal(hasty, a_spec("gs://ranking-us-central1/none.jsonl", "gs://ranking-us/out"))
    assert error.reason is Reason.SOURCE_NOT_FOUND
