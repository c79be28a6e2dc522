"""The one place where the parts of an emulator are made and put together."""

from __future__ import annotations

import asyncio
import shutil
from types import TracebackType
from typing import Any, Self

from google.cloud.aiplatform_v1.types import (
    CancelBatchPredictionJobRequest,
    CreateBatchPredictionJobRequest,
    DeleteBatchPredictionJobRequest,
    GetBatchPredictionJobRequest,
    ListBatchPredictionJobsRequest,
)
from google.longrunning import operations_pb2

from vertex_emulator.bigquery.changes import TableChangeRoutes
from vertex_emulator.bigquery.datasets import Datasets
from vertex_emulator.bigquery.routes import TableRoutes
from vertex_emulator.calls import Call, CallLog
from vertex_emulator.capacity import Capacity
from vertex_emulator.clock import DrivenClock, RealClock
from vertex_emulator.config import ClockKind, EmulatorConfig
from vertex_emulator.console import Console
from vertex_emulator.control import ControlRoutes
from vertex_emulator.faults import CallFacts, Faults, TakenFaults
from vertex_emulator.grpc_server import Handlers, Method, make_server
from vertex_emulator.http_server import HttpServer
from vertex_emulator.job_service import JobService
from vertex_emulator.jobs import JobStore
from vertex_emulator.lifecycle import Lifecycle
from vertex_emulator.names import Names
from vertex_emulator.operations import Operations
from vertex_emulator.runner import Runner
from vertex_emulator.storage.buckets import Buckets
from vertex_emulator.storage.routes import StorageRoutes
from vertex_emulator.storage.uploads import UploadRoutes

_SERVICE = "/google.cloud.aiplatform.v1.JobService/"


class Emulator:
    """A Vertex AI, a Cloud Storage and a BigQuery in the caller's event loop.

    Use it as an async context manager, or call `start` and `stop`. Addresses are known once it has started.
    """

    def __init__(self, config: EmulatorConfig) -> None:
        self.config = config
        self.clock: RealClock | DrivenClock = (
            DrivenClock(config.start_time) if config.clock == ClockKind.DRIVEN else RealClock(config.time_scale)
        )
        self.faults = Faults()
        self.calls = CallLog(self.clock)
        self.jobs = JobStore(config.seed, self.clock)
        self.capacity = Capacity(config, self.jobs)
        self.buckets = Buckets(config.buckets)
        self.datasets = Datasets(config.tables)
        self.target = ""
        self.storage_url = ""
        self.bigquery_url = ""
        self._names = Names(config.project_numbers)
        self._operations = Operations()
        runner = Runner(config, self.clock, self.buckets, self.datasets)
        self._lifecycle = Lifecycle(config, self.clock, self.jobs, self.capacity, runner)
        self._service = JobService(
            config, self.clock, self._names, self.jobs, self.capacity, self._lifecycle, self._operations, self.buckets
        )
        self.console = Console(self.clock, self._names, self.jobs, self._lifecycle, self._service)
        self.capacity.on_change(self._lifecycle.fill_all)
        for fault in config.faults:
            self.faults.add(fault)
        self._grpc: Any = None
        control = ControlRoutes(self.clock, self.faults, self.calls, self.jobs, self.console, self.capacity)
        files = (StorageRoutes(self.buckets), UploadRoutes(self.buckets))
        tables = (TableRoutes(self.datasets), TableChangeRoutes(self.datasets))
        self._http = HttpServer(self.clock, self.calls, self.faults, (*files, *tables, control))

    @property
    def driven_clock(self) -> DrivenClock:
        """The clock, where it is a driven one."""
        if not isinstance(self.clock, DrivenClock):
            raise TypeError("this emulator's clock is not a driven one")
        return self.clock

    def route_names(self) -> list[str]:
        """The HTTP routes that faults and calls know, by the names that they go by there."""
        return self._http.route_names()

    async def start(self) -> None:
        """Listen. OSError or RuntimeError where a port is taken; nothing is left listening then."""
        try:
            port = await self._start_grpc()
            storage_port = await self._http.start(self.config.host, self.config.storage_port)
        except BaseException:
            await self.stop()
            raise
        self.target = f"{self.config.host}:{port}"
        self.storage_url = self.bigquery_url = f"http://{self.config.host}:{storage_port}"

    async def _start_grpc(self) -> int:
        handlers = Handlers(self._methods(), self.clock, self.calls, self.faults, self._facts)
        self._grpc = make_server(handlers)
        port: int = self._grpc.add_insecure_port(f"{self.config.host}:{self.config.port}")
        await self._grpc.start()
        return port

    async def stop(self) -> None:
        """Stop at once: calls in progress are cut off and jobs stop where they are."""
        await self.clock.close()
        if self._grpc is not None:
            await self._grpc.stop(None)
        await self._http.stop()
        await asyncio.to_thread(shutil.rmtree, self.buckets.root / ".uploads", ignore_errors=True)

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.stop()

    def _methods(self) -> dict[str, tuple[Any, Method]]:
        service = self._service
        served: dict[Any, Method] = {
            CreateBatchPredictionJobRequest: service.create,
            GetBatchPredictionJobRequest: service.get,
            ListBatchPredictionJobsRequest: service.list,
            CancelBatchPredictionJobRequest: service.cancel,
            DeleteBatchPredictionJobRequest: service.delete,
        }
        methods = {
            _SERVICE + request.__name__.removesuffix("Request"): (request.pb(), method)
            for request, method in served.items()
        }
        methods["/google.longrunning.Operations/GetOperation"] = (
            operations_pb2.GetOperationRequest,
            self._get_operation,
        )
        return methods

    async def _get_operation(self, request: Any, _: Call, __: TakenFaults) -> Any:
        return self._operations.get(request.name)

    def _facts(self, method: str, request: Any) -> CallFacts:
        """What faults may look at: of a create its job, of other calls the job that their name finds."""
        name = getattr(request, "parent", "") or getattr(request, "name", "")
        parts = name.split("/")
        region = parts[3] if len(parts) > 3 else ""  # noqa: PLR2004 - projects/P/locations/REGION
        message = getattr(request, "batch_prediction_job", None)
        if message is None:
            job = self.jobs.find(parts[-1])
            message = None if job is None else job.message
        if message is None:
            return CallFacts(method, region, resource=name)
        return CallFacts(method, region, message.display_name, name, dict(message.labels))
