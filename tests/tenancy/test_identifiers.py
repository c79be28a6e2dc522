"""Every identifier that crosses the API is a name and no key: whoever holds another team's opens nothing with it.

Each is tried on every surface. What BatchJobs alone has stands in test_resume_tokens.py, what Vertex's JobService alone
has in test_places.py.
"""

from collections.abc import Iterator
from typing import Any

import pytest
from google.api import field_behavior_pb2
from google.protobuf.descriptor import Descriptor, FieldDescriptor

from gateway.api.vertex.job_in import SERVED
from gateway.service.page_tokens import write_token
from tenancy.callers import KINDS, ONE_OF_RANKING, ONE_OF_SEARCH
from tenancy.conftest import Entrance
from tenancy.members import Member, id_of, jobs_in, member
from tenancy.rows import SERVICE
from tenancy.surfaces import Surface
from tenancy.vertex_rows import VERTEX_SERVICE


async def _two_teams(entrance: Entrance, surface: Surface) -> tuple[Member, Member]:
    """Callers of ranking and of search, each team with three batch jobs."""
    ranking = await member(entrance, surface, ONE_OF_RANKING, "ranking")
    search = await member(entrance, surface, ONE_OF_SEARCH, "search")
    for number in range(3):
        for each, run in ((ranking, "secret"), (search, "public")):
            made = await each.create(labels={"run": run}, display_name=f"{each.team} {number}")
            assert made.code == "OK", made
    return ranking, search


async def _set_policy_without(entrance: Entrance, team: str, role: str) -> None:
    await entrance.secured.gateway.set_policy(lambda policy: policy["teams"][team]["members"].update({role: []}))


def _owners(jobs: list[Any]) -> set[str]:
    return {job.display_name.split()[0] for job in jobs}


# Page tokens


async def test_a_stolen_page_token_is_refused_in_the_thiefs_own_list(entrance: Entrance, surface: Surface) -> None:
    ranking, search = await _two_teams(entrance, surface)
    stolen = (await ranking.list(page_size=1)).message.next_page_token
    assert stolen
    refused = await search.list(page_size=1, page_token=stolen)
    assert (refused.code, refused.reason) == ("INVALID_ARGUMENT", "INVALID_PAGE_TOKEN")
    forbidden = await search.list(team="ranking", page_size=1, page_token=stolen)
    assert (forbidden.code, forbidden.reason) == ("PERMISSION_DENIED", "TEAM_FORBIDDEN")


async def test_a_page_token_that_is_made_up_from_another_teams_id_shows_ones_own_alone(
    entrance: Entrance, surface: Surface
) -> None:
    """Tokens are plain cursors: making one is easy, and gives nothing that the list would not give."""
    ranking, search = await _two_teams(entrance, surface)
    [newest] = jobs_in(await ranking.list(page_size=1))
    made_up = write_token(search.query("search"), id_of(newest))
    assert _owners(jobs_in(await search.list(page_token=made_up))) == {"search"}


@pytest.mark.parametrize("other", [{"filter": "labels.run=public"}, {"filter": ""}, {"team": "ranking"}])
async def test_a_page_token_serves_the_query_that_it_comes_from_and_no_other(
    entrance: Entrance, surface: Surface, other: dict[str, str]
) -> None:
    await _two_teams(entrance, surface)
    both = await member(entrance, surface, KINDS["a member"], "search")
    query: dict[str, Any] = {"filter": 'create_time > "2001-01-01T00:00:00Z"', "page_size": 1}
    token = (await both.list(**query)).message.next_page_token
    assert jobs_in(await both.list(**query, page_token=token))
    assert (await both.list(**{**query, **other}, page_token=token)).reason == "INVALID_PAGE_TOKEN"


async def test_a_page_token_of_one_vocabulary_is_none_in_the_other(entrance: Entrance, surface: Surface) -> None:
    await _two_teams(entrance, surface)
    for other in entrance.surfaces.values():
        asking = [await member(entrance, each, ONE_OF_SEARCH, "search") for each in (other, surface)]
        token = (await asking[0].list(page_size=1)).message.next_page_token
        reason = "" if other.service is surface.service else "INVALID_PAGE_TOKEN"
        assert (await asking[1].list(page_size=1, page_token=token)).reason == reason


async def test_each_page_is_authorised_afresh(entrance: Entrance, surface: Surface) -> None:
    await _two_teams(entrance, surface)
    viewer = await member(entrance, surface, KINDS["a viewer"], "ranking")
    token = (await viewer.list(page_size=1)).message.next_page_token
    await _set_policy_without(entrance, "ranking", "viewers")
    assert (await viewer.list(page_size=1, page_token=token)).reason == "TEAM_FORBIDDEN"


# request_ids


async def test_a_request_id_belongs_to_its_team(entrance: Entrance, surface: Surface) -> None:
    """Else it would show another team's batch job, or that the other team has one of that id."""
    ranking = await member(entrance, surface, ONE_OF_RANKING, "ranking")
    search = await member(entrance, surface, ONE_OF_SEARCH, "search")
    theirs = await ranking.create(request_id="nightly", display_name="ranking")
    mine = await search.create(request_id="nightly", display_name="search")
    assert (_owners([mine.message]), id_of(mine.message) != id_of(theirs.message)) == ({"search"}, True)
    again = await search.create(request_id="nightly", display_name="search")
    assert again.message.name == mine.message.name


async def test_a_request_id_that_one_principal_uses_in_its_two_teams_is_two(
    entrance: Entrance, surface: Surface
) -> None:
    both = await member(entrance, surface, KINDS["a member"], "")
    made = [await both.create(team=team, request_id="nightly", display_name=team) for team in ("ranking", "search")]
    assert [_owners([each.message]) for each in made] == [{"ranking"}, {"search"}]


async def test_a_reused_request_id_names_a_batch_job_of_the_same_team_alone(
    entrance: Entrance, surface: Surface
) -> None:
    ranking = await member(entrance, surface, ONE_OF_RANKING, "ranking")
    search = await member(entrance, surface, ONE_OF_SEARCH, "search")
    theirs = await ranking.create(request_id="nightly")
    mine = await search.create(request_id="nightly")
    refused = await search.create(request_id="nightly", display_name="another")
    assert refused.reason == "REQUEST_ID_REUSED"
    assert str(id_of(mine.message)) in str(refused.wire)
    assert str(id_of(theirs.message)) not in str(refused.wire)


async def test_a_known_request_id_is_no_way_around_a_role_that_was_taken_away(
    entrance: Entrance, surface: Surface
) -> None:
    ranking = await member(entrance, surface, ONE_OF_RANKING, "ranking")
    await ranking.create(request_id="nightly")
    await _set_policy_without(entrance, "ranking", "submitters")
    assert (await ranking.create(request_id="nightly")).reason == "TEAM_FORBIDDEN"


# Labels and filters

FILTERS = {
    SERVICE: ("state = QUEUED", 'model = "gemini-2.5-flash"', "region = us-central1"),
    VERTEX_SERVICE: ('state="JOB_STATE_QUEUED"', 'model_display_name="gemini-2.5-flash"', 'display_name:"*"'),
}
FOR_BOTH = ("labels.run = secret", "labels.run:*", 'labels.run != "public"', 'create_time > "2001-01-01T00:00:00Z"')
FOREIGN = ("team = ranking", 'name = "teams/ranking/batchJobs/1"', 'creator = "dev:x"')


async def test_a_filter_finds_nothing_of_another_team(entrance: Entrance, surface: Surface) -> None:
    _, search = await _two_teams(entrance, surface)
    for text in (*FOR_BOTH, *FILTERS[surface.service]):
        assert _owners(jobs_in(await search.list(filter=text))) <= {"search"}, text


async def test_a_filter_cannot_name_another_team(entrance: Entrance, surface: Surface) -> None:
    _, search = await _two_teams(entrance, surface)
    for text in FOREIGN:
        assert (await search.list(filter=text)).reason == "INVALID_SPEC", text


# URIs


@pytest.mark.parametrize(("role", "there", "absent"), [("source", "search-in", "search-xx"),
                                                        ("destination", "search-out", "search-xxx")])  # fmt: skip
async def test_a_foreign_place_that_exists_is_refused_as_one_that_does_not(
    entrance: Entrance, surface: Surface, role: str, there: str, absent: str
) -> None:
    """How it may be written stands in test_ownership.py. Nothing is looked up before it is refused."""
    ranking = await member(entrance, surface, ONE_OF_RANKING, "ranking")
    answers = [await ranking.create(**{role: f"gs://{name}/rows.jsonl"}) for name in (there, absent)]
    assert {(each.code, each.reason) for each in answers} == {("PERMISSION_DENIED", "POLICY_VIOLATION")}
    told = [str(each.wire).replace(name, "BUCKET") for each, name in zip(answers, (there, absent), strict=True)]
    assert told[0] == told[1]


# All of them


PROVEN = {
    "parent": "test_matrix.py: every RPC",
    "name": "test_matrix.py: every RPC, and a foreign id under one's own team",
    "request_id": "here",
    "page_token": "here",
    "resume_token": "test_resume_tokens.py",
    "filter": "here",
    "batch_job.display_name": "content",
    "batch_job.model": "tests/admission/test_policy.py",
    "batch_job.region": "tests/admission/test_policy.py",
    "batch_job.labels": "here",
    "batch_job.gcs_source.uri": "here, and test_ownership.py",
    "batch_job.bigquery_source.table": "test_ownership.py",
    "batch_job.gcs_destination.output_uri_prefix": "test_ownership.py",
    "batch_job.bigquery_destination.table": "test_ownership.py",
    "batch_job.model_parameters": "content",
}
"""Where each text that a caller may send is proven to open nothing of another team."""

IGNORED = {field_behavior_pb2.OUTPUT_ONLY, field_behavior_pb2.IDENTIFIER}
"""What a create does not look at."""


VERTEX_PROVEN = {
    "parent": "test_places.py",
    "name": "test_places.py",
    "page_token": "here",
    "filter": "here",
    "read_mask": "content",
    "batch_prediction_job.display_name": "content",
    "batch_prediction_job.model": "tests/admission/test_policy.py",
    "batch_prediction_job.labels": "here",
    "batch_prediction_job.model_parameters": "content",
    "batch_prediction_job.input_config.instances_format": "tests/vertex/test_job_service.py",
    "batch_prediction_job.input_config.gcs_source.uris": "here",
    "batch_prediction_job.input_config.bigquery_source.input_uri": "test_ownership.py",
    "batch_prediction_job.output_config.predictions_format": "tests/vertex/test_job_service.py",
    "batch_prediction_job.output_config.gcs_destination.output_uri_prefix": "here",
    "batch_prediction_job.output_config.bigquery_destination.output_uri": "test_ownership.py",
}
"""The same for Vertex's JobService, where all else that a job may hold is refused by its name."""


def test_every_text_that_callers_send_is_proven_somewhere() -> None:
    sent = set().union(*(_texts(method.input_type) for method in SERVICE.methods))
    assert sent == set(PROVEN)


def test_every_text_that_callers_of_vertex_send_is_proven_somewhere() -> None:
    fields = set().union(*(method.input_type.fields_by_name for method in VERTEX_SERVICE.methods))
    served = set(_served(SERVED, "batch_prediction_job."))
    assert (fields - {"page_size", "batch_prediction_job"}) | served == set(VERTEX_PROVEN)


def _served(fields: Any, path: str) -> Iterator[str]:
    for name, inner in fields.items():
        yield from _served(inner, f"{path}{name}.") if inner else (path + name,)


def _texts(message: Descriptor, path: str = "") -> Iterator[str]:
    for each in message.fields:
        behaviours = set(each.GetOptions().Extensions[field_behavior_pb2.field_behavior])
        if path and behaviours & IGNORED:
            continue
        if each.type == FieldDescriptor.TYPE_STRING or each.name in {"labels", "model_parameters"}:
            yield path + each.name
        elif each.message_type is not None and each.message_type.file is message.file:
            yield from _texts(each.message_type, f"{path}{each.name}.")
