"""The connection that calls go over. A new one is opened when the certificate files change; the old one ends with the
last call that it carries, so that a renewal cuts nothing off.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import grpc

from batchjobs.client._channel import check_endpoint, open_channel
from batchjobs.client._errors import CredentialsUnreadable
from batchjobs.client._failure import decode
from batchjobs.client._hints import CERTIFICATE_UNREAD
from batchjobs.client._security import Security, Stamp
from batchjobs.client._token import source_of
from batchjobs.v1.batch_jobs_pb2_grpc import BatchJobsStub

if TYPE_CHECKING:
    from batchjobs.v1.batch_jobs_pb2_grpc import BatchJobsAsyncStub

Metadata = tuple[tuple[str, str], ...]
TEAM_HEADER: Final = "x-batchjobs-team"


@dataclass(slots=True)
class Link:
    """One channel, what it was opened with, and how many calls it carries."""

    channel: grpc.aio.Channel
    stub: "BatchJobsAsyncStub"
    stamp: Stamp
    calls: int = 0


class Connection:
    """Opens channels to one gateway.

    Args:
        endpoint: `HOST:PORT` or `unix:PATH`.
        security: how to connect and what proves the caller.
        credentials: gRPC's own, in place of `security`.
        insecure: plaintext, and the team's name in place of proof.

    Raises:
        ValueError: the endpoint is malformed, or two of these are given.
    """

    def __init__(
        self,
        endpoint: str,
        *,
        security: Security | None = None,
        credentials: grpc.ChannelCredentials | None = None,
        insecure: bool = False,
    ) -> None:
        check_endpoint(endpoint)
        if insecure and (security or credentials):
            raise ValueError("What proves the caller would be sent in plaintext: leave it out, or insecure=True.")
        if security and credentials:
            raise ValueError("Give security or credentials, not both.")
        self._endpoint, self._credentials, self._insecure = endpoint, credentials, insecure
        self._security = security or Security()
        self._tokens = source_of(self._security)
        self._link: Link | None = None
        self._links: list[Link] = []

    def open(self) -> None:
        """Open a channel; raises CredentialsUnreadable."""
        stamp = self._security.stamp()
        credentials = None if self._insecure else self._credentials or self._security.channel_credentials()
        channel = open_channel(self._endpoint, credentials)
        self._link = Link(channel, BatchJobsStub(channel), stamp)
        self._links.append(self._link)

    async def close(self) -> None:
        """Close every channel, with whatever goes on over it."""
        self._link = None
        while self._links:
            await self._links.pop().channel.close()

    @asynccontextmanager
    async def call(self, team: str) -> "AsyncIterator[tuple[BatchJobsAsyncStub, Metadata]]":
        """What one call is made with, on behalf of the team; its channel stays open until this is left.

        Raises:
            CredentialsUnreadable: a file or the command has nothing to show.
        """
        link = await self._current()
        link.calls += 1
        try:
            yield link.stub, await self._metadata(team)
        except grpc.RpcError as error:
            if isinstance(error, grpc.aio.AioRpcError) and _not_authenticated(error):
                self._not_believed(error)
            raise
        finally:
            link.calls -= 1
            await self._close_unused()

    def _not_believed(self, error: grpc.aio.AioRpcError) -> None:
        if self._tokens is not None:
            self._tokens.refused()
        elif self._security.certificate_file and decode(error).metadata.get("cause") == "NO_CREDENTIALS":
            error.add_note(CERTIFICATE_UNREAD)

    async def _current(self) -> Link:
        if self._link is None:
            raise RuntimeError("The client is not connected: use it in `async with Client(...) as client`.")
        if self._link.stamp != self._security.stamp():
            try:
                self.open()
            except CredentialsUnreadable:
                # Files that are being replaced may be away for a moment; what is open serves until they are back.
                return self._link
            await self._close_unused()
        return self._link

    async def _close_unused(self) -> None:
        for link in [each for each in self._links if each is not self._link and not each.calls]:
            self._links.remove(link)
            await link.channel.close()

    async def _metadata(self, team: str) -> Metadata:
        if self._insecure:
            return ((TEAM_HEADER, team),)
        return () if self._tokens is None else (("authorization", f"Bearer {await self._tokens.token()}"),)


def _not_authenticated(error: grpc.aio.AioRpcError) -> bool:
    return error.code() is grpc.StatusCode.UNAUTHENTICATED
