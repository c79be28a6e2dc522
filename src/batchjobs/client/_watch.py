"""Watches that go on: a stream that is cut off, drained, silent or too old is opened again where it was."""

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import AbstractAsyncContextManager, aclosing
from typing import TYPE_CHECKING, Any, Final

import grpc

from batchjobs.client._errors import ResumeTokenExpired, error_of
from batchjobs.client._events import Changed, Deleted, StartedOver, Synced, TeamEvent
from batchjobs.client._failure import Failure, Violation, decode
from batchjobs.client._retry import Patience
from batchjobs.client._states import has_ended
from batchjobs.v1.batch_jobs_pb2 import BatchJob, WatchEvent

if TYPE_CHECKING:
    Call = grpc.aio.UnaryStreamCall[Any, WatchEvent]

OpenStream = Callable[[], "AbstractAsyncContextManager[Call]"]
"""Opens a stream, which is ended when that is left."""

SILENCE_SECONDS: Final = 100.0
"""A stream that has been silent for so long is dead, though the connection is not: heartbeats come every 30 seconds."""

CUT_OFF: Final = Failure(grpc.StatusCode.UNAVAILABLE, "The stream ended before the watch did.")
SILENT: Final = Failure(grpc.StatusCode.UNAVAILABLE, f"The stream was silent for {SILENCE_SECONDS:.0f} s.")


async def messages(open_stream: OpenStream, patience: Patience) -> AsyncGenerator[WatchEvent, None]:
    """The messages of one stream. It returns when another one may be opened, having waited for as long as it must.

    Raises:
        BatchJobsError: the watch was refused, or `patience` ran out.
    """
    failure = CUT_OFF
    try:
        async with open_stream() as call:
            while (message := await _next(call)) is not None:
                patience.heard()
                yield message
    except TimeoutError:
        failure = SILENT
    except grpc.RpcError as error:
        failure = decode(error)
    await patience.bear(failure)


async def _next(call: "Call") -> WatchEvent | None:
    """The next message, None at the end of the stream; raises TimeoutError where the stream is silent."""
    async with asyncio.timeout(SILENCE_SECONDS):
        message = await call.read()
    return message if isinstance(message, WatchEvent) else None


async def follow(name: str, open_stream: OpenStream, patience: Patience) -> AsyncGenerator[BatchJob, None]:
    """Each state of one batch job once, up to its end.

    Raises:
        NotFound: it was deleted.
        BatchJobsError: as `messages`.
    """
    shown: BatchJob | None = None
    while True:
        async with aclosing(messages(open_stream, patience)) as stream:
            async for message in stream:
                if message.HasField("deleted"):
                    raise error_of(_deleted(name))
                batch_job = message.batch_job
                if not message.HasField("batch_job") or (shown and not is_news(shown, batch_job)):
                    continue
                shown = batch_job
                yield batch_job
                if has_ended(batch_job):
                    return


def is_news(shown: BatchJob, batch_job: BatchJob) -> bool:
    """Whether a caller who was shown `shown` learns something: a newer revision, an end, or why it waits now."""
    if batch_job.revision != shown.revision:
        return batch_job.revision > shown.revision or has_ended(batch_job)
    return _timeless(batch_job) != _timeless(shown)


def _timeless(batch_job: BatchJob) -> BatchJob:
    """Without the time when the reason for waiting was worked out, which changes and says nothing."""
    copy = BatchJob()
    copy.CopyFrom(batch_job)
    copy.waiting.ClearField("as_of_time")
    return copy


def _deleted(name: str) -> Failure:
    return Failure(
        grpc.StatusCode.NOT_FOUND, f"{name} was deleted.", "NOT_FOUND", resource=Violation(name, "It was deleted.")
    )


class TeamWatch:
    """The watch of a team, from `resume_token` on, or from everything that has not ended.

    Args:
        open_stream: opens a stream that resumes from a token.
        patience: how long to bear with each absence of the gateway.
        resume_token: of an earlier watch; empty to start afresh.
    """

    def __init__(
        self, open_stream: "Callable[[str], AbstractAsyncContextManager[Call]]", patience: Patience, resume_token: str
    ) -> None:
        self._open, self._patience, self._token = open_stream, patience, resume_token
        self._synced = self._told = False

    async def events(self) -> AsyncGenerator[TeamEvent, None]:
        """Events without end.

        Raises:
            BatchJobsError: the watch was refused, or `patience` ran out.
        """
        while True:
            try:
                async with aclosing(messages(lambda: self._open(self._token), self._patience)) as stream:
                    async for message in stream:
                        for event in self._read(message):
                            yield event
            except ResumeTokenExpired as error:
                if not self._token:
                    raise
                yield self._start_over(error.message)
            if self._told and not self._token:
                # Half of the first state was told, and the next stream begins with what is live by then.
                yield self._start_over("the stream was cut off before it had told everything")

    def _read(self, message: WatchEvent) -> list[TeamEvent]:
        self._token = message.resume_token or self._token
        events: list[TeamEvent] = []
        if message.HasField("batch_job"):
            events.append(Changed(message.batch_job, self._token))
        elif message.HasField("deleted"):
            events.append(Deleted(message.deleted.name, message.deleted.revision, self._token))
        if message.synced and not self._synced:
            self._synced = True
            events.append(Synced(self._token))
        self._told = self._told or bool(events)
        return events

    def _start_over(self, why: str) -> StartedOver:
        self._token, self._synced, self._told = "", False, False
        return StartedOver(why)
