"""From the domain's values to a BatchPredictionJob, as Vertex itself would answer it."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from google.protobuf import json_format
from google.rpc import code_pb2

from gateway.api.batch_jobs.messages_out import timestamp
from gateway.api.vertex.names import name_of
from gateway.api.vertex.states import States
from gateway.cloud.vertex_messages import VertexMessages
from gateway.domain.batch_job import BatchJob, BigQuerySource, GcsDestination, GcsSource
from gateway.domain.states import State
from gateway.domain.vertex_job import Status

_JSONL, _BIGQUERY = "jsonl", "bigquery"


class JobMessages:
    """Writes messages."""

    def __init__(self, messages: VertexMessages, states: States) -> None:
        self._messages = messages
        self._states = states

    def of(self, job: BatchJob) -> Any:
        """The message. An ended one has `end_time`, and no other has: loops wait for it."""
        message = self._messages.job(
            name=name_of(job),
            display_name=job.spec.display_name,
            model=job.spec.model,
            state=self._states.number(job.shown_state),
            labels=job.spec.labels,
            create_time=timestamp(job.create_time),
            update_time=timestamp(job.update_time),
        )
        if job.spec.model_parameters:
            json_format.ParseDict(dict(job.spec.model_parameters), message.model_parameters)
        if job.start_time is not None:
            message.start_time.CopyFrom(timestamp(job.start_time))
        _add_places(message, job)
        if job.ended:
            _add_end(message, job)
        return message

    def listed(self, jobs: Iterable[BatchJob], next_page_token: str) -> Any:
        """A page."""
        return self._messages.list_response(
            batch_prediction_jobs=[self.of(job) for job in jobs], next_page_token=next_page_token
        )


def _add_places(message: Any, job: BatchJob) -> None:
    source, destination = job.spec.source, job.spec.destination
    if isinstance(source, GcsSource):
        message.input_config.instances_format = _JSONL
        message.input_config.gcs_source.uris.append(source.uri)
    elif isinstance(source, BigQuerySource):
        message.input_config.instances_format = _BIGQUERY
        message.input_config.bigquery_source.input_uri = source.table
    if isinstance(destination, GcsDestination):
        message.output_config.predictions_format = _JSONL
        message.output_config.gcs_destination.output_uri_prefix = destination.output_uri_prefix
    else:
        message.output_config.predictions_format = _BIGQUERY
        message.output_config.bigquery_destination.output_uri = destination.table


def _add_end(message: Any, job: BatchJob) -> None:
    message.end_time.CopyFrom(timestamp(_end_of(job)))
    error = job.error or _error_of(job)
    if error is not None:
        message.error.code, message.error.message = error.code, error.message
    for failure in job.partial_failures or _untold_failures(job):
        message.partial_failures.add(code=failure.code, message=failure.message)
    if job.rows is not None:
        stats = message.completion_stats
        stats.successful_count = _count(job.rows.succeeded)
        stats.failed_count = _count(job.rows.failed)
        stats.incomplete_count = _count(job.rows.incomplete)
    if job.output is not None and job.output.gcs_directory is not None:
        message.output_info.gcs_output_directory = job.output.gcs_directory
    elif job.output is not None and job.output.bigquery_table is not None:
        dataset, _, table = job.output.bigquery_table.rpartition(".")
        message.output_info.bigquery_output_dataset = dataset
        message.output_info.bigquery_output_table = table


def _end_of(job: BatchJob) -> datetime:
    return job.end_time or job.update_time


def _error_of(job: BatchJob) -> Status | None:
    """What stands for the error of an end that has none of its own, for clients that raise it."""
    match job.state:
        case State.EXPIRED:
            return Status(code_pb2.DEADLINE_EXCEEDED, "It waited for longer than it may, and has expired.")
        case State.CANCELLED:
            return Status(code_pb2.CANCELLED, "It was cancelled.")
    return None


def _untold_failures(job: BatchJob) -> tuple[Status, ...]:
    """What stands for the failures that Vertex did not tell, for clients to whom such an end is shown as a success."""
    if job.state is not State.PARTIALLY_SUCCEEDED:
        return ()
    sentence = "Some rows have no result, and Vertex AI has not said why: see the status of each row in the output."
    return (Status(code_pb2.UNKNOWN, sentence),)


def _count(rows: int | None) -> int:
    """Vertex's word for a number that it does not know is -1."""
    return -1 if rows is None else rows
