"""What can be said about a create by looking at it alone, each bad form by itself and many at once."""

from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.admission.shape import SpecDraft, check_shape
from gateway.domain.batch_job import BigQueryDestination, BigQuerySource, GcsDestination, GcsSource, Spec
from gateway.errors import FieldViolation, GatewayError, Reason

GOOD = SpecDraft(
    model="gemini-2.5-flash", source=GcsSource("gs://ranking-in/rows.jsonl"), destination=GcsDestination("gs://out/run")
)


def violations(draft, request_id=""):
    with pytest.raises(GatewayError) as caught:
        check_shape(draft, request_id)
    assert caught.value.reason is Reason.INVALID_SPEC
    assert caught.value.message
    return {(violation.field, violation.reason) for violation in caught.value.details}


def refusal_of(draft, request_id):
    try:
        check_shape(draft, request_id)
    except GatewayError as refusal:
        return refusal
    return None


def passes(**changes):
    return check_shape(replace(GOOD, **changes))


def test_a_well_formed_create_comes_out_as_it_was_sent():
    draft = SpecDraft(
        model="flash",
        source=BigQuerySource("bq://corp-ranking.in.rows"),
        destination=BigQueryDestination("bq://corp-ranking.out.rows"),
        display_name="Nächtlicher Lauf 数据",
        region="us-central1",
        priority=0,
        model_parameters={"temperature": 0.2, "nested": {"list": [1, None, True, "x"]}},
        labels={"run": "nightly", "größe": "", "k-1_a": "5"},
        max_queue_duration=timedelta(hours=6),
    )
    assert check_shape(draft, "a b~!") == Spec(
        draft.model,
        draft.source,
        draft.destination,
        draft.display_name,
        draft.region,
        draft.priority,
        draft.model_parameters,
        draft.labels,
        draft.max_queue_duration,
    )


@pytest.mark.parametrize(
    ("changes", "field", "reason"),
    [
        ({"model": ""}, "batch_job.model", "MODEL_MISSING"),
        ({"model": "gemini 2"}, "batch_job.model", "MODEL_NAME"),
        ({"model": "models/x"}, "batch_job.model", "MODEL_NAME"),
        ({"model": "gemini\0"}, "batch_job.model", "MODEL_NAME"),
        ({"model": "gemini\n"}, "batch_job.model", "MODEL_NAME"),
        ({"model": "g" * 100_000}, "batch_job.model", "MODEL_NAME"),
        ({"model": "projects/p/locations/us-central1/models/../x"}, "batch_job.model", "MODEL_NAME"),
        ({"source": None}, "batch_job.source", "SOURCE_MISSING"),
        ({"destination": None}, "batch_job.destination", "DESTINATION_MISSING"),
        ({"source": GcsSource("")}, "batch_job.gcs_source.uri", "URI_MISSING"),
        ({"source": GcsSource("gs://b/x")}, "batch_job.gcs_source.uri", "BUCKET_NAME"),
        ({"source": GcsSource("gs://bucket/*.jsonl")}, "batch_job.gcs_source.uri", "URI_WILDCARD"),
        ({"source": GcsSource("gs://bucket/folder/")}, "batch_job.gcs_source.uri", "OBJECT_IS_FOLDER"),
        ({"source": BigQuerySource("bq://p")}, "batch_job.bigquery_source.table", "TABLE_FORM"),
        (
            {"destination": GcsDestination("s3://out")},
            "batch_job.gcs_destination.output_uri_prefix",
            "URI_SCHEME",
        ),
        (
            {"destination": GcsDestination("gs://out/\0")},
            "batch_job.gcs_destination.output_uri_prefix",
            "URI_CHARACTER",
        ),
        (
            {"destination": BigQueryDestination("bq://corp-x.d.t_*")},
            "batch_job.bigquery_destination.table",
            "URI_WILDCARD",
        ),
        ({"region": "us central1"}, "batch_job.region", "REGION_NAME"),
        ({"region": "US-CENTRAL1"}, "batch_job.region", "REGION_NAME"),
        ({"region": "us-central1-a"}, "batch_job.region", "REGION_NAME"),
        ({"region": "us-central1\n"}, "batch_job.region", "REGION_NAME"),
        ({"region": "x" * 64}, "batch_job.region", "REGION_NAME"),
        ({"region": "../eu"}, "batch_job.region", "REGION_NAME"),
        ({"priority": -1}, "batch_job.priority", "PRIORITY_RANGE"),
        ({"priority": 101}, "batch_job.priority", "PRIORITY_RANGE"),
        ({"display_name": "x" * 129}, "batch_job.display_name", "DISPLAY_NAME_TOO_LONG"),
        ({"display_name": "two\nlines"}, "batch_job.display_name", "DISPLAY_NAME_CHARACTER"),
        ({"display_name": "nul\0"}, "batch_job.display_name", "DISPLAY_NAME_CHARACTER"),
        ({"max_queue_duration": timedelta(0)}, "batch_job.max_queue_duration", "DURATION_RANGE"),
        ({"max_queue_duration": timedelta(seconds=-1)}, "batch_job.max_queue_duration", "DURATION_RANGE"),
        ({"max_queue_duration": timedelta(days=366)}, "batch_job.max_queue_duration", "DURATION_RANGE"),
        ({"labels": {"": "x"}}, 'batch_job.labels[""]', "LABEL_KEY"),
        ({"labels": {"Run": "x"}}, 'batch_job.labels["Run"]', "LABEL_KEY"),
        ({"labels": {"1run": "x"}}, 'batch_job.labels["1run"]', "LABEL_KEY"),
        ({"labels": {"-run": "x"}}, 'batch_job.labels["-run"]', "LABEL_KEY"),
        ({"labels": {"r un": "x"}}, 'batch_job.labels["r un"]', "LABEL_KEY"),
        ({"labels": {"run.a": "x"}}, 'batch_job.labels["run.a"]', "LABEL_KEY"),
        ({"labels": {"k" * 64: "x"}}, f'batch_job.labels["{"k" * 64}"]', "LABEL_KEY"),
        ({"labels": {"k" * 9999: "x"}}, f'batch_job.labels["{"k" * 80}"]', "LABEL_KEY"),
        ({"labels": {"a\0": "x"}}, 'batch_job.labels["a\\u0000"]', "LABEL_KEY"),
        ({"labels": {'"]': "x"}}, 'batch_job.labels["\\"]"]', "LABEL_KEY"),
        ({"labels": {"run": "Nightly"}}, 'batch_job.labels["run"]', "LABEL_VALUE"),
        ({"labels": {"run": "a b"}}, 'batch_job.labels["run"]', "LABEL_VALUE"),
        ({"labels": {"run": "v" * 64}}, 'batch_job.labels["run"]', "LABEL_VALUE"),
        ({"labels": {"run": "\0"}}, 'batch_job.labels["run"]', "LABEL_VALUE"),
        ({"labels": {"batchjobs_team": "x"}}, 'batch_job.labels["batchjobs_team"]', "LABEL_RESERVED"),
        ({"labels": {"batchjobs_": "x"}}, 'batch_job.labels["batchjobs_"]', "LABEL_RESERVED"),
        ({"labels": {f"k{n}": "x" for n in range(61)}}, "batch_job.labels", "LABEL_COUNT"),
        ({"model_parameters": {"t": float("nan")}}, "batch_job.model_parameters", "PARAMETERS_NUMBER"),
        ({"model_parameters": {"a": [{"b": float("-inf")}]}}, "batch_job.model_parameters", "PARAMETERS_NUMBER"),
        ({"model_parameters": {"a": "x\0"}}, "batch_job.model_parameters", "PARAMETERS_CHARACTER"),
        ({"model_parameters": {"a\0": 1.0}}, "batch_job.model_parameters", "PARAMETERS_CHARACTER"),
        ({"model_parameters": {"a": ["x" * 40_000]}}, "batch_job.model_parameters", "PARAMETERS_TOO_LARGE"),
        ({"model_parameters": {"a": "ü" * 20_000}}, "batch_job.model_parameters", "PARAMETERS_TOO_LARGE"),
    ],
)
def test_each_bad_form_is_named_with_its_field(changes, field, reason):
    assert violations(replace(GOOD, **changes)) == {(field, reason)}


@pytest.mark.parametrize("depth", [17, 30, 100_000])
def test_parameters_may_not_be_nested_without_bound(depth):
    """Nor may finding that out need a stack as deep as they are."""
    nested = "x"
    for _ in range(depth):
        nested = [nested]
    assert violations(replace(GOOD, model_parameters={"a": nested})) == {
        ("batch_job.model_parameters", "PARAMETERS_TOO_DEEP")
    }


def test_what_lies_on_a_bound_passes():
    nested = "x"
    for _ in range(14):
        nested = [nested]
    passes(model_parameters={"a": nested})
    passes(labels={f"k{n}": "v" * 63 for n in range(60)} | {"k0": ""})
    passes(labels={"k" * 63: "1-_a"})
    passes(display_name="x" * 128, priority=100, max_queue_duration=timedelta(days=365))
    passes(max_queue_duration=timedelta(microseconds=1))
    for region in ("", "global", "us", "eu", "northamerica-northeast1", "europe-west12"):
        passes(region=region)


@pytest.mark.parametrize("request_id", ["x" * 65, "naïve", "tab\there", "nul\0", "line\n", "\x7f"])
def test_a_request_id_is_printable_ascii_of_at_most_64_characters(request_id):
    assert violations(GOOD, request_id) == {("request_id", "REQUEST_ID_FORM")}


@pytest.mark.parametrize("request_id", ["", "x", "x" * 64, " ~", "6f1c0f8e-6b1c-4d7c-8f0a-1b2c3d4e5f60"])
def test_every_other_request_id_passes(request_id):
    check_shape(GOOD, request_id)


def test_everything_that_is_wrong_is_told_in_one_answer():
    bad = SpecDraft(
        model="",
        display_name="\0",
        region="US",
        priority=-5,
        model_parameters={"a": float("inf")},
        labels={"batchjobs_Id": "UP"},
        max_queue_duration=timedelta(0),
    )
    assert violations(bad, "ü") == {
        ("batch_job.model", "MODEL_MISSING"),
        ("batch_job.display_name", "DISPLAY_NAME_CHARACTER"),
        ("batch_job.region", "REGION_NAME"),
        ("batch_job.priority", "PRIORITY_RANGE"),
        ("batch_job.source", "SOURCE_MISSING"),
        ("batch_job.destination", "DESTINATION_MISSING"),
        ("batch_job.model_parameters", "PARAMETERS_NUMBER"),
        ('batch_job.labels["batchjobs_Id"]', "LABEL_KEY"),
        ('batch_job.labels["batchjobs_Id"]', "LABEL_RESERVED"),
        ('batch_job.labels["batchjobs_Id"]', "LABEL_VALUE"),
        ("batch_job.max_queue_duration", "DURATION_RANGE"),
        ("request_id", "REQUEST_ID_FORM"),
    }


def test_a_flood_of_violations_is_cut_at_a_hundred():
    with pytest.raises(GatewayError) as caught:
        check_shape(replace(GOOD, labels={f"K{n}": "x" for n in range(5000)}))
    assert len(caught.value.details) == 100
    assert "5000 more" in caught.value.message


def test_the_message_tells_the_first_violation_and_how_many_more():
    with pytest.raises(GatewayError) as caught:
        check_shape(replace(GOOD, model="", priority=300, region="?"))
    assert caught.value.message == (
        "batch_job.model: It is empty: name a model, such as gemini-2.5-flash. And 2 more: see the details."
    )


TEXT = st.text(max_size=80)
ANYTHING = st.recursive(
    st.none() | st.booleans() | st.floats() | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=8,
)


@given(
    st.builds(
        SpecDraft,
        model=st.text(),
        source=st.none() | st.builds(GcsSource, st.text()) | st.builds(BigQuerySource, st.text()),
        destination=st.none() | st.builds(GcsDestination, st.text()) | st.builds(BigQueryDestination, st.text()),
        display_name=st.text(),
        region=st.text(),
        priority=st.none() | st.integers(-(2**31), 2**31 - 1),
        model_parameters=st.dictionaries(TEXT, ANYTHING, max_size=3),
        labels=st.dictionaries(TEXT, TEXT, max_size=4),
        max_queue_duration=st.none() | st.timedeltas(),
    ),
    st.text(),
)
def test_whatever_is_sent_it_is_a_spec_or_a_refusal_that_names_its_fields(draft, request_id):
    refusal = refusal_of(draft, request_id)
    if refusal is None:
        return
    assert refusal.reason is Reason.INVALID_SPEC
    assert refusal.details
    for violation in refusal.details:
        assert isinstance(violation, FieldViolation)
        assert violation.field.startswith(("batch_job.", "request_id"))
        assert violation.reason.isupper()
        assert violation.description.endswith(".")
