"""Which regions a BigQuery dataset fits."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.domain.datasets import DatasetPlace, dataset_fits, dataset_mismatch

REGIONS = ["us-central1", "us-east1", "europe-west4", "us", "eu", "global"]
LOCATIONS = ["us-central1", "us-east1", "europe-west4", "US", "EU", "aws-us-east-1"]
TABLE = "bq://corp.data.rows"


def fits(region, location, *, allowed=False):
    return dataset_fits(region, DatasetPlace.of(location), global_allowed=allowed)


@given(st.sampled_from(REGIONS), st.sampled_from(LOCATIONS), st.booleans())
def test_a_dataset_fits_exactly_its_own_region_and_global_by_the_policy_alone(region, location, allowed):
    if region == "global":
        assert fits(region, location, allowed=allowed) is allowed
    else:
        assert fits(region, location, allowed=allowed) == (region == location)


@pytest.mark.parametrize("region", ["us-central1", "us"])
def test_a_multi_region_fits_no_region_not_even_one_of_its_name(region):
    assert not fits(region, "US")


def test_a_location_is_read_in_whatever_case_and_shown_as_people_write_it():
    assert str(DatasetPlace.of("Europe-West4")) == "europe-west4"
    assert str(DatasetPlace.of("eu")) == "the multi-region EU"


def told(region, location, choices=(), *, allowed=False):
    place = DatasetPlace.of(location)
    return dataset_mismatch(TABLE, region, place, global_allowed=allowed, choices=choices)


def test_a_mismatch_names_both_places_and_the_region_to_set():
    assert told("us-central1", "europe-west4", ["us-central1", "europe-west4"]) == (
        f"{TABLE} is in europe-west4, but the batch job would run in us-central1. "
        "Set region to europe-west4, or use a dataset in us-central1."
    )


def test_a_mismatch_without_a_region_that_fits_names_the_place_to_move_to():
    assert told("us-central1", "us-east1", ["us-central1"]).endswith("us-central1. Use a dataset in us-central1.")


def test_a_multi_region_is_said_to_be_one_that_is_not_taken():
    sentence = told("us-central1", "US", ["us-central1"])
    assert "is in the multi-region US, but the batch job would run in us-central1" in sentence
    assert "does not take BigQuery datasets in a multi-region" in sentence
    assert sentence.endswith("Use a dataset in us-central1.")


def test_at_global_the_rule_is_named_with_the_region_to_set():
    sentence = told("global", "us-east1", ["global", "us-east1"])
    assert "would run in global, where this team's policy refuses BigQuery (global_bigquery)" in sentence
    assert "Set region to us-east1, or use Cloud Storage." in sentence
