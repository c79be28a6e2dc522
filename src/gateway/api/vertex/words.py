"""Refusals in Vertex's words: the fields of a BatchPredictionJob, its names, its states and what its clients can do."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
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
from gateway.api.metadata import REQUEST_ID_HEADER
from gateway.api.vertex.names import vertex_name
from gateway.domain.batch_job import BigQueryDestination, BigQuerySource, GcsDestination, GcsSource, PoolId
from gateway.domain.states import State
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


PHRASES: Final[Mapping[str, str]] = {
    "Set region to ": "Set the location of parent to ",
    "leave region out, or name the same place": "name the same location in parent and model",
    "The request_id ": f"The {REQUEST_ID_HEADER} ",
    "the request_id ": f"the {REQUEST_ID_HEADER} ",
    "a new request_id ": f"a new {REQUEST_ID_HEADER} ",
    "watch it to its end": "get it until it has ended",
}
"""What our sentences tell callers to do, and what these clients do instead."""

_ITS_STATE: Final = re.compile(r"\bIt is ([A-Z_]+)\.")


@dataclass(frozen=True, slots=True)
class Words:
    """How the refusals of one call are said: with Vertex's name of each of our states, and of what the call is about.

    `names` has Vertex's name for each batch job of ours that the caller named; `parent` is where a create was to go.
    """

    states: Mapping[State, str]
    names: Mapping[str, str] = field(default_factory=dict)
    parent: str = ""

    def refusal(self, error: GatewayError) -> GatewayError:
        """The same refusal, in Vertex's words."""
        message = error.message
        if error.details and isinstance(first := error.details[0], FieldViolation):
            message = _after(message, first.field, path_of(first.field))
        for ours, theirs in self.names.items():
            message = message.replace(ours, theirs)
        return GatewayError(
            error.reason,
            self._sentence(message),
            details=tuple(self._detail(detail) for detail in error.details),
            retry_after=error.retry_after,
            retry_pushback=error.retry_pushback,
            metadata=error.metadata,
        )

    def _detail(self, detail: Detail) -> Detail:
        said = replace(detail, description=self._sentence(detail.description))
        match said:
            case FieldViolation(field=path):
                return replace(said, field=path_of(path))
            case ResourceDetail(type=kind) if kind == BATCH_JOB_TYPE:
                return replace(said, type=JOB_TYPE, name=self._name(said))
            case PreconditionViolation(subject=subject):
                return replace(said, subject=self.names.get(subject, subject))
        return said

    def _name(self, resource: ResourceDetail) -> str:
        """The batch job as the caller named it, or by its pool; the place alone of one that is there no more."""
        if resource.name in self.names:
            return self.names[resource.name]
        return (
            vertex_name(PoolId.parse(resource.pool), resource.name.rpartition("/")[2]) if resource.pool else self.parent
        )

    def _sentence(self, text: str) -> str:
        for ours, theirs in PHRASES.items():
            text = text.replace(ours, theirs)
        return _ITS_STATE.sub(lambda found: f"It is {self._state(found[1])}.", text)

    def _state(self, ours: str) -> str:
        return self.states[State(ours)] if ours in set(State) else ours


def path_of(field: str) -> str:
    """The path of a field in Vertex's message; one below a field that has another path goes with it."""
    for ours, theirs in FIELDS.items():
        if field == ours or field.startswith((f"{ours}.", f"{ours}[")):
            return theirs + field.removeprefix(ours)
    return field


def _after(message: str, ours: str, theirs: str) -> str:
    return theirs + message.removeprefix(ours) if message.startswith(f"{ours}:") else message
