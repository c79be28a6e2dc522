"""Every identifier that crosses the API is a name and no key: whoever holds another team's opens nothing with it."""

from collections.abc import Iterator

import pytest
from google.api import field_behavior_pb2
from google.protobuf.descriptor import Descriptor, FieldDescriptor

from gateway.service.page_tokens import write_token
from gateway.service.resume_tokens import read_resume_token, write_resume_token
from support.caller import Caller, Watching, batch_job, refusal
from support.secured import RANKING, SEARCH, Secured
from tenancy.rows import SERVICE, searching


async def _two_teams(secured: Secured) -> tuple[Caller, Caller]:
    """Callers of ranking and of search, each team with three batch jobs."""
    ranking, search = await secured.certified(RANKING), await secured.certified(SEARCH, "search")
    for number in range(3):
        await ranking.create(batch_job(labels={"run": "secret"}, display_name=f"ranking {number}"))
        await search.create(searching(labels={"run": "public"}))
    return ranking, search


async def _set_policy_without(secured: Secured, team: str, role: str) -> None:
    await secured.gateway.set_policy(lambda policy: policy["teams"][team]["members"].update({role: []}))


# Page tokens


async def test_a_stolen_page_token_is_refused_in_the_thiefs_own_list(secured: Secured) -> None:
    ranking, search = await _two_teams(secured)
    stolen = (await ranking.list(page_size=1)).next_page_token
    assert stolen
    refused = await refusal(search.list(page_size=1, page_token=stolen))
    assert (refused.code, refused.reason) == ("INVALID_ARGUMENT", "INVALID_PAGE_TOKEN")
    forbidden = await refusal(search.list(parent="teams/ranking", page_size=1, page_token=stolen))
    assert (forbidden.code, forbidden.reason) == ("PERMISSION_DENIED", "TEAM_FORBIDDEN")


async def test_an_operators_page_token_over_all_teams_opens_nothing_for_a_member(secured: Secured) -> None:
    _, search = await _two_teams(secured)
    operator = await secured.with_token("oncall", "-")
    stolen = (await operator.list(page_size=1)).next_page_token
    assert (await refusal(search.list(page_token=stolen))).reason == "INVALID_PAGE_TOKEN"
    assert (await refusal(search.list(parent="teams/-", page_token=stolen))).reason == "ROLE_FORBIDDEN"


async def test_a_page_token_that_is_made_up_from_another_teams_id_shows_ones_own_alone(secured: Secured) -> None:
    """Tokens are plain cursors: making one is easy, and gives nothing that the list would not give."""
    ranking, search = await _two_teams(secured)
    newest = (await ranking.list(page_size=1)).batch_jobs[0]
    made_up = write_token(("ListBatchJobs", "search"), int(newest.name.rpartition("/")[2]))
    page = await search.list(page_token=made_up)
    assert page.batch_jobs
    assert {each.name.split("/")[1] for each in page.batch_jobs} == {"search"}


@pytest.mark.parametrize("other", [{"filter": "labels.run = public"}, {"filter": ""}, {"parent": "teams/ranking"}])
async def test_a_page_token_serves_the_query_that_it_comes_from_and_no_other(
    secured: Secured, other: dict[str, str]
) -> None:
    await _two_teams(secured)
    both = await secured.with_token("both", "search")
    query = {"filter": 'create_time > "2001-01-01T00:00:00Z"', "page_size": 1}
    token = (await both.list(**query)).next_page_token
    assert (await both.list(**query, page_token=token)).batch_jobs
    refused = await refusal(both.list(**{**query, **other}, page_token=token))
    assert refused.reason == "INVALID_PAGE_TOKEN"


async def test_each_page_is_authorised_afresh(secured: Secured) -> None:
    await _two_teams(secured)
    viewer = await secured.with_token("dashboards")
    token = (await viewer.list(page_size=1)).next_page_token
    await _set_policy_without(secured, "ranking", "viewers")
    assert (await refusal(viewer.list(page_size=1, page_token=token))).reason == "TEAM_FORBIDDEN"


# Resume tokens


async def _token_of(watch: Watching) -> str:
    while not (event := await watch.event()).synced:
        pass
    watch.call.cancel()
    return event.resume_token


async def test_a_stolen_resume_token_is_refused_in_the_thiefs_own_watch(secured: Secured) -> None:
    ranking, search = await _two_teams(secured)
    stolen = await _token_of(ranking.watch_team())
    assert (await refusal(search.watch_team(stolen).event())).reason == "INVALID_SPEC"
    search.team = "ranking"
    forbidden = await refusal(search.watch_team(stolen).event())
    assert (forbidden.code, forbidden.reason) == ("PERMISSION_DENIED", "TEAM_FORBIDDEN")


async def test_a_resume_token_that_is_made_up_shows_ones_own_alone(secured: Secured) -> None:
    ranking, search = await _two_teams(secured)
    point = read_resume_token("ranking", await _token_of(ranking.watch_team()))
    watch = search.watch_team(write_resume_token(point.incarnation, "search", 0))
    seen = [(await watch.job()).name for _ in range(3)]
    assert {name.split("/")[1] for name in seen} == {"search"}
    ahead = write_resume_token(point.incarnation, "search", point.revision + 1)
    assert (await refusal(search.watch_team(ahead).event())).reason == "RESUME_TOKEN_EXPIRED"


async def test_each_resumed_watch_is_authorised_afresh(secured: Secured) -> None:
    await _two_teams(secured)
    viewer = await secured.with_token("dashboards")
    token = await _token_of(viewer.watch_team())
    await _set_policy_without(secured, "ranking", "viewers")
    assert (await refusal(viewer.watch_team(token).event())).reason == "TEAM_FORBIDDEN"


# request_ids


async def test_a_request_id_belongs_to_its_team(secured: Secured) -> None:
    """Else it would show another team's batch job, or that the other team has one of that id."""
    ranking, search = await secured.certified(RANKING), await secured.certified(SEARCH, "search")
    theirs = await ranking.create(request_id="nightly")
    mine = await search.create(searching(), request_id="nightly")
    assert mine.name.startswith("teams/search/")
    assert mine.name.split("/")[-1] != theirs.name.split("/")[-1]
    assert (await search.create(searching(), request_id="nightly")).name == mine.name


async def test_a_request_id_that_one_principal_uses_in_its_two_teams_is_two(secured: Secured) -> None:
    made = [
        await (await secured.with_token("both", team)).create(job, request_id="nightly")
        for team, job in (("ranking", batch_job()), ("search", searching()))
    ]
    assert [each.name.split("/")[1] for each in made] == ["ranking", "search"]


async def test_a_reused_request_id_names_a_batch_job_of_the_same_team_alone(secured: Secured) -> None:
    ranking, search = await secured.certified(RANKING), await secured.certified(SEARCH, "search")
    await ranking.create(request_id="nightly")
    mine = await search.create(searching(), request_id="nightly")
    refused = await refusal(search.create(searching(display_name="another"), request_id="nightly"))
    assert refused.reason == "REQUEST_ID_REUSED"
    assert refused.details["ResourceInfo"].resource_name == mine.name


async def test_a_known_request_id_is_no_way_around_a_role_that_was_taken_away(secured: Secured) -> None:
    ranking = await secured.certified(RANKING)
    await ranking.create(request_id="nightly")
    await _set_policy_without(secured, "ranking", "submitters")
    assert (await refusal(ranking.create(request_id="nightly"))).reason == "TEAM_FORBIDDEN"


# Labels and filters


@pytest.mark.parametrize(
    "filter_text",
    ["labels.run = secret", "labels.run:*", 'labels.run != "public"', "state = QUEUED", 'model = "gemini-2.5-flash"',
     "region = us-central1"],
)  # fmt: skip
async def test_a_filter_finds_nothing_of_another_team(secured: Secured, filter_text: str) -> None:
    _, search = await _two_teams(secured)
    found = await search.list(filter=filter_text)
    assert {each.name.split("/")[1] for each in found.batch_jobs} <= {"search"}
    assert {each.display_name for each in found.batch_jobs} <= {""}


@pytest.mark.parametrize("filter_text", ["team = ranking", 'name = "teams/ranking/batchJobs/1"', 'creator = "dev:x"'])
async def test_a_filter_cannot_name_another_team(secured: Secured, filter_text: str) -> None:
    _, search = await _two_teams(secured)
    assert (await refusal(search.list(filter=filter_text))).reason == "INVALID_SPEC"


# All of them


async def test_output_only_fields_of_a_create_name_nothing_and_change_nothing(secured: Secured) -> None:
    ranking, search = await _two_teams(secured)
    theirs = (await ranking.list(page_size=1)).batch_jobs[0]
    forged = searching(
        name=theirs.name, creator="jwt:corp:oncall", pool="corp-ml/us-central1", vertex_job="projects/1/x", revision=7
    )
    made = await search.create(forged)
    assert made.name.startswith("teams/search/")
    assert made.name != theirs.name
    assert (made.creator, made.pool, made.vertex_job) == (f"mtls:{SEARCH}", "corp-ml/europe-west4", "")
    assert await ranking.get(theirs.name) == theirs


PROVEN = {
    "parent": "test_matrix.py: every RPC",
    "name": "test_matrix.py: every RPC, and a foreign id under one's own team",
    "request_id": "here",
    "page_token": "here",
    "resume_token": "here",
    "filter": "here",
    "batch_job.display_name": "content",
    "batch_job.model": "tests/admission/test_policy.py",
    "batch_job.region": "tests/admission/test_policy.py",
    "batch_job.labels": "here",
    "batch_job.gcs_source.uri": "test_ownership.py",
    "batch_job.bigquery_source.table": "test_ownership.py",
    "batch_job.gcs_destination.output_uri_prefix": "test_ownership.py",
    "batch_job.bigquery_destination.table": "test_ownership.py",
    "batch_job.model_parameters": "content",
}
"""Where each text that a caller may send is proven to open nothing of another team."""

IGNORED = {field_behavior_pb2.OUTPUT_ONLY, field_behavior_pb2.IDENTIFIER}
"""What a create does not look at."""


def test_every_text_that_callers_send_is_proven_somewhere() -> None:
    sent = set().union(*(_texts(method.input_type) for method in SERVICE.methods))
    assert sent == set(PROVEN)


def _texts(message: Descriptor, path: str = "") -> Iterator[str]:
    for each in message.fields:
        behaviours = set(each.GetOptions().Extensions[field_behavior_pb2.field_behavior])
        if path and behaviours & IGNORED:
            continue
        if each.type == FieldDescriptor.TYPE_STRING or each.name in {"labels", "model_parameters"}:
            yield path + each.name
        elif each.message_type is not None and each.message_type.file is message.file:
            yield from _texts(each.message_type, f"{path}{each.name}.")
