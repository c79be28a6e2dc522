"""The paths of a create's fields as violations name them, and the refusal that carries many violations."""

import json
from collections.abc import Sequence
from typing import Final

from gateway.domain.batch_job import BigQueryDestination, BigQuerySource, Destination, GcsDestination, GcsSource, Source
from gateway.errors import FieldViolation, GatewayError, Reason

DISPLAY_NAME: Final = "batch_job.display_name"
MODEL: Final = "batch_job.model"
REGION: Final = "batch_job.region"
PRIORITY: Final = "batch_job.priority"
SOURCE: Final = "batch_job.source"
DESTINATION: Final = "batch_job.destination"
MODEL_PARAMETERS: Final = "batch_job.model_parameters"
LABELS: Final = "batch_job.labels"
MAX_QUEUE_DURATION: Final = "batch_job.max_queue_duration"
REQUEST_ID: Final = "request_id"

MAX_VIOLATIONS: Final = 100
_MAX_SHOWN_KEY: Final = 80


def source_field(source: Source | None) -> str:
    """The path of what names the source; of the oneof where there is none."""
    match source:
        case GcsSource():
            return "batch_job.gcs_source.uri"
        case BigQuerySource():
            return "batch_job.bigquery_source.table"
    return SOURCE


def destination_field(destination: Destination | None) -> str:
    """The path of what names the destination; of the oneof where there is none."""
    match destination:
        case GcsDestination():
            return "batch_job.gcs_destination.output_uri_prefix"
        case BigQueryDestination():
            return "batch_job.bigquery_destination.table"
    return DESTINATION


def label_field(key: str) -> str:
    """The path of one label's value, the key quoted; a long key is cut."""
    return f"{LABELS}[{json.dumps(key[:_MAX_SHOWN_KEY], ensure_ascii=False)}]"


def refuse(reason: Reason, violations: Sequence[FieldViolation]) -> GatewayError:
    """One refusal for all violations, of which at most a hundred are carried; the message tells the first."""
    first, more = violations[0], len(violations) - 1
    rest = f" And {more} more: see the details." if more else ""
    return GatewayError(reason, f"{first.field}: {first.description}{rest}", details=tuple(violations[:MAX_VIOLATIONS]))
