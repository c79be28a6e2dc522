"""From the domain's values to the contract's messages."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final

from google.protobuf import any_pb2, struct_pb2, timestamp_pb2
from google.rpc import code_pb2, error_details_pb2, status_pb2

from batchjobs.v1 import batch_jobs_pb2, errors_pb2
from gateway.domain.batch_job import BatchJob, BigQuerySource, GcsDestination, GcsSource
from gateway.domain.vertex_job import Rows, Status
from gateway.errors import DOMAIN
from gateway.service.list import Page
from gateway.service.view import View, Waiting

VERTEX_DOMAIN: Final = "aiplatform.googleapis.com"
LARGEST_ANSWER: Final = 3 * 1024 * 1024
"""Bytes of one list page: callers read at most 4 MiB unless they ask for more."""

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_STATES: Final[Mapping[str, Any]] = dict(batch_jobs_pb2.BatchJob.State.items())
_OUR_REASONS: Final = frozenset(errors_pb2.ErrorReason.keys())


def message_of(view: View) -> batch_jobs_pb2.BatchJob:
    """The batch job as callers see it."""
    message = batch_jobs_pb2.BatchJob()
    fill(message, view)
    return message


def fill(message: batch_jobs_pb2.BatchJob, view: View) -> None:
    """Write the batch job into an empty message, perhaps a part of another: what is put there whole is copied."""
    fill_fixed(message, view.job)
    fill_changing(message, view)


def fill_fixed(message: batch_jobs_pb2.BatchJob, job: BatchJob) -> None:
    """The part that is the same for as long as the batch job is there."""
    if job.id:
        message.name = job.name
    message.effective_model = job.effective_model
    message.effective_region = job.pool.region
    message.pool = str(job.pool)
    message.creator = job.creator
    _set_time(message.create_time, job.create_time)
    _add_spec(message, job)


def fill_changing(message: batch_jobs_pb2.BatchJob, view: View) -> None:
    """The other part."""
    job = view.job
    message.state = _STATES[job.shown_state]
    message.attempts = job.attempt_count
    message.vertex_job = job.vertex_name
    message.revision = job.revision
    _add_times(message, job)
    if view.waiting is not None:
        message.waiting.CopyFrom(waiting_message(view.waiting))
    for entry in job.transitions:
        added = message.transitions.add(state=_STATES[entry.state], reason=entry.reason, actor=entry.actor)
        _set_time(added.time, entry.time)
    _add_outcome(message, job)


def list_response(page: Page) -> batch_jobs_pb2.ListBatchJobsResponse:
    """One page, cut short where callers could not read it whole."""
    response = batch_jobs_pb2.ListBatchJobsResponse()
    size = 0
    for count, view in enumerate(page.views):
        message = message_of(view)
        size += message.ByteSize()
        if size > LARGEST_ANSWER and count:
            page = page.cut(count)
            break
        response.batch_jobs.append(message)
    response.next_page_token = page.next_token
    return response


def _add_times(message: batch_jobs_pb2.BatchJob, job: BatchJob) -> None:
    _set_time(message.update_time, job.update_time)
    if job.submit_time is not None:
        _set_time(message.submit_time, job.submit_time)
    if job.start_time is not None:
        _set_time(message.start_time, job.start_time)
    if job.end_time is not None:
        _set_time(message.end_time, job.end_time)
    if job.expire_time is not None:
        _set_time(message.expire_time, job.expire_time)


def _add_spec(message: batch_jobs_pb2.BatchJob, job: BatchJob) -> None:
    spec = job.spec
    message.display_name = spec.display_name
    message.model = spec.model
    message.region = spec.region
    message.labels.update(spec.labels)
    if spec.priority is not None:
        message.priority = spec.priority
    if isinstance(spec.source, GcsSource):
        message.gcs_source.uri = spec.source.uri
    elif isinstance(spec.source, BigQuerySource):
        message.bigquery_source.table = spec.source.table
    if isinstance(spec.destination, GcsDestination):
        message.gcs_destination.output_uri_prefix = spec.destination.output_uri_prefix
    else:
        message.bigquery_destination.table = spec.destination.table
    if spec.model_parameters:
        message.model_parameters.CopyFrom(_struct(spec.model_parameters))
    if spec.max_queue_duration is not None:
        message.max_queue_duration.FromTimedelta(spec.max_queue_duration)


def _add_outcome(message: batch_jobs_pb2.BatchJob, job: BatchJob) -> None:
    if job.error is not None:
        message.error.CopyFrom(_error(job, job.error))
    for failure in job.partial_failures:
        message.partial_failures.add(code=failure.code, message=failure.message)
    if job.rows is not None:
        message.rows.CopyFrom(_rows(job.rows))
    if job.output is not None and job.output.gcs_directory is not None:
        message.output.gcs_directory = job.output.gcs_directory
    elif job.output is not None and job.output.bigquery_table is not None:
        message.output.bigquery_table = job.output.bigquery_table


def _error(job: BatchJob, error: Status) -> status_pb2.Status:
    """The error with who said it: the gateway where the move to the end gives a reason of its own, else Vertex."""
    status = status_pb2.Status(code=error.code, message=error.message)
    reason = job.transitions[-1].reason if job.transitions else ""
    if reason in _OUR_REASONS:
        info = error_details_pb2.ErrorInfo(reason=reason, domain=DOMAIN)
    else:
        info = error_details_pb2.ErrorInfo(reason=_code_name(error.code), domain=VERTEX_DOMAIN)
    packed = any_pb2.Any()
    packed.Pack(info)
    status.details.append(packed)
    return status


def _code_name(code: int) -> str:
    return code_pb2.Code.Name(code) if code in code_pb2.Code.values() else "UNKNOWN"


def _rows(rows: Rows) -> batch_jobs_pb2.BatchJob.Rows:
    return batch_jobs_pb2.BatchJob.Rows(succeeded=rows.succeeded, failed=rows.failed, incomplete=rows.incomplete)


def waiting_message(waiting: Waiting) -> batch_jobs_pb2.BatchJob.Waiting:
    """Why something waits."""
    return batch_jobs_pb2.BatchJob.Waiting(
        reason=batch_jobs_pb2.WaitingReason.Value(waiting.reason),
        position=waiting.position,
        as_of_time=timestamp(waiting.as_of_time),
    )


def _struct(values: Mapping[str, Any]) -> struct_pb2.Struct:
    struct = struct_pb2.Struct()
    for key, value in values.items():
        struct.fields[key].CopyFrom(_value(value))
    return struct


def _value(value: Any) -> struct_pb2.Value:
    match value:
        case None:
            return struct_pb2.Value(null_value=struct_pb2.NULL_VALUE)
        case bool():
            return struct_pb2.Value(bool_value=value)
        case int() | float():
            return struct_pb2.Value(number_value=value)
        case str():
            return struct_pb2.Value(string_value=value)
        case Mapping():
            return struct_pb2.Value(struct_value=_struct(value))
        case _:
            return struct_pb2.Value(list_value=struct_pb2.ListValue(values=[_value(item) for item in value]))


def timestamp(time: datetime) -> timestamp_pb2.Timestamp:
    """A time in the contract's form."""
    message = timestamp_pb2.Timestamp()
    _set_time(message, time)
    return message


def _set_time(message: timestamp_pb2.Timestamp, time: datetime) -> None:
    since = time - _EPOCH
    message.seconds = since.days * 86_400 + since.seconds
    message.nanos = since.microseconds * 1000
