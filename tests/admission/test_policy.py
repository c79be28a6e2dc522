"""What a team may use. The guard stands before every look-up, and answers the same whether or not a thing exists."""

from dataclasses import replace

import pytest

from admission.samples import GLOBAL, NL, POLICY, TEAM, UK, US, US_B, a_spec
from gateway.admission.policy import check_policy, named_model, pools_for
from gateway.domain.batch_job import BigQueryDestination, BigQuerySource
from gateway.errors import GatewayError, Reason


def violations(spec, team=TEAM):
    with pytest.raises(GatewayError) as caught:
        check_policy(POLICY, team, spec)
    assert caught.value.reason is Reason.POLICY_VIOLATION
    return {(v.field, v.reason): v.description for v in caught.value.details}


@pytest.mark.parametrize(
    ("model", "effective"),
    [
        ("flash", "publishers/google/models/gemini-2.5-flash"),
        ("gemini-2.5-pro", "publishers/google/models/gemini-2.5-pro"),
        ("publishers/google/models/gemini-2.5-pro", "publishers/google/models/gemini-2.5-pro"),
        (
            "projects/corp-ml/locations/us-central1/publishers/google/models/gemini-2.5-pro",
            "publishers/google/models/gemini-2.5-pro",
        ),
        ("projects/corp-ml/locations/us-central1/models/42", "projects/corp-ml/locations/us-central1/models/42"),
        ("tuned", "projects/corp-ml/locations/europe-west4/models/77"),
    ],
)
def test_an_allowed_model_comes_out_in_its_full_form(model, effective):
    assert check_policy(POLICY, TEAM, a_spec(model=model)) == effective


def test_a_model_outside_the_patterns_is_refused_and_the_patterns_told():
    said = violations(a_spec(model="gemini-2.0-flash-001"))
    assert set(said) == {("batch_job.model", "MODEL_NOT_ALLOWED")}
    assert "gemini-2.0-flash-001" in said["batch_job.model", "MODEL_NOT_ALLOWED"]
    assert "gemini-2.5-*" in said["batch_job.model", "MODEL_NOT_ALLOWED"]


def test_a_region_without_a_pool_of_the_team_is_refused_and_its_regions_told():
    said = violations(a_spec(region="europe-west2"))
    assert set(said) == {("batch_job.region", "REGION_NOT_ALLOWED")}
    assert "us-central1, europe-west4" in said["batch_job.region", "REGION_NOT_ALLOWED"]


def test_a_team_without_any_pool_is_told_so():
    said = violations(a_spec(), replace(TEAM, pools=()))
    assert "no pool at all" in said["batch_job.region", "REGION_NOT_ALLOWED"]


@pytest.mark.parametrize(
    ("model", "region", "field"),
    [
        ("projects/corp-ml/locations/europe-west2/models/42", "", "batch_job.model"),
        ("projects/other/locations/us-central1/models/42", "", "batch_job.model"),
        ("tuned", "us-central1", "batch_job.region"),
        ("projects/corp-ml/locations/us-central1/models/42", "europe-west4", "batch_job.region"),
    ],
)
def test_a_model_that_lies_where_the_batch_job_cannot_run_is_refused(model, region, field):
    models = (*TEAM.models, "projects/other/locations/*/models/*")
    said = violations(a_spec(model=model, region=region), replace(TEAM, models=models))
    assert set(said) == {(field, "REGION_NOT_ALLOWED")}


@pytest.mark.parametrize(
    "uri",
    [
        "gs://ads-in/rows.jsonl",
        "gs://ranking/x",
        "gs://xranking-in/x",
        "gs://ads-in/ranking-in/rows.jsonl",
        "gs://RANKING-in/rows.jsonl",
    ],
)
def test_another_teams_source_is_refused(uri):
    assert set(violations(a_spec(uri))) == {("batch_job.gcs_source.uri", "URI_NOT_ALLOWED")}


@pytest.mark.parametrize(
    "uri", ["gs://ads-out/run", "gs://ranking-in/run", "gs://ranking-outer/run", "gs://ranking-ou"]
)
def test_another_teams_destination_is_refused(uri):
    said = violations(a_spec(destination=uri))
    assert set(said) == {("batch_job.gcs_destination.output_uri_prefix", "URI_NOT_ALLOWED")}


@pytest.mark.parametrize(
    "uri", ["gs://ranking-out", "gs://ranking-out/", "gs://ranking-out/a/b", "gs://ranking-out/a/"]
)
def test_a_destination_folder_is_allowed_with_and_without_its_slash(uri):
    check_policy(POLICY, TEAM, a_spec(destination=uri))


def test_a_pattern_that_names_one_folder_exactly_allows_it_in_both_forms():
    team = replace(TEAM, destinations=("gs://ranking-out/daily",))
    check_policy(POLICY, team, a_spec(destination="gs://ranking-out/daily"))
    check_policy(POLICY, team, a_spec(destination="gs://ranking-out/daily/"))
    assert violations(a_spec(destination="gs://ranking-out/daily2"), team)


def test_tables_are_matched_as_they_are_written():
    allowed = a_spec(
        source=None,
        destination=None,
    )
    allowed = replace(
        allowed,
        source=BigQuerySource("bq://corp-ranking.in.rows"),
        destination=BigQueryDestination("bq://corp-ranking.predictions.daily"),
    )
    check_policy(POLICY, TEAM, allowed)
    foreign = replace(
        allowed,
        source=BigQuerySource("bq://corp-ads.in.rows"),
        destination=BigQueryDestination("bq://corp-ranking.in.rows"),
    )
    assert set(violations(foreign)) == {
        ("batch_job.bigquery_source.table", "URI_NOT_ALLOWED"),
        ("batch_job.bigquery_destination.table", "URI_NOT_ALLOWED"),
    }


def test_everything_that_is_not_allowed_is_told_in_one_answer():
    spec = a_spec("gs://ads-in/x", "gs://ads-out/x", model="gemini-1.0", region="europe-west2")
    assert set(violations(spec)) == {
        ("batch_job.model", "MODEL_NOT_ALLOWED"),
        ("batch_job.region", "REGION_NOT_ALLOWED"),
        ("batch_job.gcs_source.uri", "URI_NOT_ALLOWED"),
        ("batch_job.gcs_destination.output_uri_prefix", "URI_NOT_ALLOWED"),
    }


@pytest.mark.parametrize(
    ("model", "region", "pools"),
    [
        ("flash", "", (US, US_B, NL, UK, GLOBAL)),
        ("flash", "us-central1", (US, US_B)),
        ("flash", "global", (GLOBAL,)),
        ("flash", "us-east1", ()),
        ("tuned", "", (NL,)),
        ("projects/corp-ml-b/locations/us-central1/models/1", "", (US_B,)),
        ("projects/corp-ml-b/locations/us-central1/publishers/google/models/gemini-2.5-pro", "", (US_B,)),
        ("projects/123456789012/locations/europe-west4/models/1", "", (NL,)),
        ("projects/999/locations/europe-west4/models/1", "", ()),
    ],
)
def test_region_and_model_narrow_the_teams_pools_and_keep_their_order(model, region, pools):
    team, spec = replace(TEAM, pools=(US, US_B, NL, UK, GLOBAL)), a_spec(model=model, region=region)
    assert pools_for(POLICY, team, spec, named_model(POLICY, spec)) == pools
