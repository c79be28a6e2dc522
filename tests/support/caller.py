"""A team's caller over a real connection, and refusals in a form that tests can compare."""

from collections.abc import AsyncIterator, Awaitable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import grpc
from google.protobuf.message import Message
from google.rpc import error_details_pb2, status_pb2

from batchjobs.v1 import batch_jobs_pb2 as pb
from batchjobs.v1.batch_jobs_pb2_grpc import BatchJobsStub

CALL_SECONDS = 30
State = pb.BatchJob.State
ENDS = {State.SUCCEEDED, State.PARTIALLY_SUCCEEDED, State.FAILED, State.CANCELLED, State.EXPIRED}


def batch_job(**changes: Any) -> pb.BatchJob:
    """A batch job of team ranking that every check lets through; None leaves a field out."""
    fields: dict[str, Any] = {
        "model": "gemini-2.5-flash",
        "region": "us-central1",
        "gcs_source": pb.GcsSource(uri="gs://ranking-in/rows.jsonl"),
        "gcs_destination": pb.GcsDestination(output_uri_prefix="gs://ranking-out/results"),
    }
    fields |= changes
    return pb.BatchJob(**{name: value for name, value in fields.items() if value is not None})


@dataclass(frozen=True)
class Refusal:
    """What a refused call answered. `details` holds the messages of `google.rpc.Status.details` by their names."""

    code: str
    message: str
    trailers: dict[str, Any] = field(repr=False)
    details: dict[str, Any]

    @property
    def reason(self) -> str:
        info = self.details.get("ErrorInfo")
        return info.reason if info else ""

    @property
    def fields(self) -> dict[str, set[str]]:
        """The reasons of the field violations, by field."""
        by_field: dict[str, set[str]] = {}
        for violation in self.details["BadRequest"].field_violations:
            by_field.setdefault(violation.field, set()).add(violation.reason)
        return by_field

    @property
    def subjects(self) -> dict[str, str]:
        """The descriptions of the precondition violations, by subject."""
        return {each.subject: each.description for each in self.details["PreconditionFailure"].violations}

    @property
    def retry_after(self) -> timedelta | None:
        info = self.details.get("RetryInfo")
        return info.retry_delay.ToTimedelta() if info else None

    @property
    def pushback(self) -> int | None:
        """Milliseconds of `grpc-retry-pushback-ms`; None where it was not sent."""
        sent = self.trailers.get("grpc-retry-pushback-ms")
        return None if sent is None else int(sent)


def read_refusal(error: grpc.aio.AioRpcError) -> Refusal:
    trailers = dict(error.trailing_metadata() or ())
    status = status_pb2.Status.FromString(trailers.get("grpc-status-details-bin", b""))
    details: dict[str, Message] = {}
    for packed in status.details:
        message = getattr(error_details_pb2, packed.type_url.rpartition(".")[2])()
        packed.Unpack(message)
        details[type(message).__name__] = message
    return Refusal(error.code().name, error.details() or "", trailers, details)


async def refusal(call: Awaitable[Any]) -> Refusal:
    """The refusal that the call must end with."""
    try:
        answer = await call
    except grpc.aio.AioRpcError as error:
        return read_refusal(error)
    raise AssertionError(f"it was not refused: {answer}")


class Watching:
    """One open watch."""

    def __init__(self, call: Any) -> None:
        self.call = call

    async def event(self) -> pb.WatchEvent | None:
        """The next message; None when the stream has ended OK."""
        message = await self.call.read()
        return None if message is grpc.aio.EOF else message

    async def job(self) -> pb.BatchJob:
        """The next batch job."""
        event = await self.event()
        while event is not None and not event.HasField("batch_job"):
            event = await self.event()
        assert event is not None, "the watch has ended"
        return event.batch_job

    async def until(self, *states: State.ValueType) -> pb.BatchJob:
        """The first batch job in one of the states."""
        while (job := await self.job()).state not in states:
            assert job.state not in ENDS, job
        return job

    def __aiter__(self) -> AsyncIterator[pb.WatchEvent]:
        return self.call.__aiter__()


class Caller:
    """One principal; `team` is what stands in the names that it uses."""

    def __init__(self, channel: grpc.aio.Channel, principal: str, team: str | None = None) -> None:
        self.team = team or principal
        self.metadata: tuple[tuple[str, str], ...] = (("x-batchjobs-team", principal),)
        self.stub: Any = BatchJobsStub(channel)

    async def call(self, method: str, request: Any, timeout: float = CALL_SECONDS) -> Any:  # noqa: ASYNC109 - gRPC's
        return await getattr(self.stub, method)(request, metadata=self.metadata, timeout=timeout)

    async def create(self, job: pb.BatchJob | None = None, **fields: Any) -> pb.BatchJob:
        """Create; `fields` are those of the request."""
        request = {"parent": f"teams/{self.team}", "batch_job": job or batch_job(), **fields}
        return await self.call("CreateBatchJob", pb.CreateBatchJobRequest(**request))

    async def get(self, name: str) -> pb.BatchJob:
        return await self.call("GetBatchJob", pb.GetBatchJobRequest(name=name))

    async def list(self, **fields: Any) -> pb.ListBatchJobsResponse:
        return await self.call("ListBatchJobs", pb.ListBatchJobsRequest(**{"parent": f"teams/{self.team}", **fields}))

    async def cancel(self, name: str) -> pb.BatchJob:
        return await self.call("CancelBatchJob", pb.CancelBatchJobRequest(name=name))

    async def delete(self, name: str) -> None:
        await self.call("DeleteBatchJob", pb.DeleteBatchJobRequest(name=name))

    def watch(self, name: str, seconds: float = 60) -> Watching:
        request = pb.WatchBatchJobRequest(name=name)
        return Watching(self.stub.WatchBatchJob(request, metadata=self.metadata, timeout=seconds))

    def watch_team(self, token: str = "", seconds: float = 60) -> Watching:
        request = pb.WatchBatchJobsRequest(parent=f"teams/{self.team}", resume_token=token)
        return Watching(self.stub.WatchBatchJobs(request, metadata=self.metadata, timeout=seconds))
