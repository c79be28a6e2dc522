"""A job that is accepted is kept as it was sent, and comes back as it was sent: from the wire, through the store's
documents, to the wire.
"""

import json
from datetime import UTC, datetime
from typing import Any

from google.protobuf import json_format, message_factory
from hypothesis import assume, example, given
from hypothesis import strategies as st

from gateway.admission.shape import check_shape
from gateway.api.vertex.job_in import SERVED, create_request, violations_of
from gateway.api.vertex.job_out import JobMessages
from gateway.api.vertex.states import States
from gateway.cloud.vertex_messages import load
from gateway.domain.batch_job import BatchJob, PoolId
from gateway.domain.states import State
from gateway.store import documents
from support.messages import JSON

PLACE = ("corp-ml", "us-central1")
NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)

PLAIN = st.text(st.characters(exclude_categories=["Cc", "Cs"]), max_size=20)
LABEL = r"[a-z][a-z0-9_-]{0,10}"
LABELS = st.dictionaries(
    st.from_regex(LABEL, fullmatch=True), st.just("") | st.from_regex(LABEL, fullmatch=True), max_size=3
)
OBJECTS = st.from_regex(r"gs://bucket-[a-z]{1,5}/([a-z]{1,5}/)?[A-Za-z0-9_-]{1,9}", fullmatch=True)
TABLES = st.from_regex(r"bq://corp-ml\.[a-z]{1,5}\.[A-Za-z0-9_]{1,9}", fullmatch=True)
MODELS = st.sampled_from(
    [
        "gemini-2.5-flash",
        "publishers/google/models/gemini-2.0-flash-001",
        "projects/corp-ml/locations/us-central1/publishers/google/models/gemini-2.5-pro",
        "projects/corp-ml/locations/us-central1/models/1234567890",
    ]
)
PARAMETERS = st.dictionaries(PLAIN, JSON, max_size=3).filter(lambda found: "\\u0000" not in json.dumps(found))


def _place(kind: str, oneof: dict[str, st.SearchStrategy[Any]]) -> st.SearchStrategy[dict[str, Any]]:
    """A place with the format that goes with it, or with none."""
    formats = {"gcs": "jsonl", "big": "bigquery"}
    return st.one_of(
        *(
            st.fixed_dictionaries({field: place}, optional={kind: st.just(formats[field[:3]])})
            for field, place in oneof.items()
        )
    )


JOBS = st.fixed_dictionaries(
    {
        "model": MODELS,
        "input_config": _place(
            "instances_format",
            {
                "gcs_source": OBJECTS.map(lambda uri: {"uris": [uri]}),
                "bigquery_source": TABLES.map(lambda uri: {"input_uri": uri}),
            },
        ),
        "output_config": _place(
            "predictions_format",
            {
                "gcs_destination": OBJECTS.map(lambda uri: {"output_uri_prefix": uri}),
                "bigquery_destination": TABLES.map(lambda uri: {"output_uri": uri}),
            },
        ),
    },
    optional={"display_name": PLAIN, "labels": LABELS, "model_parameters": PARAMETERS},
)


def _came_back(sent: Any) -> Any:
    """The job as it is answered, once it has been accepted, stored and read."""
    method = load().service.methods_by_name["CreateBatchPredictionJob"]
    request = message_factory.GetMessageClass(method.input_type)(
        parent=f"projects/{PLACE[0]}/locations/{PLACE[1]}", batch_prediction_job=sent
    )
    asked = create_request(type(request).FromString(request.SerializeToString()), "ranking", "")
    stored = json.dumps(documents.write_spec(check_shape(asked.draft)), allow_nan=False)
    job = BatchJob(
        id=3765971809353072641,
        team="ranking",
        spec=documents.read_spec(json.loads(stored)),
        state=State.QUEUED,
        pool=PoolId(*PLACE),
        effective_model="publishers/google/models/other",
        creator="jwt:corp:ranking",
        create_time=NOW,
        update_time=NOW,
        queue_deadline=NOW,
        revision=1,
        source_bytes=1,
    )
    return JobMessages(load(), States(compatible=False)).of(job)


def _said(job: Any) -> dict[str, Any]:
    """What callers may say, as the job says it. An empty message counts as absent."""
    fields = json_format.MessageToDict(job, preserving_proto_field_name=True)
    return {name: value for name, value in fields.items() if name in SERVED and value != {}}


@given(fields=JOBS)
@example(
    fields={
        "display_name": "e\u0301 \U0001f600 \ufb01",
        "model": "publishers/google/models/gemini-2.5-flash",
        "model_parameters": {"deep": [{"": [None, 1e300, -0.0, 5e-324, True, "\u2028"]}], "none": None},
        "labels": {"a": "", "b": "1"},
        "input_config": {"bigquery_source": {"input_uri": "bq://corp-ml.in.rows"}},
        "output_config": {"gcs_destination": {"output_uri_prefix": "gs://bucket-a/out/"}},
    }
)
def test_what_is_accepted_comes_back_with_every_field_as_it_was_sent(fields: dict[str, Any]) -> None:
    sent = json_format.ParseDict(fields, load().job())
    came_back, said = _said(_came_back(sent)), _said(sent)
    for place, named, formats in (
        ("input_config", "instances_format", {"gcs_source": "jsonl", "bigquery_source": "bigquery"}),
        ("output_config", "predictions_format", {"gcs_destination": "jsonl", "bigquery_destination": "bigquery"}),
    ):
        # A format that was left out follows from the place.
        [implied] = [each for kind, each in formats.items() if kind in said[place]]
        said[place].setdefault(named, implied)
    assert came_back == said


@given(place=st.sampled_from(["input_config", "output_config"]), fields=JOBS, wrong=PLAIN)
def test_a_format_that_does_not_go_with_its_place_is_refused(place: str, fields: dict[str, Any], wrong: str) -> None:
    name = {"input_config": "instances_format", "output_config": "predictions_format"}[place]
    is_object = {"gcs_source", "gcs_destination"} & set(fields[place])
    assume(wrong and wrong != ("jsonl" if is_object else "bigquery"))
    sent = json_format.ParseDict({**fields, place: {**fields[place], name: wrong}}, load().job())
    assert [each.field for each in violations_of(sent)] == [f"batch_prediction_job.{place}.{name}"]
