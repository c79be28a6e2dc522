"""Vertex's JobService as the controller uses it: one client an endpoint, one deadline a call, and never a retry.

`load` must have run once before the first call; it is slow and big, so only a process that may lead runs it.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, TypeVar

from gateway.clock import Clock
from gateway.cloud import vertex_channel, vertex_wire
from gateway.cloud.vertex_call import within
from gateway.cloud.vertex_errors import Code, TooLateError, VertexError
from gateway.cloud.vertex_wire import NewVertexJob
from gateway.domain.batch_job import PoolId
from gateway.domain.vertex_job import VertexJob
from gateway.telemetry.metrics import Metrics
from gateway.telemetry.tracing import OFF, Kind, Traces

T = TypeVar("T")

_PAGE_SIZE: Final = 100


def load() -> None:
    """Import Google's client. Takes more than a second and 70 MB; run it in a thread."""
    import google.cloud.aiplatform_v1.services.job_service  # noqa: F401 - the import is the point


@dataclass(frozen=True, slots=True)
class VertexConfig:
    """How Vertex is reached. `emulator_target` (`host:port`) replaces every endpoint by a plaintext one; seconds."""

    emulator_target: str = ""
    read_timeout: float = 20.0
    """For a get, a cancel, a delete, and each page of a list."""
    delete_wait: float = 30.0
    """How long a delete is followed before the answer is "not yet"."""
    delete_poll: float = 1.0
    tcp_user_timeout: float = vertex_channel.TCP_USER_TIMEOUT_SECONDS


class VertexClients:
    """The clients by endpoint. Pools of one region share a connection."""

    def __init__(self, config: VertexConfig, *, clock: Clock, metrics: Metrics, traces: Traces = OFF) -> None:
        self._config = config
        self._clock = clock
        self._metrics, self._traces = metrics, traces
        self._opening: dict[str, asyncio.Task[Any]] = {}

    async def pool(self, pool: PoolId, endpoint: str = "") -> "VertexPool":
        """The Vertex jobs of one pool; `endpoint` is the policy's, "" is Vertex's own for the region.

        Raises:
            VertexError: no credentials were found on this machine.

        """
        host = self._config.emulator_target or vertex_channel.host_of(pool, endpoint)
        opening = self._opening.get(host)
        if opening is None or (opening.done() and (opening.cancelled() or opening.exception())):
            opening = self._opening[host] = asyncio.create_task(self._open(host))
        try:
            client = await asyncio.shield(opening)
        except vertex_channel.NoCredentialsError as error:
            raise VertexError(Code.UNAUTHENTICATED, str(error), from_server=False) from error
        return VertexPool(pool, client, self._config, clock=self._clock, metrics=self._metrics, traces=self._traces)

    async def close(self) -> None:
        """Close every connection; calls in flight end with an error."""
        opening, self._opening = list(self._opening.values()), {}
        for client in await asyncio.gather(*opening, return_exceptions=True):
            if not isinstance(client, BaseException):
                await client.transport.close()

    async def _open(self, host: str) -> Any:
        from google.cloud.aiplatform_v1.services.job_service import JobServiceAsyncClient
        from google.cloud.aiplatform_v1.services.job_service.transports.grpc_asyncio import (
            JobServiceGrpcAsyncIOTransport,
        )

        if self._config.emulator_target:
            channel = vertex_channel.emulator_channel(host, self._config.tcp_user_timeout)
        else:
            credentials = await asyncio.to_thread(vertex_channel.google_credentials)
            channel = vertex_channel.google_channel(host, credentials, self._config.tcp_user_timeout)
        return JobServiceAsyncClient(transport=JobServiceGrpcAsyncIOTransport(host=host, channel=channel))


class VertexPool:
    """The Vertex jobs of one pool. Every method raises `VertexError` where it has no result."""

    def __init__(
        self,
        pool: PoolId,
        client: Any,
        config: VertexConfig,
        *,
        clock: Clock,
        metrics: Metrics,
        traces: Traces = OFF,
    ) -> None:
        self.id = pool
        self._client = client
        self._config = config
        self._clock = clock
        self._metrics, self._traces = metrics, traces
        self._parent = f"projects/{pool.project}/locations/{pool.region}"

    async def create(self, job: NewVertexJob, *, deadline: float, send_by: Callable[[], float]) -> VertexJob:
        """Send one create, once. Both times are on the clock's `boottime`.

        Args:
            job: what to create.
            deadline: when the call ends, answered or not.
            send_by: until when the request may go out; asked at the last look, so that what was lost meanwhile counts.

        Raises:
            TooLateError: it was too late at the last look, and nothing was sent.
            VertexError: anything else; see `from_server` for what is known then.

        """
        wire = vertex_wire.encode(job)
        left = self._look(deadline, send_by)
        with vertex_channel.looking(lambda: self._look(deadline, send_by)):
            call = self._client.create_batch_prediction_job(
                parent=self._parent, batch_prediction_job=wire, retry=None, timeout=left
            )
            return vertex_wire.decode(await self._call("create", call, left))

    async def get(self, name: str) -> VertexJob:
        timeout = self._config.read_timeout
        call = self._client.get_batch_prediction_job(name=name, retry=None, timeout=timeout)
        return vertex_wire.decode(await self._call("get", call, timeout))

    async def list_running(self) -> tuple[VertexJob, ...]:
        """Everything in the pool that has not ended, ours and others'."""
        return await self._list(vertex_wire.running_filter())

    async def list_created_since(self, since: datetime) -> tuple[VertexJob, ...]:
        """Everything in the pool that was created since, whatever its state and labels: a scan."""
        return await self._list(vertex_wire.created_since_filter(since))

    async def cancel(self, name: str) -> None:
        """Ask Vertex to cancel. It answers before anything has happened, and may finish the job in spite of it."""
        timeout = self._config.read_timeout
        await self._call("cancel", self._client.cancel_batch_prediction_job(name=name, retry=None, timeout=timeout))

    async def delete(self, name: str) -> bool:
        """Delete an ended Vertex job. True when it is gone, False when Vertex was still at it after `delete_wait`."""
        timeout = self._config.read_timeout
        delete = self._client.delete_batch_prediction_job(name=name, retry=None, timeout=timeout)
        operation = (await self._call("delete", delete)).operation
        give_up = self._clock.boottime() + self._config.delete_wait
        while not operation.done:
            if self._clock.boottime() >= give_up:
                return False
            await self._clock.sleep(self._config.delete_poll)
            operations = self._client.transport.operations_client
            look = operations.get_operation(name=operation.name, retry=None, timeout=timeout)
            operation = await self._call("get_operation", look)
        if operation.HasField("error"):
            raise VertexError(Code(operation.error.code), operation.error.message, from_server=True)
        return True

    async def _list(self, wanted: str) -> tuple[VertexJob, ...]:
        return tuple([vertex_wire.decode(wire) async for page in self._pages(wanted) for wire in page])

    async def _pages(self, wanted: str) -> AsyncIterator[Any]:
        """One request a page; a page that fails fails the whole list, for half a list proves nothing."""
        request = {
            "parent": self._parent,
            "filter": wanted,
            "page_size": _PAGE_SIZE,
            "page_token": "",
            "read_mask": {"paths": list(vertex_wire.READ_MASK)},
        }
        timeout = self._config.read_timeout
        while True:
            call = self._client.list_batch_prediction_jobs(request=request, retry=None, timeout=timeout)
            pager = await self._call("list", call)
            yield pager.batch_prediction_jobs
            if not pager.next_page_token:
                return
            request["page_token"] = pager.next_page_token

    def _look(self, deadline: float, send_by: Callable[[], float]) -> float:
        """The seconds left for the call; raises TooLateError where none are, or where it may not be sent any more."""
        now, latest = self._clock.boottime(), min(deadline, send_by())
        if now >= latest:
            raise TooLateError(now - latest)
        return deadline - now

    async def _call(self, method: str, call: Coroutine[Any, Any, T], seconds: float | None = None) -> T:
        """Await one call, bounded on our clock too, count it, and give its errors their type."""
        began, code = self._clock.boottime(), Code.OK
        with self._traces.span(f"vertex {method}", kind=Kind.CLIENT, pool=str(self.id)) as span:
            try:
                return await within(self._clock, self._config.read_timeout if seconds is None else seconds, call)
            except VertexError as error:
                code = error.code
                span.failed(code.name)
                raise
            except asyncio.CancelledError:
                code = Code.CANCELLED
                raise
            finally:
                self._metrics.vertex.request(method, self.id.region, code.name, self._clock.boottime() - began)
