"""A gateway that answers what the test tells it, and the command run in this process."""

import asyncio
import contextlib
import io
from collections import defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from datetime import timedelta

import grpc
from google.protobuf.any_pb2 import Any as AnyMessage
from google.protobuf.duration_pb2 import Duration
from google.protobuf.message import Message
from google.rpc import error_details_pb2, status_pb2

from batchjobs.cli.main import main
from batchjobs.v1 import batch_jobs_pb2, batch_jobs_pb2_grpc

NAME = "teams/ranking/batchJobs/174873600000012345"
SUBMIT = ("submit", "--model", "flash", "--source", "gs://in/a.jsonl", "--destination", "gs://out/x")
State = batch_jobs_pb2.BatchJob.State


@dataclass
class Refusal:
    """A failed answer, as the gateway sends them."""

    code: grpc.StatusCode
    message: str = "No."
    reason: str = ""
    details: tuple[Message, ...] = ()
    retry_after: timedelta | None = None
    pushback: str | None = None

    async def abort(self, context: grpc.aio.ServicerContext) -> None:
        details = list(self.details)
        if self.reason:
            details.append(error_details_pb2.ErrorInfo(reason=self.reason, domain="batchjobs.gateway"))
        if self.retry_after is not None:
            delay = Duration()
            delay.FromTimedelta(self.retry_after)
            details.append(error_details_pb2.RetryInfo(retry_delay=delay))
        status = status_pb2.Status(code=self.code.value[0], message=self.message)
        for detail in details:
            packed = AnyMessage()
            packed.Pack(detail)
            status.details.append(packed)
        trailers = [("grpc-status-details-bin", status.SerializeToString())]
        if self.pushback is not None:
            trailers.append(("grpc-retry-pushback-ms", self.pushback))
        await context.abort(self.code, self.message, tuple(trailers))


@dataclass
class Gateway(batch_jobs_pb2_grpc.BatchJobsServicer):
    """Answers each call with the next line of the script; keeps what it was asked, by whom and how long it had.

    A line is a message, a Refusal, a function that makes one of these of the request, or, for a watch, a list of
    messages, Refusals and events to wait for.
    """

    endpoint: str = ""
    script: dict[str, list] = field(default_factory=lambda: defaultdict(list))
    asked: list[tuple[str, Message, dict[str, str]]] = field(default_factory=list)
    peers: list[str] = field(default_factory=list)
    """The other end of each call's connection."""
    seconds_given: list[float] = field(default_factory=list)
    began_watching: asyncio.Event = field(default_factory=asyncio.Event)
    stopped_watching: asyncio.Event = field(default_factory=asyncio.Event)
    server: grpc.aio.Server | None = None

    def requests(self, method: str) -> list[Message]:
        return [request for name, request, _ in self.asked if name == method]

    async def _answer(self, method: str, request: Message, context: grpc.aio.ServicerContext) -> Message:
        self.asked.append((method, request, dict(context.invocation_metadata())))
        self.peers.append(context.peer())
        self.seconds_given.append(context.time_remaining())
        line = self.script[method].pop(0)
        if isinstance(line, asyncio.Event):
            await line.wait()
        if callable(line):
            line = line(request)
        if isinstance(line, Refusal):
            await line.abort(context)
        return line

    async def CreateBatchJob(self, request, context):  # noqa: N802 - gRPC's name
        return await self._answer("CreateBatchJob", request, context)

    async def GetBatchJob(self, request, context):  # noqa: N802 - gRPC's name
        return await self._answer("GetBatchJob", request, context)

    async def ListBatchJobs(self, request, context):  # noqa: N802 - gRPC's name
        return await self._answer("ListBatchJobs", request, context)

    async def CancelBatchJob(self, request, context):  # noqa: N802 - gRPC's name
        return await self._answer("CancelBatchJob", request, context)

    async def DeleteBatchJob(self, request, context):  # noqa: N802 - gRPC's name
        return await self._answer("DeleteBatchJob", request, context)

    async def GetTeamUsage(self, request, context):  # noqa: N802 - gRPC's name
        return await self._answer("GetTeamUsage", request, context)

    async def WatchBatchJob(self, request, context):  # noqa: N802 - gRPC's name
        async for message in self._stream("WatchBatchJob", request, context):
            yield message

    async def WatchBatchJobs(self, request, context):  # noqa: N802 - gRPC's name
        async for message in self._stream("WatchBatchJobs", request, context):
            yield message

    async def _stream(
        self, method: str, request: Message, context: grpc.aio.ServicerContext
    ) -> AsyncIterator[batch_jobs_pb2.WatchEvent]:
        self.asked.append((method, request, dict(context.invocation_metadata())))
        self.peers.append(context.peer())
        self.began_watching.set()
        try:
            for step in self.script[method].pop(0):
                if isinstance(step, Refusal):
                    await step.abort(context)
                elif isinstance(step, asyncio.Event):
                    await step.wait()
                else:
                    yield step
        finally:
            self.stopped_watching.set()

    async def start(self) -> None:
        """Listen, where it listened before if it did."""
        self.server = grpc.aio.server(options=[("grpc.so_reuseport", 0)])
        batch_jobs_pb2_grpc.add_BatchJobsServicer_to_server(self, self.server)
        self.endpoint = f"127.0.0.1:{self.server.add_insecure_port(self.endpoint or '127.0.0.1:0')}"
        await self.server.start()

    async def stop(self) -> None:
        """Cut every call and listen no more."""
        await self.server.stop(0)


@dataclass(frozen=True)
class Ran:
    """What a command left behind."""

    code: int
    out: str
    err: str


Run = Callable[..., Awaitable[Ran]]


def run_here(arguments: list[str]) -> Ran:
    """Run the command in this process, from its entry point to its exit code."""
    out, err, code = (*(io.TextIOWrapper(io.BytesIO(), "utf-8", write_through=True) for _ in range(2)), 0)
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try:
            main(arguments)
        except SystemExit as end:
            code = end.code or 0
    return Ran(code, *(stream.buffer.getvalue().decode() for stream in (out, err)))


def batch_job(state: int = State.QUEUED, **fields: object) -> batch_jobs_pb2.BatchJob:
    """A batch job as the gateway would answer it."""
    whole = {"name": NAME, "model": "flash", "effective_model": "publishers/google/models/gemini-2.5-flash"}
    return batch_jobs_pb2.BatchJob(**(whole | {"state": state, "pool": "corp-ml/us-central1"} | fields))


def not_uploaded_yet(request: batch_jobs_pb2.CreateBatchJobRequest, *more: tuple[str, str]) -> Refusal:
    """What the gateway says of a batch job whose source is not there, and of `more` that is wrong: type and subject."""
    found = [("SOURCE_NOT_FOUND", request.batch_job.gcs_source.uri), *more]
    violations = [
        error_details_pb2.PreconditionFailure.Violation(type=kind, subject=subject, description=f"{kind}.")
        for kind, subject in found
    ]
    details = (error_details_pb2.PreconditionFailure(violations=violations),)
    return Refusal(grpc.StatusCode.FAILED_PRECONDITION, reason="SOURCE_NOT_FOUND", details=details)


def live(token: str, state: int, number: int = 1, **fields: object) -> batch_jobs_pb2.WatchEvent:
    """One message of a team's watch: a batch job by its number, which is its revision too."""
    name = f"teams/ranking/batchJobs/{number}"
    told = batch_job(state, **({"name": name, "revision": number} | fields))
    return batch_jobs_pb2.WatchEvent(batch_job=told, resume_token=token, synced=bool(token))


def event(state: int, **fields: object) -> batch_jobs_pb2.WatchEvent:
    return batch_jobs_pb2.WatchEvent(batch_job=batch_job(state, **fields), synced=True)
