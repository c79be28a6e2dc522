"""Tokens and fields of `batchjobs.v1.BatchJobs` alone: names and no keys, as are those that every surface has."""

from gateway.service.resume_tokens import read_resume_token, write_resume_token
from support.caller import Caller, Watching, batch_job, refusal
from support.secured import RANKING, SEARCH, Secured
from tenancy.rows import searching


async def _two_teams(secured: Secured) -> tuple[Caller, Caller]:
    """Callers of ranking and of search, each team with three batch jobs."""
    ranking, search = await secured.certified(RANKING), await secured.certified(SEARCH, "search")
    for number in range(3):
        await ranking.create(batch_job(labels={"run": "secret"}, display_name=f"ranking {number}"))
        await search.create(searching(labels={"run": "public"}))
    return ranking, search


async def _set_policy_without(secured: Secured, team: str, role: str) -> None:
    await secured.gateway.set_policy(lambda policy: policy["teams"][team]["members"].update({role: []}))


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


async def test_an_operators_page_token_over_all_teams_opens_nothing_for_a_member(secured: Secured) -> None:
    _, search = await _two_teams(secured)
    operator = await secured.with_token("oncall", "-")
    stolen = (await operator.list(page_size=1)).next_page_token
    assert (await refusal(search.list(page_token=stolen))).reason == "INVALID_PAGE_TOKEN"
    assert (await refusal(search.list(parent="teams/-", page_token=stolen))).reason == "ROLE_FORBIDDEN"


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
