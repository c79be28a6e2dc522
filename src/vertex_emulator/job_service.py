"""The methods of Vertex's JobService that concern batch prediction jobs, as functions of request messages."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from datetime import timedelta
from functools import partial
from typing import Any

import grpc
from google.cloud.aiplatform_v1.types import ListBatchPredictionJobsResponse
from google.protobuf import empty_pb2, field_mask_pb2

from vertex_emulator.bucket_checks import check_buckets
from vertex_emulator.calls import Call
from vertex_emulator.capacity import Capacity
from vertex_emulator.clock import Clock
from vertex_emulator.config import EmulatorConfig
from vertex_emulator.errors import invalid, precondition
from vertex_emulator.faults import FaultKind, TakenFaults
from vertex_emulator.filter_tokens import FilterError
from vertex_emulator.filters import Expression, Filterable, parse_filter
from vertex_emulator.jobs import Job, JobMessage, JobStore, PlannedOutcome
from vertex_emulator.lifecycle import Lifecycle
from vertex_emulator.names import Names, Place
from vertex_emulator.operations import Operations
from vertex_emulator.paging import page, page_size
from vertex_emulator.quotas import RequestQuota
from vertex_emulator.storage.buckets import Buckets
from vertex_emulator.validation import check_job, model_display_name

_OUTPUT_ONLY = (
    "name",
    "state",
    "error",
    "partial_failures",
    "completion_stats",
    "output_info",
    "resources_consumed",
    "create_time",
    "start_time",
    "end_time",
    "update_time",
    "model_version_id",
)


class JobService:
    """Create, get, list, cancel and delete. Errors are `ApiError`s; answers are protobuf messages."""

    def __init__(
        self,
        config: EmulatorConfig,
        clock: Clock,
        names: Names,
        jobs: JobStore,
        capacity: Capacity,
        lifecycle: Lifecycle,
        operations: Operations,
        buckets: Buckets,
    ) -> None:
        self._config = config
        self._clock = clock
        self._names = names
        self._jobs = jobs
        self._capacity = capacity
        self._lifecycle = lifecycle
        self._operations = operations
        self._buckets = buckets
        self._submits = RequestQuota("batch_prediction_job_submissions", config.submits_per_minute, clock)
        self._reads = RequestQuota("job_reads", config.reads_per_minute, clock)

    async def create(self, request: Any, call: Call, taken: TakenFaults) -> Any:
        """Make a job. The same request makes another one each time, as with Vertex."""
        place = self._names.place(request.parent)
        self._submits.spend(place)
        check_job(
            request.batch_prediction_job,
            place,
            self._config.models,
            global_bigquery=self._config.global_bigquery,
        )
        await asyncio.to_thread(
            check_buckets, request.batch_prediction_job, place, self._buckets, self._config.bucket_check
        )
        self._capacity.check_create(place)
        job = self.make(place, request.batch_prediction_job)
        if outcome := taken.one(FaultKind.OUTCOME):
            code = grpc.StatusCode[outcome.code or "INVALID_ARGUMENT"].value[0]
            job.planned = PlannedOutcome(outcome.seconds, code, outcome.message or "This failure was scripted.")
        call.job = job.name
        return _copy(job.message)

    def make(self, place: Place, wanted: Any) -> Job:
        """A new job like the wanted one, begun."""
        now = self._clock.now()
        message = _copy(wanted)
        for field in _OUTPUT_ONLY:
            message.ClearField(field)
        job_id = self._jobs.new_id()
        message.name = place.job_name(job_id)
        message.create_time.FromDatetime(now)
        job = Job(job_id, place, message, now)
        self._lifecycle.begin(job)
        return job

    async def get(self, request: Any, call: Call, _: TakenFaults) -> Any:
        place, job_id = self._names.job(request.name)
        self._reads.spend(place)
        job = self._jobs.get(place, job_id)
        call.job = job.name
        return _copy(job.message)

    async def list(self, request: Any, _: Call, taken: TakenFaults) -> Any:
        place = self._names.place(request.parent)
        self._reads.spend(place)
        expression = _filter(request.filter)
        _check_mask(request.read_mask)
        newest = self._clock.now() - timedelta(seconds=taken.seconds(FaultKind.LIST_LAG))
        shown = (
            job for job in self._jobs.in_place(place) if job.create_time <= newest and expression.matches(_view(job))
        )
        size = page_size(request.page_size, self._config.page_size_limit)
        found = page(shown, f"{place} {request.filter}", size, request.page_token)
        response = ListBatchPredictionJobsResponse.pb()(next_page_token=found.next_token)
        response.batch_prediction_jobs.extend(_masked(found.jobs, request.read_mask))
        return response

    async def cancel(self, request: Any, call: Call, _: TakenFaults) -> Any:
        job = self._jobs.get(*self._names.job(request.name))
        call.job = job.name
        self._lifecycle.cancel(job)
        return empty_pb2.Empty()

    async def delete(self, request: Any, call: Call, _: TakenFaults) -> Any:
        """Begin to delete an ended job. Until the operation is done the job is still there."""
        job = self._jobs.get(*self._names.job(request.name))
        call.job = job.name
        if not job.ended:
            raise precondition(
                f"The BatchPredictionJob {job.name} is {job.state.wire_name}; only ended ones can be deleted."
            )
        if not job.deleting:
            job.deleting = job.place.operation_name(self._jobs.new_id())
            self._operations.begin(job.deleting, self._clock.now())
            self._clock.call_later(self._config.delete_seconds, partial(self._deleted, job))
        return _copy(self._operations.get(job.deleting))

    async def _deleted(self, job: Job) -> None:
        self._jobs.remove(job)
        self._operations.finish(job.deleting)


def _copy(message: Any) -> Any:
    copied = type(message)()
    copied.CopyFrom(message)
    return copied


def _filter(text: str) -> Expression:
    try:
        return parse_filter(text)
    except FilterError as error:
        raise invalid(f"Invalid filter: {error}.") from error


def _view(job: Job) -> Filterable:
    message = job.message
    return Filterable(
        message.display_name,
        model_display_name(message.model),
        job.state.wire_name,
        job.create_time,
        message.labels,
    )


def _check_mask(mask: Any) -> None:
    for path in mask.paths:
        if path != "*" and not field_mask_pb2.FieldMask(paths=[path]).IsValidForDescriptor(JobMessage.DESCRIPTOR):
            raise invalid(f"read_mask: {path!r} is not a field of BatchPredictionJob.")


def _masked(jobs: Iterable[Job], mask: Any) -> Iterable[Any]:
    for job in jobs:
        if not mask.paths or "*" in mask.paths:
            yield job.message
            continue
        message = JobMessage()
        mask.MergeMessage(job.message, message)
        yield message
