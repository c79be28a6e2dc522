"""The methods of `batchjobs.v1.BatchJobs`: read the message, call the use case, write the answer."""

from collections.abc import Mapping
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any, Final

import grpc
from google.protobuf import empty_pb2

from batchjobs.v1 import batch_jobs_pb2
from gateway.api.batch_jobs.encoded import Encoded
from gateway.api.batch_jobs.messages_in import create_request
from gateway.api.batch_jobs.messages_out import list_response, message_of
from gateway.api.batch_jobs.names import read_name, read_parent, read_usage_name
from gateway.api.batch_jobs.usage_out import usage_message
from gateway.api.batch_jobs.watch_out import JobEvents, team_event
from gateway.api.call import CURRENT, principal
from gateway.api.handlers import Method, handlers_of
from gateway.api.metadata import refuse_another_request_id
from gateway.service.cancel import CancelBatchJob
from gateway.service.create import CreateBatchJob
from gateway.service.delete import DeleteBatchJob
from gateway.service.get import GetBatchJob
from gateway.service.list import ListBatchJobs
from gateway.service.usage import GetTeamUsage
from gateway.service.watch import WatchBatchJob
from gateway.service.watch_team import WatchBatchJobs

SERVICE: Final[Any] = batch_jobs_pb2.DESCRIPTOR.services_by_name["BatchJobs"]

Context = grpc.aio.ServicerContext[Any, Any]


@dataclass(frozen=True, slots=True)
class UseCases:
    """What the service does, one use case a method."""

    create: CreateBatchJob
    get: GetBatchJob
    list: ListBatchJobs
    cancel: CancelBatchJob
    delete: DeleteBatchJob
    watch: WatchBatchJob
    watch_team: WatchBatchJobs
    usage: GetTeamUsage


class BatchJobs:
    """Translation only: whatever these methods refuse, the use cases or the names have refused."""

    def __init__(self, use_cases: UseCases) -> None:
        self._use = use_cases
        self._encoded = Encoded()

    def handler(self) -> grpc.GenericRpcHandler:
        """The service as gRPC serves it."""
        return handlers_of(SERVICE, self.methods())

    def methods(self) -> Mapping[str, Method]:
        """The methods by the contract's names."""
        return {
            "CreateBatchJob": self.create,
            "GetBatchJob": self.get,
            "ListBatchJobs": self.list,
            "CancelBatchJob": self.cancel,
            "DeleteBatchJob": self.delete,
            "WatchBatchJob": self.watch,
            "WatchBatchJobs": self.watch_team,
            "GetTeamUsage": self.usage,
        }

    async def create(self, request: batch_jobs_pb2.CreateBatchJobRequest, _context: Context) -> batch_jobs_pb2.BatchJob:
        refuse_another_request_id(CURRENT.get().metadata, request.request_id)
        return message_of(await self._use.create(principal(), create_request(request)))

    async def get(self, request: batch_jobs_pb2.GetBatchJobRequest, _context: Context) -> bytes:
        name = read_name(request.name)
        return self._encoded.of(await self._use.get(principal(), name.team, name.id))

    async def list(
        self, request: batch_jobs_pb2.ListBatchJobsRequest, _context: Context
    ) -> batch_jobs_pb2.ListBatchJobsResponse:
        team = read_parent(request.parent, all_teams=True)
        size, token = request.page_size, request.page_token
        page = await self._use.list(principal(), team, size=size, token=token, filter_text=request.filter)
        return list_response(page)

    async def cancel(self, request: batch_jobs_pb2.CancelBatchJobRequest, _context: Context) -> batch_jobs_pb2.BatchJob:
        name = read_name(request.name)
        return message_of(await self._use.cancel(principal(), name.team, name.id))

    async def delete(self, request: batch_jobs_pb2.DeleteBatchJobRequest, _context: Context) -> empty_pb2.Empty:
        name = read_name(request.name)
        await self._use.delete(principal(), name.team, name.id)
        return empty_pb2.Empty()

    async def watch(self, request: batch_jobs_pb2.WatchBatchJobRequest, context: Context) -> None:
        name, messages = read_name(request.name), JobEvents()
        async with aclosing(self._use.watch(principal(), name.team, name.id)) as events:
            async for event in events:
                await context.write(messages.of(event))

    async def watch_team(self, request: batch_jobs_pb2.WatchBatchJobsRequest, context: Context) -> None:
        team = read_parent(request.parent)
        async with aclosing(self._use.watch_team(principal(), team, request.resume_token)) as events:
            async for event in events:
                await context.write(team_event(event))

    async def usage(self, request: batch_jobs_pb2.GetTeamUsageRequest, _context: Context) -> batch_jobs_pb2.TeamUsage:
        return usage_message(await self._use.usage(principal(), read_usage_name(request.name)))
