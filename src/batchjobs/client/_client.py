"""The client: one method for each RPC, and the waits that callers would otherwise write themselves."""

import uuid
from collections.abc import AsyncGenerator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from types import TracebackType
from typing import TYPE_CHECKING, Final, Self, TypeVar

import grpc
from google.protobuf.message import Message

from batchjobs._names import full_name, is_team, split_name
from batchjobs.client._connection import Connection
from batchjobs.client._errors import BatchJobsError, NotFound
from batchjobs.client._events import TeamEvent
from batchjobs.client._retry import Notice, Patience, repeat
from batchjobs.client._security import Security
from batchjobs.client._states import has_ended
from batchjobs.client._watch import TeamWatch, follow
from batchjobs.v1 import batch_jobs_pb2 as pb

if TYPE_CHECKING:
    from batchjobs.client._watch import Call
    from batchjobs.v1.batch_jobs_pb2_grpc import BatchJobsAsyncStub

Request = TypeVar("Request")
Answer = TypeVar("Answer")

TIMEOUT_SECONDS: Final = 60.0
PAGE_SIZE: Final = 200
ALL_TEAMS: Final = "-"


class Client:
    """A connection to one gateway, on behalf of one team. Use it as an async context manager.

    Every method repeats its call where that is safe and the gateway is away or asks to come back, and raises a
    `BatchJobsError` where it was refused or the time is over. A batch job is named in full, `teams/TEAM/batchJobs/ID`,
    or by its id alone, which then belongs to `team`.

    Args:
        endpoint: `HOST:PORT` or `unix:PATH` of the gateway.
        team: the team on whose behalf to call.
        security: whom to trust, and the certificate or token that proves the caller. Left out: TLS, trusting whom gRPC
            trusts, and no proof.
        credentials: gRPC's own channel credentials, in place of `security`.
        insecure: plaintext, in which the team's name is all that says who calls: for a gateway in development.
        timeout: seconds for a call, all its attempts together; a watch bears with each absence of the gateway for so
            long. Every method takes another one.
        on_retry: told of each failure that is followed by another attempt, and the seconds until then.

    Raises:
        ValueError: the endpoint or the team is malformed, or what proves the caller would be sent in plaintext.
    """

    def __init__(
        self,
        endpoint: str,
        *,
        team: str = "",
        security: Security | None = None,
        credentials: grpc.ChannelCredentials | None = None,
        insecure: bool = False,
        timeout: float = TIMEOUT_SECONDS,
        on_retry: Notice | None = None,
    ) -> None:
        if team and not is_team(team):
            raise ValueError(
                f"{team!r} is not a team: a lowercase letter, then such letters, digits and hyphens, 63 at most."
            )
        self._connection = Connection(endpoint, security=security, credentials=credentials, insecure=insecure)
        self._team, self._timeout = team, timeout
        self._notice: Notice = on_retry or (lambda _error, _seconds: None)

    async def __aenter__(self) -> Self:
        self._connection.open()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self._connection.close()

    async def create(
        self,
        batch_job: pb.BatchJob,
        *,
        request_id: str = "",
        validate_only: bool = False,
        timeout: float | None = None,
    ) -> pb.BatchJob:
        """Create a batch job and answer it, QUEUED; with `validate_only` run every check and record nothing.

        All attempts go out under one `request_id`, so that one batch job comes of them. Give one of your own where the
        create must stay one beyond this call, as after a crash: the same id and content answer the same batch job.

        Raises:
            BatchJobsError: its `outcome_unknown` and `request_id` say whether and how to ask again.
        """
        request = pb.CreateBatchJobRequest(
            parent=self._parent(),
            batch_job=batch_job,
            request_id=request_id or ("" if validate_only else str(uuid.uuid4())),
            validate_only=validate_only,
        )
        try:
            return await self._call(lambda rpcs: rpcs.CreateBatchJob, request, request.parent, timeout)
        except BatchJobsError as error:
            error.request_id = request.request_id
            if error.outcome_unknown and not validate_only:
                error.add_note(
                    f"Whether it was created is not known. Create it again with request_id={request.request_id!r}."
                )
            raise

    async def get(self, name: str, *, timeout: float | None = None) -> pb.BatchJob:
        """The batch job as it is now. To follow one, watch it."""
        full = self._name(name)
        return await self._call(lambda rpcs: rpcs.GetBatchJob, pb.GetBatchJobRequest(name=full), full, timeout)

    async def list(
        self,
        *,
        filter: str = "",  # noqa: A002 - the contract's name
        all_teams: bool = False,
        page_size: int = PAGE_SIZE,
        timeout: float | None = None,
    ) -> AsyncGenerator[pb.BatchJob, None]:
        """The team's batch jobs, newest first; pages are fetched as they are needed.

        Args:
            filter: which ones, such as `state = RUNNING AND labels.run = nightly`.
            all_teams: those of every team, for operators.
            page_size: how many to fetch at a time.
            timeout: for each page.
        """
        parent = f"teams/{ALL_TEAMS}" if all_teams else self._parent()
        request = pb.ListBatchJobsRequest(parent=parent, page_size=page_size, filter=filter)
        while True:
            page = await self._call(lambda rpcs: rpcs.ListBatchJobs, request, parent, timeout)
            for batch_job in page.batch_jobs:
                yield batch_job
            if not page.next_page_token:
                return
            request.page_token = page.next_page_token

    async def cancel(self, name: str, *, timeout: float | None = None) -> pb.BatchJob:
        """Ask for a cancel and answer the batch job: as it ended, or CANCELLING while its end is not known."""
        full = self._name(name)
        return await self._call(lambda rpcs: rpcs.CancelBatchJob, pb.CancelBatchJobRequest(name=full), full, timeout)

    async def delete(self, name: str, *, timeout: float | None = None) -> None:
        """Delete an ended batch job. One that is gone after an attempt without an answer was deleted by that attempt.

        Raises:
            NotEnded: it has not ended. NotFound: there was none to begin with.
        """
        full = self._name(name)
        try:
            await self._call(lambda rpcs: rpcs.DeleteBatchJob, pb.DeleteBatchJobRequest(name=full), full, timeout)
        except NotFound as error:
            if not error.outcome_unknown:
                raise

    async def usage(self, *, team: str = "", timeout: float | None = None) -> pb.TeamUsage:
        """What the team may use and what it uses; `team` is another one, for operators."""
        name = f"teams/{team}/usage" if team else f"{self._parent()}/usage"
        return await self._call(lambda rpcs: rpcs.GetTeamUsage, pb.GetTeamUsageRequest(name=name), name, timeout)

    def watch(self, name: str, *, timeout: float | None = None) -> AsyncGenerator[pb.BatchJob, None]:
        """The batch job as it is now, then every change once, up to its end; across restarts of the gateway.

        Raises:
            NotFound: it was deleted meanwhile. Unavailable: the gateway stayed away for `timeout` seconds.
        """
        full = self._name(name)
        request = pb.WatchBatchJobRequest(name=full)

        def open_stream() -> "AbstractAsyncContextManager[Call]":
            return self._stream(lambda rpcs: rpcs.WatchBatchJob, request, full)

        return follow(full, open_stream, self._patience(timeout, stream=True))

    async def wait(self, name: str, *, timeout: float | None = None) -> pb.BatchJob:
        """Wait for the end and answer the ended batch job; its `state` says how it ended. Raises as `watch`.

        `timeout` is for absences of the gateway. How long the whole may take is for `asyncio.timeout` to bound.
        """
        async for batch_job in self.watch(name, timeout=timeout):
            latest = batch_job
        return latest

    async def create_and_wait(
        self,
        batch_job: pb.BatchJob,
        *,
        request_id: str = "",
        timeout: float | None = None,
    ) -> pb.BatchJob:
        """`create`, then `wait`."""
        created = await self.create(batch_job, request_id=request_id, timeout=timeout)
        return created if has_ended(created) else await self.wait(created.name, timeout=timeout)

    def watch_team(self, resume_token: str = "", *, timeout: float | None = None) -> AsyncGenerator[TeamEvent, None]:
        """Every batch job of the team that has not ended, `Synced`, then every change, without end.

        With the `resume_token` of the last event of an earlier watch it goes on from there. So it does across restarts
        of the gateway, and says `StartedOver` where it had to begin again.

        Raises:
            Unavailable: the gateway stayed away for `timeout` seconds.
        """
        parent = self._parent()

        def open_stream(token: str) -> "AbstractAsyncContextManager[Call]":
            request = pb.WatchBatchJobsRequest(parent=parent, resume_token=token)
            return self._stream(lambda rpcs: rpcs.WatchBatchJobs, request, parent)

        return TeamWatch(open_stream, self._patience(timeout, stream=True), resume_token).events()

    def _name(self, given: str) -> str:
        return full_name(*split_name(given, self._team))

    def _parent(self) -> str:
        if not self._team:
            raise ValueError("This call is about a team: give the client one.")
        return f"teams/{self._team}"

    def _caller(self, name: str) -> str:
        """On behalf of whom to call: the client's team, else the one in the name."""
        return self._team or name.split("/")[1]

    def _patience(self, timeout: float | None, *, stream: bool = False) -> Patience:
        return Patience(self._timeout if timeout is None else timeout, stream=stream, notice=self._notice)

    async def _call(
        self,
        rpc: "Callable[[BatchJobsAsyncStub], Callable[..., grpc.aio.UnaryUnaryCall[Request, Answer]]]",
        request: Request,
        name: str,
        timeout: float | None,
    ) -> Answer:
        """Call an RPC that may be repeated; `name` is what it is about."""

        async def send(seconds: float) -> Answer:
            async with self._connection.call(self._caller(name)) as (rpcs, metadata):
                return await rpc(rpcs)(request, timeout=seconds, metadata=metadata)

        return await repeat(send, self._patience(timeout))

    @asynccontextmanager
    async def _stream(
        self, rpc: "Callable[[BatchJobsAsyncStub], Callable[..., Call]]", request: Message, name: str
    ) -> "AsyncGenerator[Call, None]":
        """An open stream, which ends when this is left."""
        async with self._connection.call(self._caller(name)) as (rpcs, metadata):
            call = rpc(rpcs)(request, metadata=metadata)
            try:
                yield call
            finally:
                call.cancel()
