"""A member of one team, who asks in either vocabulary for the same things."""

from dataclasses import dataclass
from typing import Any

from batchjobs.v1 import batch_jobs_pb2 as pb
from gateway.api.metadata import REQUEST_ID_HEADER
from gateway.identity.development import TEAM_HEADER
from support.caller import batch_job
from tenancy.callers import Kind
from tenancy.conftest import Entrance
from tenancy.rows import SERVICE, Asked, searching
from tenancy.surfaces import Answer, Line, Surface
from tenancy.vertex_rows import PARENT, SEARCH_PARENT, request, vertex_job


@dataclass
class Member:
    """`team` is whose batch jobs it asks for; whether they are its own is the gateway's to say."""

    surface: Surface
    line: Line
    team: str

    async def create(self, *, request_id: str = "", team: str = "", **said: Any) -> Answer:
        """Create for the team, from its places to its places unless others are said."""
        team = team or self.team
        write = _ours if self.surface.service is SERVICE else _theirs
        return await self.line.ask(self.surface.create, write(team, request_id, said))

    async def list(self, *, team: str = "", **query: Any) -> Answer:
        """List; `query` has a filter, a page size and a page token."""
        team = team or self.team
        if self.surface.service is SERVICE:
            return await self.line.ask("ListBatchJobs", Asked(pb.ListBatchJobsRequest(parent=f"teams/{team}", **query)))
        asked = request("ListBatchPredictionJobs", parent=_parent(team), **query)
        return await self.line.ask("ListBatchPredictionJobs", Asked(asked, ((TEAM_HEADER, team),)))

    def query(self, team: str) -> tuple[str, ...]:
        """What a page token of the team's list without a filter is bound to."""
        if self.surface.service is SERVICE:
            return ("ListBatchJobs", team)
        return ("ListBatchPredictionJobs", team, _parent(team), "")


def _ours(team: str, request_id: str, said: dict[str, Any]) -> Asked:
    said = dict(said)
    source, destination = said.pop("source", ""), said.pop("destination", "")
    if source:
        said["gcs_source"] = pb.GcsSource(uri=source)
    if destination:
        said["gcs_destination"] = pb.GcsDestination(output_uri_prefix=destination)
    job = batch_job(**said) if team == "ranking" else searching(**said)
    return Asked(pb.CreateBatchJobRequest(parent=f"teams/{team}", batch_job=job, request_id=request_id))


def _theirs(team: str, request_id: str, said: dict[str, Any]) -> Asked:
    said = dict(said)
    source, destination = said.pop("source", ""), said.pop("destination", "")
    if source:
        said["input_config"] = {"gcs_source": {"uris": [source]}}
    if destination:
        said["output_config"] = {"gcs_destination": {"output_uri_prefix": destination}}
    job = vertex_job(team, **said)
    asked = request("CreateBatchPredictionJob", parent=_parent(team), batch_prediction_job=job)
    return Asked(asked, ((TEAM_HEADER, team), (REQUEST_ID_HEADER, request_id)))


def _parent(team: str) -> str:
    return SEARCH_PARENT if team == "search" else PARENT


def id_of(job: Any) -> int:
    """The gateway's id, by which the name ends in both vocabularies."""
    return int(job.name.rpartition("/")[2])


def jobs_in(page: Answer) -> list[Any]:
    """The batch jobs of a list's answer."""
    assert page.code == "OK", page
    return [job for field, jobs in page.message.ListFields() if field.message_type for job in jobs]


async def member(entrance: Entrance, surface: Surface, kind: Kind, team: str) -> Member:
    """A caller of this kind who asks for this team."""
    return Member(surface, await entrance.connect(surface, kind), team)
