"""`batchjobs.v1.BatchJobs` over REST, at the paths of its annotations."""

from typing import Any
from urllib.parse import quote

from rest.conftest import Rest
from support.gateway import Gateway

JOBS = "/v1/teams/ranking/batchJobs"
SPEC: dict[str, Any] = {
    "model": "gemini-2.5-flash",
    "gcsSource": {"uri": "gs://ranking-in/rows.jsonl"},
    "gcsDestination": {"outputUriPrefix": "gs://ranking-out/first"},
    "labels": {"run": "nightly"},
}


async def test_a_batch_job_is_created_read_listed_cancelled_and_deleted(front: Rest) -> None:
    created = await front(JOBS, body=SPEC)
    assert (created.code, created.headers["content-type"]) == (200, "application/json; charset=UTF-8")
    job = created.json
    assert job["state"] == "QUEUED"
    assert {key: job[key] for key in SPEC} == SPEC
    path = f"/v1/{job['name']}"
    assert (await front(path)).json["name"] == job["name"]
    assert [each["name"] for each in (await front(JOBS)).json["batchJobs"]] == [job["name"]]
    assert (await front(f"{path}:cancel", "-X", "POST")).json["state"] == "CANCELLED"
    assert (await front(path, "-X", "DELETE")).json == {}
    assert (await front(path)).code == 404


async def test_a_request_id_and_validate_only_go_into_the_query(front: Rest) -> None:
    first, again = [await front(f"{JOBS}?requestId=one", body=SPEC) for _ in range(2)]
    assert first.json["name"] == again.json["name"]
    tried = await front(f"{JOBS}?validate_only=true", body=SPEC)
    assert (tried.code, "name" in tried.json) == (200, False)
    other = await front(f"{JOBS}?requestId=one", body={**SPEC, "displayName": "other"})
    assert (other.code, other.error["status"]) == (409, "ALREADY_EXISTS")


async def test_a_list_is_filtered_and_paged_by_the_query(front: Rest) -> None:
    names = [(await front(JOBS, body={**SPEC, "displayName": f"n{number}"})).json["name"] for number in range(3)]
    nightly = "filter=labels.run+=+nightly"
    page = (await front(f"{JOBS}?pageSize=2&{nightly}")).json
    assert [each["name"] for each in page["batchJobs"]] == names[:0:-1]
    rest = (await front(f"{JOBS}?page_size=2&{nightly}&pageToken={quote(page['nextPageToken'])}")).json
    assert [each["name"] for each in rest["batchJobs"]] == names[:1]


async def test_a_teams_usage_is_read(front: Rest) -> None:
    assert (await front("/v1/teams/ranking/usage")).json["name"] == "teams/ranking/usage"


async def test_a_slash_at_the_end_of_a_path_changes_nothing(front: Rest) -> None:
    name = (await front(f"{JOBS}/?requestId=one", body=SPEC)).json["name"]
    assert (await front(f"/v1/{name}/")).json["name"] == name
    assert [
        each["name"] for each in (await front(f"{JOBS}//?pageSize=1&filter=region=us-central1")).json["batchJobs"]
    ] == [name]
    assert (await front("/v1/teams/ranking/usage/")).json["name"] == "teams/ranking/usage"
    assert (await front(f"/v1/{name}:cancel/", "-X", "POST")).json["state"] == "CANCELLED"
    nobody = await front(f"{JOBS}/", "-X", "DELETE")
    assert (nobody.code, JOBS in nobody.error["message"]) == (404, True)
    assert (await front(f"/v1/{name}/", "-X", "DELETE")).json == {}
    assert (await front("/")).error["status"] == "NOT_FOUND"


async def test_a_watch_is_not_served(front: Rest) -> None:
    assert (await front(f"{JOBS}:watch")).error["status"] == "NOT_FOUND"


async def test_calls_are_counted_as_what_they_are(front: Rest, gateway: Gateway) -> None:
    await front(JOBS)
    assert 'grpc_service="rest.batchjobs.v1.BatchJobs"' in gateway.metrics()


async def test_both_spellings_of_a_name_are_taken_but_not_together(front: Rest) -> None:
    snake = {
        "model": "flash",
        "gcs_source": SPEC["gcsSource"],
        "gcs_destination": {"output_uri_prefix": "gs://ranking-out/a"},
    }
    assert (await front(JOBS, body=snake)).code == 200
    both = await front(JOBS, body={**SPEC, "displayName": "a", "display_name": "b"})
    assert both.violations() == {"batch_job.display_name": "GIVEN_TWICE"}


async def test_enums_are_numbers_where_the_caller_asks_for_them(front: Rest) -> None:
    asked = await front(f"{JOBS}?%24alt=json%3Benum-encoding%3Dint", body=SPEC)
    assert asked.json["state"] == 1
    assert (await front(f"/v1/{asked.json['name']}?$alt=json;enum-encoding=int")).json["state"] == 1
    assert (await front(f"/v1/{asked.json['name']}?alt=json")).json["state"] == "QUEUED"
