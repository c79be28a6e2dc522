"""A team's caller, over a real gRPC connection and the generated stubs."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import grpc.aio
from google.rpc import error_details_pb2, status_pb2

from batchjobs.v1 import batch_jobs_pb2 as pb
from batchjobs.v1 import batch_jobs_pb2_grpc

State = pb.BatchJob.State
ENDS = {State.SUCCEEDED, State.PARTIALLY_SUCCEEDED, State.FAILED, State.CANCELLED, State.EXPIRED}


@dataclass(frozen=True)
class Refusal:
    """What a refused call answered: the code, the reason, the sentence, and each violation in words."""

    code: str
    reason: str
    message: str
    violations: tuple[str, ...]


class Caller:
    """One team, as its own service would call."""

    def __init__(self, channel: grpc.aio.Channel, team: str) -> None:
        self.team = team
        self._stub = batch_jobs_pb2_grpc.BatchJobsStub(channel)
        self._metadata = (("x-batchjobs-team", team),)

    async def create(self, job: pb.BatchJob, request_id: str = "") -> pb.BatchJob:
        request = pb.CreateBatchJobRequest(parent=f"teams/{self.team}", batch_job=job, request_id=request_id)
        return await self._stub.CreateBatchJob(request, metadata=self._metadata, timeout=20)

    async def refused(self, job: pb.BatchJob, request_id: str = "") -> Refusal | None:
        """What a create is refused with; None where it was accepted."""
        try:
            await self.create(job, request_id)
        except grpc.aio.AioRpcError as error:
            return read_refusal(error)
        return None

    async def get(self, name: str) -> pb.BatchJob:
        return await self._stub.GetBatchJob(pb.GetBatchJobRequest(name=name), metadata=self._metadata, timeout=20)

    async def list(self) -> list[pb.BatchJob]:
        request = pb.ListBatchJobsRequest(parent=f"teams/{self.team}")
        return list((await self._stub.ListBatchJobs(request, metadata=self._metadata, timeout=20)).batch_jobs)

    async def cancel(self, name: str) -> pb.BatchJob:
        request = pb.CancelBatchJobRequest(name=name)
        return await self._stub.CancelBatchJob(request, metadata=self._metadata, timeout=20)

    async def watch(self, name: str) -> AsyncIterator[pb.BatchJob]:
        """Every state that the gateway streams, to the end."""
        call = self._stub.WatchBatchJob(pb.WatchBatchJobRequest(name=name), metadata=self._metadata, timeout=90)
        async for event in call:
            if event.HasField("batch_job"):
                yield event.batch_job

    async def watch_team(self, resume_token: str = "") -> AsyncIterator[pb.WatchEvent]:
        """Every event of the team's watch, until the caller has seen enough."""
        request = pb.WatchBatchJobsRequest(parent=f"teams/{self.team}", resume_token=resume_token)
        async for event in self._stub.WatchBatchJobs(request, metadata=self._metadata, timeout=90):
            yield event

    async def delete(self, name: str) -> None:
        await self._stub.DeleteBatchJob(pb.DeleteBatchJobRequest(name=name), metadata=self._metadata, timeout=20)

    async def until(self, name: str, *states: State.ValueType) -> pb.BatchJob:
        """Watch until one of the states, or an end."""
        wanted = {*states, *ENDS}
        async for job in self.watch(name):
            if job.state in wanted:
                return job
        raise EOFError(f"the watch of {name} ended too early")


def read_refusal(error: grpc.aio.AioRpcError) -> Refusal:
    """The details that travel in the `grpc-status-details-bin` trailer."""
    status = status_pb2.Status()
    for key, value in error.trailing_metadata() or ():
        if key == "grpc-status-details-bin" and isinstance(value, bytes):
            status.ParseFromString(value)
    reason, violations = "", list[str]()
    for detail in status.details:
        message: Any
        for message in (error_details_pb2.ErrorInfo(), error_details_pb2.BadRequest(),
                        error_details_pb2.PreconditionFailure(), error_details_pb2.QuotaFailure()):  # fmt: skip
            if detail.Unpack(message):
                reason = getattr(message, "reason", reason)
                violations += [v.description for v in getattr(message, "violations", ())]
                violations += [f"{v.field}: {v.description}" for v in getattr(message, "field_violations", ())]
    return Refusal(error.code().name, reason, error.details() or "", tuple(violations))
