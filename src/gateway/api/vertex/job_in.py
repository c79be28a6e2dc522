"""From a BatchPredictionJob to the domain's values. What cannot be honoured is refused by name; nothing is dropped."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from google.protobuf.message import Message
from google.protobuf.unknown_fields import UnknownFieldSet

from gateway.admission.fields import refuse
from gateway.admission.shape import SpecDraft, check_shape
from gateway.api.batch_jobs.messages_in import plain_value
from gateway.api.vertex.names import Place, parent_violation, place_of
from gateway.api.vertex.words import INPUT, JOB, OUTPUT
from gateway.domain.batch_job import (
    BigQueryDestination,
    BigQuerySource,
    Destination,
    GcsDestination,
    GcsSource,
    Source,
)
from gateway.errors import FieldViolation, GatewayError, Reason
from gateway.service.create import CreateRequest

Served = Mapping[str, "Served | None"]

SERVED: Final[Served] = {
    "display_name": None,
    "model": None,
    "model_parameters": None,
    "labels": None,
    "input_config": {
        "instances_format": None,
        "gcs_source": {"uris": None},
        "bigquery_source": {"input_uri": None},
    },
    "output_config": {
        "predictions_format": None,
        "gcs_destination": {"output_uri_prefix": None},
        "bigquery_destination": {"output_uri": None},
    },
}
"""The fields that Gemini batch prediction has a use for. None: the whole field is read."""

_JSONL: Final = "jsonl"
_BIGQUERY: Final = "bigquery"


def create_request(message: Any, team: str, request_id: str) -> CreateRequest:
    """The request of a CreateBatchPredictionJobRequest.

    Raises:
        GatewayError: INVALID_SPEC, with all that is wrong with the message, in our words where both have them.

    """
    place, job = place_of(message.parent), message.batch_prediction_job
    draft = spec_draft(job, place or Place("", ""))
    violations = [*([] if place else [parent_violation()]), *unknown(message, ""), *violations_of(job)]
    if violations:
        raise refuse(Reason.INVALID_SPEC, [*violations, *_of_shape(draft, request_id)])
    return CreateRequest(team, draft, request_id)


def spec_draft(job: Any, place: Place) -> SpecDraft:
    """What the caller sent, of the fields that are served."""
    return SpecDraft(
        model=job.model,
        source=_source(job.input_config),
        destination=_destination(job.output_config),
        display_name=job.display_name,
        region=place.location,
        project=place.project,
        model_parameters=_parameters(job),
        labels=dict(job.labels),
    )


def violations_of(job: Any) -> Iterator[FieldViolation]:
    """What this message says beyond what a batch job can be."""
    yield from unserved(job, SERVED, JOB)
    yield from _source_violations(job.input_config)
    yield from _format_violations(job)
    if not _none_or_object(job.model_parameters):
        yield FieldViolation(f"{JOB}.model_parameters", "PARAMETERS_FORM", "It must be an object of named parameters.")


def unserved(message: Message, served: Served, path: str) -> Iterator[FieldViolation]:
    """A violation for each field that is set and not served. An empty message within the message counts as absent."""
    yield from unknown(message, path)
    for field, value in message.ListFields():
        inner = served.get(field.name)
        if field.name not in served:
            if not is_empty(value):
                sentence = "It has no use in Gemini batch prediction, or is not the caller's to set: leave it out."
                yield FieldViolation(f"{path}.{field.name}", "FIELD_NOT_SERVED", sentence)
        elif inner is not None:
            yield from unserved(value, inner, f"{path}.{field.name}")


def unknown(message: Message, path: str) -> Iterator[FieldViolation]:
    """A violation for each field that this version of the message does not know."""
    for number in _unknown_numbers(message):
        name = f"{path}.{number}".lstrip(".")
        yield FieldViolation(name, "FIELD_UNKNOWN", "The message has no field of this number: leave it out.")


def is_empty(value: Any) -> bool:
    """Whether nothing is said: a message in which only empty messages are set."""
    if not isinstance(value, Message):
        return False
    return not _unknown_numbers(value) and all(is_empty(inner) for _, inner in value.ListFields())


def _unknown_numbers(message: Message) -> list[int]:
    found: Any = UnknownFieldSet(message)
    return [each.field_number for each in found]


def _of_shape(draft: SpecDraft, request_id: str) -> list[FieldViolation]:
    try:
        check_shape(draft, request_id)
    except GatewayError as error:
        return [detail for detail in error.details if isinstance(detail, FieldViolation)]
    return []


def _source(config: Any) -> Source | None:
    match config.WhichOneof("source"):
        case "gcs_source" if config.gcs_source.uris:
            return GcsSource(config.gcs_source.uris[0])
        case "bigquery_source" if config.bigquery_source.input_uri:
            return BigQuerySource(config.bigquery_source.input_uri)
    return None


def _destination(config: Any) -> Destination | None:
    match config.WhichOneof("destination"):
        case "gcs_destination" if config.gcs_destination.output_uri_prefix:
            return GcsDestination(config.gcs_destination.output_uri_prefix)
        case "bigquery_destination" if config.bigquery_destination.output_uri:
            return BigQueryDestination(config.bigquery_destination.output_uri)
    return None


def _source_violations(config: Any) -> Iterator[FieldViolation]:
    if (count := len(config.gcs_source.uris)) > 1:
        sentence = f"There are {count}; Gemini batch prediction reads one JSONL object."
        yield FieldViolation(f"{INPUT}.gcs_source.uris", "TOO_MANY_SOURCES", sentence)


def _format_violations(job: Any) -> Iterator[FieldViolation]:
    """A format that is named must be that of the place; one that is left out follows from it."""
    source, destination = _source(job.input_config), _destination(job.output_config)
    for path, named, place in (
        (f"{INPUT}.instances_format", job.input_config.instances_format, source),
        (f"{OUTPUT}.predictions_format", job.output_config.predictions_format, destination),
    ):
        meant = _JSONL if isinstance(place, GcsSource | GcsDestination) else _BIGQUERY
        if named and place is not None and named != meant:
            yield FieldViolation(path, "FORMAT", f"It is {named[:40]}; what goes with this place is {meant}.")


def _none_or_object(value: Any) -> bool:
    return value.WhichOneof("kind") in {None, "null_value", "struct_value"}


def _parameters(job: Any) -> Mapping[str, Any]:
    found = plain_value(job.model_parameters)
    return found if isinstance(found, Mapping) else {}
