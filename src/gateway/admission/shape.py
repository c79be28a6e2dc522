"""Shape: what can be said about a create by looking at it alone. All violations are answered at once."""

import re
import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Final

from gateway.admission.fields import (
    DESTINATION,
    DISPLAY_NAME,
    MAX_QUEUE_DURATION,
    MODEL,
    PRIORITY,
    REGION,
    REQUEST_ID,
    SOURCE,
    destination_field,
    refuse,
    source_field,
)
from gateway.admission.labels import label_violations
from gateway.admission.parameters import parameter_violations
from gateway.domain.batch_job import Destination, GcsDestination, GcsSource, Source, Spec
from gateway.domain.uris import Fault, object_faults, prefix_faults, table_faults
from gateway.errors import FieldViolation, Reason
from gateway.policy.models import ModelNameError, parse_model_name

MAX_DISPLAY_NAME: Final = 128
MAX_PRIORITY: Final = 100
MAX_REGION: Final = 63
MAX_REQUEST_ID: Final = 64
MAX_QUEUE_TIME: Final = timedelta(days=365)

_REGION: Final = re.compile(r"[a-z]+(-[a-z]+[0-9]+)?")
_REQUEST_ID: Final = re.compile(r"[\x20-\x7e]+")


@dataclass(frozen=True, slots=True)
class SpecDraft:
    """What a caller sent, before anything is known to be right. Absent is None, or empty where the wire cannot tell."""

    model: str = ""
    source: Source | None = None
    destination: Destination | None = None
    display_name: str = ""
    region: str = ""
    priority: int | None = None
    model_parameters: Mapping[str, Any] = field(default_factory=dict)
    labels: Mapping[str, str] = field(default_factory=dict)
    max_queue_duration: timedelta | None = None
    project: str = ""


def check_shape(draft: SpecDraft, request_id: str = "") -> Spec:
    """The spec, if every field is well formed.

    Raises:
        GatewayError: INVALID_SPEC, with every violation, those of the `request_id` included.

    """
    violations = [*_spec_violations(draft), *_request_id_violations(request_id)]
    if violations or draft.source is None or draft.destination is None:
        raise refuse(Reason.INVALID_SPEC, violations)
    return Spec(
        model=draft.model,
        source=draft.source,
        destination=draft.destination,
        display_name=draft.display_name,
        region=draft.region,
        priority=draft.priority,
        model_parameters=draft.model_parameters,
        labels=draft.labels,
        max_queue_duration=draft.max_queue_duration,
        project=draft.project,
    )


def _spec_violations(draft: SpecDraft) -> Iterator[FieldViolation]:
    yield from _display_name_violations(draft.display_name)
    yield from _model_violations(draft.model)
    yield from _region_violations(draft.region)
    if draft.priority is not None and not 0 <= draft.priority <= MAX_PRIORITY:
        yield FieldViolation(PRIORITY, "PRIORITY_RANGE", f"It is {draft.priority}; it goes from 0 to {MAX_PRIORITY}.")
    yield from _source_violations(draft.source)
    yield from _destination_violations(draft.destination)
    yield from parameter_violations(draft.model_parameters)
    yield from label_violations(draft.labels)
    yield from _duration_violations(draft.max_queue_duration)


def _display_name_violations(name: str) -> Iterator[FieldViolation]:
    if len(name) > MAX_DISPLAY_NAME:
        sentence = f"It has {len(name)} characters; at most {MAX_DISPLAY_NAME} are allowed."
        yield FieldViolation(DISPLAY_NAME, "DISPLAY_NAME_TOO_LONG", sentence)
    if any(unicodedata.category(sign) in {"Cc", "Cs"} for sign in name[:MAX_DISPLAY_NAME]):
        sentence = "It holds a control character or a line break: write it in one line of plain text."
        yield FieldViolation(DISPLAY_NAME, "DISPLAY_NAME_CHARACTER", sentence)


def _model_violations(model: str) -> Iterator[FieldViolation]:
    if not model:
        yield FieldViolation(MODEL, "MODEL_MISSING", "It is empty: name a model, such as gemini-2.5-flash.")
        return
    try:
        parse_model_name(model)
    except ModelNameError as error:
        sentence = str(error)
        yield FieldViolation(MODEL, "MODEL_NAME", f"{sentence[0].upper()}{sentence[1:]}.")


def _region_violations(region: str) -> Iterator[FieldViolation]:
    if region and (len(region) > MAX_REGION or not _REGION.fullmatch(region)):
        sentence = "It is no Vertex AI location: write one such as us-central1 or global, in lower case."
        yield FieldViolation(REGION, "REGION_NAME", sentence)


def _source_violations(source: Source | None) -> Iterator[FieldViolation]:
    if source is None:
        sentence = "Nothing is set: set exactly one of gcs_source and bigquery_source."
        yield FieldViolation(SOURCE, "SOURCE_MISSING", sentence)
        return
    faults = object_faults(source.uri) if isinstance(source, GcsSource) else table_faults(source.table)
    yield from _uri_violations(source_field(source), faults)


def _destination_violations(destination: Destination | None) -> Iterator[FieldViolation]:
    if destination is None:
        sentence = "Nothing is set: set exactly one of gcs_destination and bigquery_destination."
        yield FieldViolation(DESTINATION, "DESTINATION_MISSING", sentence)
        return
    if isinstance(destination, GcsDestination):
        faults = prefix_faults(destination.output_uri_prefix)
    else:
        faults = table_faults(destination.table)
    yield from _uri_violations(destination_field(destination), faults)


def _uri_violations(path: str, faults: tuple[Fault, ...]) -> Iterator[FieldViolation]:
    return (FieldViolation(path, fault.reason, fault.sentence) for fault in faults)


def _duration_violations(duration: timedelta | None) -> Iterator[FieldViolation]:
    if duration is not None and not timedelta(0) < duration <= MAX_QUEUE_TIME:
        sentence = f"It must be above zero and at most {MAX_QUEUE_TIME.days} days; leave it out for no bound of yours."
        yield FieldViolation(MAX_QUEUE_DURATION, "DURATION_RANGE", sentence)


def _request_id_violations(request_id: str) -> Iterator[FieldViolation]:
    """None for "": the wire cannot tell an empty `request_id` from an absent one."""
    if request_id and (len(request_id) > MAX_REQUEST_ID or not _REQUEST_ID.fullmatch(request_id)):
        sentence = f"It must have 1 to {MAX_REQUEST_ID} printable ASCII characters, such as a UUID."
        yield FieldViolation(REQUEST_ID, "REQUEST_ID_FORM", sentence)
