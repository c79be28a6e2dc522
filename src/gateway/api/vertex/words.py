"""Refusals in Vertex's words: the fields of a BatchPredictionJob in place of ours, and its names in place of ours."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Final

from gateway.admission.fields import (
    DESTINATION,
    DISPLAY_NAME,
    LABELS,
    MODEL,
    MODEL_PARAMETERS,
    REGION,
    REQUEST_ID,
    SOURCE,
    destination_field,
    source_field,
)
from gateway.api.vertex.names import name_of
from gateway.api.vertex.teams import REQUEST_ID_HEADER
from gateway.domain.batch_job import BatchJob, BigQueryDestination, BigQuerySource, GcsDestination, GcsSource
from gateway.errors import Detail, FieldViolation, GatewayError, PreconditionViolation, ResourceDetail
from gateway.service.missing import BATCH_JOB_TYPE

JOB: Final = "batch_prediction_job"
INPUT: Final = f"{JOB}.input_config"
OUTPUT: Final = f"{JOB}.output_config"
JOB_TYPE: Final = "aiplatform.googleapis.com/BatchPredictionJob"

FIELDS: Final[Mapping[str, str]] = {
    DISPLAY_NAME: f"{JOB}.display_name",
    MODEL: f"{JOB}.model",
    REGION: "parent",
    SOURCE: INPUT,
    DESTINATION: OUTPUT,
    source_field(GcsSource("")): f"{INPUT}.gcs_source.uris",
    source_field(BigQuerySource("")): f"{INPUT}.bigquery_source.input_uri",
    destination_field(GcsDestination("")): f"{OUTPUT}.gcs_destination.output_uri_prefix",
    destination_field(BigQueryDestination("")): f"{OUTPUT}.bigquery_destination.output_uri",
    MODEL_PARAMETERS: f"{JOB}.model_parameters",
    LABELS: f"{JOB}.labels",
    REQUEST_ID: REQUEST_ID_HEADER,
}
"""From our paths to those of these clients; what is not here has the same path in both."""


def in_vertex_words(error: GatewayError, names: Mapping[str, str]) -> GatewayError:
    """The same refusal. `names` has Vertex's name for each of ours that the call is about."""
    message = error.message
    if error.details and isinstance(first := error.details[0], FieldViolation):
        message = _after(message, first.field, path_of(first.field))
    for ours, theirs in names.items():
        message = message.replace(ours, theirs)
    return GatewayError(
        error.reason,
        message,
        details=tuple(_detail(detail, names) for detail in error.details),
        retry_after=error.retry_after,
        retry_pushback=error.retry_pushback,
        metadata=error.metadata,
    )


def path_of(field: str) -> str:
    """The path of a field in Vertex's message; one below a field that has another path goes with it."""
    for ours, theirs in FIELDS.items():
        if field == ours or field.startswith((f"{ours}.", f"{ours}[")):
            return theirs + field.removeprefix(ours)
    return field


def names_of(job: BatchJob) -> Mapping[str, str]:
    """For a refusal that is about this batch job."""
    return {job.name: name_of(job)}


def _after(message: str, ours: str, theirs: str) -> str:
    return theirs + message.removeprefix(ours) if message.startswith(f"{ours}:") else message


def _detail(detail: Detail, names: Mapping[str, str]) -> Detail:
    match detail:
        case FieldViolation(field=field):
            return replace(detail, field=path_of(field))
        case ResourceDetail(type=kind, name=name) if kind == BATCH_JOB_TYPE and name in names:
            return replace(detail, type=JOB_TYPE, name=names[name])
        case PreconditionViolation(subject=subject):
            return replace(detail, subject=names.get(subject, subject))
    return detail
