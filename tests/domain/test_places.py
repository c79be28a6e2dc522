"""The table of places, row by row, and what is said when a bucket does not fit."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.domain.places import DUAL_REGIONS, MULTI_REGIONS, BucketPlace, PlaceKind, RegionMatch, fits, mismatch

REGIONS = [
    *["africa-south1", "australia-southeast1", "australia-southeast2"],
    *["asia-east1", "asia-east2", "asia-northeast1", "asia-northeast2", "asia-northeast3"],
    *["asia-south1", "asia-south2", "asia-southeast1", "asia-southeast2", "asia-southeast3"],
    *["europe-central2", "europe-north1", "europe-north2", "europe-southwest1", "europe-west1", "europe-west2"],
    *["europe-west3", "europe-west4", "europe-west6", "europe-west8", "europe-west9", "europe-west10"],
    *["europe-west12", "me-central1", "me-central2", "me-west1"],
    *["northamerica-northeast1", "northamerica-northeast2", "northamerica-south1"],
    *["southamerica-east1", "southamerica-west1"],
    *["us-central1", "us-east1", "us-east4", "us-east5", "us-south1", "us-west1", "us-west2", "us-west3", "us-west4"],
]

# What Cloud Storage calls the place, its kind and data locations, and every region of the list above that it holds.
HOLDS = {
    ("US", "multi-region", ()): {r for r in REGIONS if r.startswith("us-")},
    ("EU", "multi-region", ()): {
        *["europe-central2", "europe-north1", "europe-north2", "europe-southwest1", "europe-west1", "europe-west3"],
        *["europe-west4", "europe-west8", "europe-west9", "europe-west10", "europe-west12"],
    },
    ("ASIA", "multi-region", ()): {r for r in REGIONS if r.startswith("asia-")},
    ("NAM4", "dual-region", ()): {"us-central1", "us-east1"},
    ("EUR4", "dual-region", ()): {"europe-north1", "europe-west4"},
    ("EUR5", "dual-region", ()): {"europe-west1", "europe-west2"},
    ("EUR7", "dual-region", ()): {"europe-west2", "europe-west3"},
    ("EUR8", "dual-region", ()): {"europe-west3", "europe-west6"},
    ("ASIA1", "dual-region", ()): {"asia-northeast1", "asia-northeast2"},
    ("US", "dual-region", ("US-EAST4", "US-WEST1")): {"us-east4", "us-west1"},
    ("EU", "dual-region", ("EUROPE-WEST1", "EUROPE-WEST9")): {"europe-west1", "europe-west9"},
    ("CA", "dual-region", ("NORTHAMERICA-NORTHEAST1", "NORTHAMERICA-NORTHEAST2")): {
        *["northamerica-northeast1", "northamerica-northeast2"],
    },
    ("XYZ9", "dual-region", ()): set(),
    ("MARS", "multi-region", ()): set(),
    **{(region.upper(), "region", ()): {region} for region in REGIONS},
}
PLACES = [BucketPlace.of(*place) for place in HOLDS]


@pytest.mark.parametrize("place", HOLDS, ids=lambda place: "-".join([place[0], *place[2]]))
def test_each_row_of_the_table(place):
    """Every region, against every place, under every rule."""
    bucket, held = BucketPlace.of(*place), HOLDS[place]
    kind = place[1]
    for region in REGIONS:
        assert fits(region, bucket, RegionMatch.CONTAINS) is (region in held), region
        assert fits(region, bucket, RegionMatch.STRICT) is (kind == "region" and region in held), region
        assert fits(region, bucket, RegionMatch.OFF), region


def test_the_table_has_no_row_that_is_not_tested_above():
    assert {name.lower() for name, kind, members in HOLDS if kind != "region" and not members} >= {
        *DUAL_REGIONS,
        *MULTI_REGIONS,
    }
    assert {region for held in (*DUAL_REGIONS.values(), *MULTI_REGIONS.values()) for region in held} <= set(REGIONS)


@pytest.mark.parametrize("region", ["europe-west2", "europe-west6"])
def test_london_and_zurich_are_not_in_the_eu_multi_region(region):
    assert not fits(region, BucketPlace.of("EU", "multi-region"), RegionMatch.CONTAINS)


@pytest.mark.parametrize("region", ["northamerica-northeast1", "southamerica-east1"])
def test_the_rest_of_the_americas_is_not_in_the_us_multi_region(region):
    assert not fits(region, BucketPlace.of("US", "multi-region"), RegionMatch.CONTAINS)


@pytest.mark.parametrize("match", RegionMatch)
@pytest.mark.parametrize("place", PLACES, ids=str)
def test_a_global_job_uses_cloud_storage_anywhere(place, match):
    assert fits("global", place, match)


def test_a_job_in_a_multi_region_uses_that_multi_region_and_nothing_that_is_less():
    assert fits("us", BucketPlace.of("US", "multi-region"), RegionMatch.STRICT)
    assert not fits("us", BucketPlace.of("US-CENTRAL1", "region"), RegionMatch.CONTAINS)
    assert not fits("us", BucketPlace.of("US", "dual-region", ["US-EAST4", "US-WEST1"]), RegionMatch.CONTAINS)


def test_a_configurable_dual_region_is_judged_by_its_members_and_not_by_its_name():
    """Its location says US, which as a multi-region would hold nine regions."""
    bucket = BucketPlace.of("US", "dual-region", ["US-EAST4", "US-WEST1"])
    assert not fits("us-central1", bucket, RegionMatch.CONTAINS)


def test_a_kind_that_is_not_known_fits_only_the_region_of_its_name():
    zonal = BucketPlace.of("US-CENTRAL1", "zone", ["US-CENTRAL1-A"])
    assert zonal.kind is PlaceKind.REGION
    assert [region for region in REGIONS if fits(region, zonal, RegionMatch.CONTAINS)] == ["us-central1"]


@given(st.sampled_from(PLACES), st.sampled_from([*REGIONS, "global", "us", "eu", "", "nowhere"]))
def test_what_fits_strictly_fits_by_containing_and_everything_fits_without_a_rule(place, region):
    strict, contains, off = (fits(region, place, match) for match in RegionMatch)
    assert strict <= contains <= off


@pytest.mark.parametrize(
    ("place", "words"),
    [
        (BucketPlace.of("EUROPE-WEST4", "region"), "europe-west4"),
        (BucketPlace.of("EU", "multi-region"), "the multi-region EU"),
        (BucketPlace.of("EUR4", "dual-region"), "the dual-region EUR4 (europe-north1, europe-west4)"),
        (BucketPlace.of("US", "dual-region", ["US-EAST4", "US-WEST1"]), "the dual-region US (us-east4, us-west1)"),
    ],
)
def test_a_place_is_written_as_people_know_it(place, words):
    assert str(place) == words


def test_a_mismatch_names_both_places_and_the_region_to_choose():
    place = BucketPlace.of("EU", "multi-region")
    choices = ["us-central1", "europe-west4", "europe-west1"]
    said = mismatch("gs://ads/x", "us-central1", place, RegionMatch.CONTAINS, choices)
    assert said == (
        "gs://ads/x is in the multi-region EU, but the batch job would run in us-central1. "
        "Set region to europe-west4 or europe-west1, or use a bucket in that region, or in a place that holds it."
    )


def test_where_no_region_helps_the_way_out_is_another_bucket():
    said = mismatch(
        "gs://a/x", "us-central1", BucketPlace.of("EU", "multi-region"), RegionMatch.STRICT, ["us-central1"]
    )
    assert said.endswith("would run in us-central1. Use a bucket in that region.")
