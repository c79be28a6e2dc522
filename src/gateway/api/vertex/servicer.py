"""The methods of JobService that concern batch prediction: read the message, call the use case, write the answer."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from typing import Any, Final

import grpc
from google.longrunning import operations_pb2
from google.protobuf import empty_pb2
from google.protobuf.message import Message

from gateway.admission.fields import refuse
from gateway.api.batch_jobs.messages_out import LARGEST_ANSWER, timestamp
from gateway.api.batch_jobs.servicer import UseCases
from gateway.api.call import CURRENT, principal
from gateway.api.handlers import Context, Method, handlers_of
from gateway.api.kept import Kept
from gateway.api.vertex.filters import read_filter
from gateway.api.vertex.job_in import create_request, unknown
from gateway.api.vertex.job_out import JobMessages
from gateway.api.vertex.names import VertexName, read_name, read_parent
from gateway.api.vertex.states import States
from gateway.api.vertex.teams import request_id_of, team_of_call
from gateway.api.vertex.words import Words
from gateway.cloud.vertex_messages import VertexMessages
from gateway.domain.batch_job import BatchJob, job_name
from gateway.domain.filters import PoolsTerm
from gateway.errors import FieldViolation, GatewayError, Reason
from gateway.policy.source import PolicySource
from gateway.service.list import Page, page_limit
from gateway.service.missing import Meant, not_found
from gateway.telemetry import logs

_EVERYTHING: Final = "*"


class JobService:
    """Translation only: one path, two vocabularies."""

    def __init__(
        self, use_cases: UseCases, policies: PolicySource, messages: VertexMessages, *, compatible_end_states: bool
    ) -> None:
        self._use = use_cases
        self._policies = policies
        self._messages = messages
        self._states = States(compatible=compatible_end_states)
        self._job_states = messages.job.DESCRIPTOR.fields_by_name["state"].enum_type
        self._words = Words(self._states.names(self._job_states))
        self._written = JobMessages(messages, self._states)
        self._kept = Kept(lambda job: bytes(self._written.of(job).SerializeToString()))

    def handler(self) -> grpc.GenericRpcHandler:
        """The service as gRPC serves it."""
        return handlers_of(self._messages.service, self.methods())

    def methods(self) -> Mapping[str, Method]:
        """Each method by its name."""
        return {
            "CreateBatchPredictionJob": self.create,
            "GetBatchPredictionJob": self.get,
            "ListBatchPredictionJobs": self.list,
            "CancelBatchPredictionJob": self.cancel,
            "DeleteBatchPredictionJob": self.delete,
        }

    async def create(self, request: Any, _context: Context) -> bytes:
        with _said(replace(self._words, parent=request.parent)):
            team = self._team()
            asked = create_request(request, team, request_id_of(CURRENT.get().metadata))
            view = await self._use.create(principal(), asked)
            return self._kept.of(view.job)

    async def get(self, request: Any, _context: Context) -> bytes:
        _refuse_unknown(request)
        name, team = read_name(request.name), self._team()
        with self._about(name, team):
            job = (await self._use.get(principal(), team, name.id)).job
            if not self._meant(name)(job):
                raise not_found(team, name.id)
            return self._kept.of(job)

    async def list(self, request: Any, _context: Context) -> Any:
        """Where the team has no pool it has no jobs, which is no refusal: those of a pool that it had stay listed."""
        _refuse_unknown(request)
        place, team = read_parent(request.parent), self._team()
        limit = page_limit(request.page_size)
        policy = self._policies.current
        pools = frozenset(str(pool) for pool in place.pools(policy))
        terms = (PoolsTerm(pools), *read_filter(request.filter, self._states, self._job_states))
        query = ("ListBatchPredictionJobs", team, str(place.canonical(policy)), request.filter.strip())
        page = await self._use.list.page(principal(), team, query, terms, limit=limit, token=request.page_token)
        return self._page(page, _mask_of(request, self._messages.job))

    async def cancel(self, request: Any, _context: Context) -> empty_pb2.Empty:
        _refuse_unknown(request)
        name, team = read_name(request.name), self._team()
        with self._about(name, team):
            await self._use.cancel(principal(), team, name.id, meant=self._meant(name))
        return empty_pb2.Empty()

    async def delete(self, request: Any, _context: Context) -> operations_pb2.Operation:
        """Done at once: what is left to do on Vertex is the controller's, and no caller waits for it."""
        _refuse_unknown(request)
        name, team = read_name(request.name), self._team()
        with self._about(name, team):
            job = await self._use.delete(principal(), team, name.id, meant=self._meant(name))
        return self._done(name, job)

    def _team(self) -> str:
        team = team_of_call(self._policies.current, principal(), CURRENT.get().metadata)
        logs.about(team=team)
        return team

    @contextmanager
    def _about(self, name: VertexName, team: str) -> Iterator[None]:
        """The call is about this batch job, and refusals that are raised inside name it as the caller did."""
        ours = job_name(team, name.id)
        logs.about(batch_job=ours)
        with _said(replace(self._words, names={ours: name.text})):
            yield

    def _meant(self, name: VertexName) -> Meant:
        """A batch job in the place that the name says; one of another place is not there."""
        return lambda job: name.place.holds(job.pool, self._policies.current)

    def _page(self, page: Page, mask: Any) -> Any:
        """The page in Vertex's words, cut short where callers could not read it whole."""
        answer, size = self._messages.list_response(), 0
        for count, view in enumerate(page.views):
            message = _masked(self._written.of(view.job), mask)
            size += message.ByteSize()
            if size > LARGEST_ANSWER and count:
                page = page.cut(count)
                break
            answer.batch_prediction_jobs.append(message)
        answer.next_page_token = page.next_token
        return answer

    def _done(self, name: VertexName, job: BatchJob) -> operations_pb2.Operation:
        place = name.text.rpartition("/batchPredictionJobs/")[0]
        operation = operations_pb2.Operation(name=f"{place}/operations/{name.id}", done=True)
        metadata = self._messages.delete_metadata()
        metadata.generic_metadata.create_time.CopyFrom(timestamp(job.update_time))
        metadata.generic_metadata.update_time.CopyFrom(timestamp(job.update_time))
        operation.metadata.Pack(metadata)
        operation.response.Pack(empty_pb2.Empty())
        return operation


@contextmanager
def _said(words: Words) -> Iterator[None]:
    """Refusals that are raised inside come out in Vertex's words."""
    try:
        yield
    except GatewayError as error:
        raise words.refusal(error) from error


def _refuse_unknown(request: Message) -> None:
    if found := list(unknown(request, "")):
        raise refuse(Reason.INVALID_SPEC, found)


def _mask_of(request: Any, job: Any) -> Any:
    """The fields that are asked for; None for all of them."""
    paths = request.read_mask.paths
    if not paths or _EVERYTHING in paths:
        return None
    if not request.read_mask.IsValidForDescriptor(job.DESCRIPTOR):
        wrong = [path for path in paths if path.split(".")[0] not in job.DESCRIPTOR.fields_by_name]
        sentence = f"A BatchPredictionJob has no field {(wrong or list(paths))[0][:80]}."
        raise refuse(Reason.INVALID_SPEC, [FieldViolation("read_mask", "FIELD_UNKNOWN", sentence)])
    return request.read_mask


def _masked(message: Any, mask: Any) -> Any:
    if mask is None:
        return message
    kept = type(message)()
    mask.MergeMessage(message, kept)
    return kept
