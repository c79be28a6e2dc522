"""From the contract's messages to the domain's values. Nothing is judged here but names; Shape judges the rest."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from google.protobuf import duration_pb2, struct_pb2

from batchjobs.v1 import batch_jobs_pb2
from gateway.admission.shape import SpecDraft, check_shape
from gateway.api.batch_jobs.names import PARENT_FORM, parent_violation, team_of
from gateway.domain.batch_job import (
    BigQueryDestination,
    BigQuerySource,
    Destination,
    GcsDestination,
    GcsSource,
    Source,
)
from gateway.errors import GatewayError, Reason
from gateway.service.create import CreateRequest


def create_request(message: batch_jobs_pb2.CreateBatchJobRequest) -> CreateRequest:
    """The request; a parent that is no team's is INVALID_SPEC, together with all else that Shape finds."""
    draft = spec_draft(message.batch_job)
    team = team_of(message.parent)
    if team is None:
        raise _parent_and_shape(draft, message.request_id)
    return CreateRequest(team, draft, message.request_id, validate_only=message.validate_only)


def spec_draft(message: batch_jobs_pb2.BatchJob) -> SpecDraft:
    """What the caller sent. Fields that are output only are not looked at."""
    return SpecDraft(
        model=message.model,
        source=_source(message),
        destination=_destination(message),
        display_name=message.display_name,
        region=message.region,
        priority=message.priority if message.HasField("priority") else None,
        model_parameters=_fields(message.model_parameters),
        labels=dict(message.labels),
        max_queue_duration=_duration(message.max_queue_duration) if message.HasField("max_queue_duration") else None,
    )


def _source(message: batch_jobs_pb2.BatchJob) -> Source | None:
    match message.WhichOneof("source"):
        case "gcs_source":
            return GcsSource(message.gcs_source.uri)
        case "bigquery_source":
            return BigQuerySource(message.bigquery_source.table)
    return None


def _destination(message: batch_jobs_pb2.BatchJob) -> Destination | None:
    match message.WhichOneof("destination"):
        case "gcs_destination":
            return GcsDestination(message.gcs_destination.output_uri_prefix)
        case "bigquery_destination":
            return BigQueryDestination(message.bigquery_destination.table)
    return None


def _fields(struct: struct_pb2.Struct) -> Mapping[str, Any]:
    return {key: plain_value(value) for key, value in struct.fields.items()}


def plain_value(value: struct_pb2.Value) -> Any:
    """A plain value. Protobuf's own parser bounds the depth; a value of no kind is null, as in JSON."""
    match value.WhichOneof("kind"):
        case "struct_value":
            return _fields(value.struct_value)
        case "list_value":
            return [plain_value(item) for item in value.list_value.values]
        case "string_value":
            return value.string_value
        case "number_value":
            return value.number_value
        case "bool_value":
            return value.bool_value
    return None


def _duration(duration: duration_pb2.Duration) -> timedelta:
    """The duration; one that no `timedelta` can hold becomes the longest, which Shape refuses by its bound."""
    try:
        return timedelta(seconds=duration.seconds, microseconds=duration.nanos // 1000)
    except OverflowError:
        return timedelta.max if duration.seconds > 0 else timedelta.min


def _parent_and_shape(draft: SpecDraft, request_id: str) -> GatewayError:
    try:
        check_shape(draft, request_id)
    except GatewayError as error:
        return GatewayError(Reason.INVALID_SPEC, PARENT_FORM, details=(parent_violation(), *error.details))
    return GatewayError(Reason.INVALID_SPEC, PARENT_FORM, details=(parent_violation(),))
