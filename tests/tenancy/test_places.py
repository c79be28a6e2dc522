"""Vertex's names hold a project and a location in place of a team. Whose pool that is opens nothing and is not told."""

from typing import Any

import pytest

from gateway.api.metadata import REQUEST_ID_HEADER
from gateway.identity.development import TEAM_HEADER
from tenancy.callers import KINDS, ONE_OF_RANKING, ONE_OF_SEARCH
from tenancy.conftest import IN_TURN, Entrance
from tenancy.members import jobs_in, member
from tenancy.rows import Asked, Metadata
from tenancy.surfaces import SURFACES, Answer, Line, Surface
from tenancy.vertex_rows import PARENT, SEARCH_PARENT, VERTEX_SERVICE, request, vertex_job

THEIRS = [name for name in IN_TURN if SURFACES[name].service is VERTEX_SERVICE]
NOWHERE = "projects/corp-nobody/locations/europe-west4"
PLACES = {
    "a pool of another team": (SEARCH_PARENT, NOWHERE),
    "its project's number": ("projects/4242/locations/europe-west4", "projects/4243/locations/europe-west4"),
    "its project, elsewhere": (
        "projects/corp-search/locations/us-central1",
        "projects/corp-nobody/locations/us-central1",
    ),
}
"""A place that another team has, and one that nobody has."""
ACTS = ("Get", "Cancel", "Delete")


@pytest.fixture(params=THEIRS)
def surface(request: pytest.FixtureRequest) -> Surface:
    return SURFACES[request.param]


async def _act(line: Line, act: str, name: str, metadata: Metadata = ((TEAM_HEADER, "ranking"),)) -> Answer:
    method = f"{act}BatchPredictionJob"
    return await line.ask(method, Asked(request(method, name=name), metadata))


async def _create(line: Line, parent: str, *metadata: tuple[str, str], **changes: Any) -> Answer:
    asked = request("CreateBatchPredictionJob", parent=parent, batch_prediction_job=vertex_job(**changes))
    return await line.ask("CreateBatchPredictionJob", Asked(asked, metadata))


def _told(answer: Answer, place: str) -> str:
    """All that is seen of a refusal, the place that its caller has named aside."""
    _, project, _, location = place.split("/")
    return repr((answer.code, answer.reason, answer.wire)).replace(project, "PROJECT").replace(location, "LOCATION")


@pytest.mark.parametrize("place", PLACES)
async def test_another_teams_place_is_as_nobodys(entrance: Entrance, surface: Surface, place: str) -> None:
    search = await member(entrance, surface, ONE_OF_SEARCH, "search")
    theirs = (await search.create()).message.name.rpartition("/")[2]
    ranking = await member(entrance, surface, ONE_OF_RANKING, "ranking")
    own = (await ranking.create()).message.name.rpartition("/")[2]
    before = await entrance.stored()
    told: list[list[str]] = []
    for parent in PLACES[place]:
        answers = [await _create(ranking.line, parent)]
        assert answers[0].reason == "POLICY_VIOLATION"
        for id_ in (own, theirs):
            answers += [await _act(ranking.line, act, f"{parent}/batchPredictionJobs/{id_}") for act in ACTS]
        assert {each.reason for each in answers[1:]} == {"NOT_FOUND"}
        listed = await ranking.line.ask(
            "ListBatchPredictionJobs", Asked(request("ListBatchPredictionJobs", parent=parent))
        )
        assert jobs_in(listed) == []
        told.append([_told(each, parent) for each in answers])
    assert told[0] == told[1]
    assert await entrance.stored() == before


async def test_whose_call_it_is_is_said_once_and_is_a_team(entrance: Entrance, surface: Surface) -> None:
    """The team of all teams is none here, and whoever names two teams is in neither."""
    search = await member(entrance, surface, ONE_OF_SEARCH, "search")
    await search.create()
    for kind in ("a member", "an operator", "another team"):
        line = await entrance.connect(surface, KINDS[kind])
        for metadata in (
            ((TEAM_HEADER, "-"),),
            ((TEAM_HEADER, "search"), (TEAM_HEADER, "ranking")),
            ((TEAM_HEADER, "search,ranking"),),
            ((TEAM_HEADER, "SEARCH"),),
        ):
            listed = await line.ask(
                "ListBatchPredictionJobs", Asked(request("ListBatchPredictionJobs", parent=PARENT), metadata)
            )
            assert (listed.code, listed.reason) == ("INVALID_ARGUMENT", "INVALID_SPEC"), (kind, metadata, listed)


async def test_a_request_id_that_is_sent_twice_is_refused(entrance: Entrance, surface: Surface) -> None:
    line = await entrance.connect(surface, ONE_OF_RANKING)
    refused = await _create(line, PARENT, (REQUEST_ID_HEADER, "one"), (REQUEST_ID_HEADER, "two"))
    assert (refused.code, refused.reason) == ("INVALID_ARGUMENT", "INVALID_SPEC")


async def test_a_name_within_the_job_opens_nothing(entrance: Entrance, surface: Surface) -> None:
    search = await member(entrance, surface, ONE_OF_SEARCH, "search")
    theirs = (await search.create()).message.name
    line = await entrance.connect(surface, ONE_OF_RANKING)
    refused = await _create(line, PARENT, name=theirs)
    assert refused.reason == "INVALID_SPEC"
    assert "batch_prediction_job.name" in str(refused.wire)
