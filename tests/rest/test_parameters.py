"""A query says what the method takes as a parameter and nothing else, each once; the path alone says what is meant."""

from pathlib import Path

import pytest

from gateway.cli.envoy import dev_front, free_address
from rest.conftest import Answer, Rest, StartFront
from rest.test_batch_jobs import JOBS, SPEC
from rest.test_vertex import JOBS as VERTEX_JOBS
from rest.test_vertex import PARENT, STORAGE
from support.gateway import StartGateway

TEAMS = (JOBS, "teams/ranking", SPEC)
VERTEX = (VERTEX_JOBS, PARENT, STORAGE)
V1BETA1 = (VERTEX_JOBS.replace("/v1/", "/v1beta1/"), PARENT, STORAGE)
services = pytest.mark.parametrize(("jobs", "parent", "spec"), [TEAMS, VERTEX, V1BETA1])


@pytest.fixture
async def front(start_gateway: StartGateway, start_front: StartFront, tmp_path: Path) -> Rest:
    """Both services."""
    gateway = await start_gateway(role="api", vertex_api=True)
    gateway.write_rows("gs://ranking-in/rows.jsonl")
    front = dev_front(free_address("127.0.0.1:0"), gateway.app.api_target, tmp_path / "rest", None)
    return await start_front(front, "-H", "x-batchjobs-team: ranking", vertex_api=True)


def _is_refused(answer: Answer, name: str) -> bool:
    return (answer.code, answer.error["status"]) == (400, "INVALID_ARGUMENT") and name in answer.error["message"]


@services
async def test_a_query_cannot_name_another_than_the_path_does(
    front: Rest, jobs: str, parent: str, spec: dict[str, object]
) -> None:
    version = jobs.split("/")[1]
    one, other = [(await front(jobs, body=spec)).json["name"] for _ in range(2)]
    ways = (
        "name={}",
        "%6eame={}",
        "n%61me={}",
        "%6E%61%6D%65={}",
        "$name={}",
        "pageSize=1&name={}",
        "name={}&name={}",
        "&name={}",
    )
    for query in (*(way.replace("{}", other) for way in ways), "name", "name="):
        for options in (("-X", "GET"), ("-X", "DELETE")):
            answer = await front(f"/{version}/{one}?{query}", *options)
            assert _is_refused(answer, "name"), (query, options, answer)
        for body in (None, {}):
            answer = await front(f"/{version}/{one}:cancel?{query}", "-X", "POST", body=body)
            assert _is_refused(answer, "name"), (query, answer)
    for way in ("parent={}", "%70arent={}", "paren%74={}", "$parent={}", "pageSize=1&parent={}", "parent"):
        query = way.replace("{}", parent.replace("ranking", "search"))
        assert _is_refused(await front(f"{jobs}?{query}"), "parent"), query
        assert _is_refused(await front(f"{jobs}?{query}", body=spec), "parent"), query
    states = {(await front(f"/{version}/{name}")).json["state"].removeprefix("JOB_STATE_") for name in (one, other)}
    assert states == {"QUEUED"}, "neither was touched"


async def test_the_usage_is_that_of_the_team_in_the_path(front: Rest) -> None:
    assert _is_refused(await front("/v1/teams/ranking/usage?name=teams/search/usage"), "name")


@services
async def test_a_bodys_fields_and_its_frame_are_no_parameters(
    front: Rest, jobs: str, parent: str, spec: dict[str, object]
) -> None:
    version = jobs.split("/")[1]
    field = "batchJob" if jobs == JOBS else "batchPredictionJob"
    snake = "batch_job" if jobs == JOBS else "batch_prediction_job"
    for name in (f"{field}.data", f"{snake}.content_type", f"{snake}.contentType", f"{field}.extensions", field, snake):
        assert _is_refused(await front(f"{jobs}?{name}=eA==", body=spec), name), name
    one = (await front(jobs, body=spec)).json["name"]
    for name in ("body", "body.data", "body.content_type", "%62ody.data"):
        answer = await front(f"/{version}/{one}:cancel?{name}=eA==", "-X", "POST")
        assert _is_refused(answer, name), (name, answer)
    assert (await front(f"/{version}/{one}:cancel", "-X", "POST")).code == 200


@services
async def test_a_parameter_is_taken_once_in_whichever_spelling(
    front: Rest, jobs: str, parent: str, spec: dict[str, object]
) -> None:
    for query, name in (
        ("pageSize=1&pageSize=2", "pageSize"),
        ("pageSize=1&page_size=1", "pageSize"),
        ("page%53ize=1&pageSize=1", "pageSize"),
        ("filter=a&pageSize=1&filter=b", "filter"),
    ):
        answer = await front(f"{jobs}?{query}")
        assert _is_refused(answer, f"{name} is there twice"), (query, answer)
    for query in ("pageSize=1&pageToken=", "page_size=1&page_token=", "alt=json&$alt=json&pageSize=1", "&&pageSize=1&"):
        assert (await front(f"{jobs}?{query}")).code == 200, query


async def test_a_name_of_no_sense_is_refused_in_an_answer_that_can_be_read(front: Rest) -> None:
    for name in ("%22", "%00", "%FF", '%5C"', "%256eame", "", "pageSize%00", "pageSize.x", "$pageSize", "x" * 5000):
        answer = await front(f"{JOBS}?{name}=1")
        assert _is_refused(answer, "query parameter"), (name, answer)
        assert len(answer.text) < 400
