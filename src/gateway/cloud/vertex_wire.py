"""Vertex's messages: building a BatchPredictionJob from what is wanted, and reading one as a `VertexJob`.

Google's types are imported late: they cost 70 MB and more than a second, and processes that never lead do without.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final

from google.protobuf import json_format, struct_pb2

from gateway.domain.batch_job import Destination, GcsDestination, GcsSource, Source
from gateway.domain.states import State
from gateway.domain.vertex_job import Output, Rows, Status, VertexJob

READ_MASK: Final = (
    *("name", "display_name", "model", "input_config", "output_config", "labels", "state", "create_time"),
    *("update_time", "start_time", "end_time", "error", "partial_failures", "completion_stats", "output_info"),
)

ENDED_STATES: Final = (
    "JOB_STATE_SUCCEEDED",
    "JOB_STATE_PARTIALLY_SUCCEEDED",
    "JOB_STATE_FAILED",
    "JOB_STATE_CANCELLED",
    "JOB_STATE_EXPIRED",
)

_STATES: Final[Mapping[str, State]] = {
    "JOB_STATE_QUEUED": State.PENDING,
    "JOB_STATE_PENDING": State.PENDING,
    "JOB_STATE_RUNNING": State.RUNNING,
    "JOB_STATE_UPDATING": State.RUNNING,
    "JOB_STATE_PAUSED": State.PAUSED,
    "JOB_STATE_CANCELLING": State.CANCELLING,
    **{name: State(name.removeprefix("JOB_STATE_")) for name in ENDED_STATES},
}


@dataclass(frozen=True, slots=True)
class NewVertexJob:
    """What a create asks Vertex for. `labels` are complete: the gateway's own and the caller's."""

    display_name: str
    model: str
    source: Source
    destination: Destination
    labels: Mapping[str, str]
    model_parameters: Mapping[str, Any] = field(default_factory=dict)


def running_filter() -> str:
    """The list filter for everything that has not ended: told by the ends, so that a state unknown to us is in it."""
    return " AND ".join(f'state!="{name}"' for name in ENDED_STATES)


def created_since_filter(since: datetime) -> str:
    """The list filter of a scan: bounded by the create time alone."""
    return f'create_time>="{since.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")}"'


def encode(job: NewVertexJob) -> Any:
    """The BatchPredictionJob to create."""
    from google.cloud.aiplatform_v1 import types

    wire = types.BatchPredictionJob(
        display_name=job.display_name,
        model=job.model,
        input_config=_input_config(types, job.source),
        output_config=_output_config(types, job.destination),
        labels=dict(job.labels),
    )
    if job.model_parameters:
        wire.model_parameters = json_format.ParseDict(dict(job.model_parameters), struct_pb2.Value())
    return wire


def _input_config(types: Any, source: Source) -> Any:
    config = types.BatchPredictionJob.InputConfig
    if isinstance(source, GcsSource):
        return config(instances_format="jsonl", gcs_source=types.GcsSource(uris=[source.uri]))
    return config(instances_format="bigquery", bigquery_source=types.BigQuerySource(input_uri=source.table))


def _output_config(types: Any, destination: Destination) -> Any:
    config = types.BatchPredictionJob.OutputConfig
    if isinstance(destination, GcsDestination):
        place = types.GcsDestination(output_uri_prefix=destination.output_uri_prefix)
        return config(predictions_format="jsonl", gcs_destination=place)
    place = types.BigQueryDestination(output_uri=destination.table)
    return config(predictions_format="bigquery", bigquery_destination=place)


def decode(wire: Any) -> VertexJob:
    """One BatchPredictionJob, given as Google's wrapper around the message."""
    pb = type(wire).pb(wire)
    created = _time(pb, "create_time") or datetime.fromtimestamp(0, UTC)
    updated = _time(pb, "update_time") or created
    state = _state(pb)
    return VertexJob(
        name=pb.name,
        state=state,
        model=pb.model,
        source_uri=_source_uri(pb.input_config),
        destination_uri=_destination_uri(pb.output_config),
        labels=dict(pb.labels),
        create_time=created,
        update_time=updated,
        start_time=_time(pb, "start_time"),
        # Documented for three of the five ends only; the last update stands in for it in the others.
        end_time=_time(pb, "end_time") or (updated if f"JOB_STATE_{state}" in ENDED_STATES else None),
        error=_error(pb),
        partial_failures=tuple(Status(each.code, each.message) for each in pb.partial_failures),
        rows=_rows(pb),
        output=_output(pb),
        display_name=pb.display_name,
    )


def _state(pb: Any) -> State:
    field_type = pb.DESCRIPTOR.fields_by_name["state"].enum_type
    value = field_type.values_by_number.get(pb.state)
    return _STATES.get(value.name, State.RUNNING) if value is not None else State.RUNNING


def _time(pb: Any, name: str) -> datetime | None:
    if not pb.HasField(name):
        return None
    stamp: datetime = getattr(pb, name).ToDatetime(tzinfo=UTC)
    return stamp


def _source_uri(config: Any) -> str:
    if config.WhichOneof("source") == "bigquery_source":
        return str(config.bigquery_source.input_uri)
    return str(config.gcs_source.uris[0]) if config.gcs_source.uris else ""


def _destination_uri(config: Any) -> str:
    if config.WhichOneof("destination") == "bigquery_destination":
        return str(config.bigquery_destination.output_uri)
    return str(config.gcs_destination.output_uri_prefix)


def _error(pb: Any) -> Status | None:
    return Status(pb.error.code, pb.error.message) if pb.HasField("error") and pb.error.code else None


def _rows(pb: Any) -> Rows | None:
    if not pb.HasField("completion_stats"):
        return None
    stats = pb.completion_stats
    return Rows(*(_known(n) for n in (stats.successful_count, stats.failed_count, stats.incomplete_count)))


def _known(count: int) -> int | None:
    return count if count >= 0 else None


def _output(pb: Any) -> Output | None:
    info = pb.output_info
    if info.gcs_output_directory:
        return Output(gcs_directory=info.gcs_output_directory)
    if info.bigquery_output_dataset or info.bigquery_output_table:
        return Output(bigquery_table=_table(info.bigquery_output_dataset, info.bigquery_output_table))
    return None


def _table(dataset: str, table: str) -> str:
    """`bq://project.dataset.table`: Vertex gives the dataset with its scheme, and the table alone or in full."""
    return table if not dataset or table.startswith("bq://") else f"{dataset}.{table}"
