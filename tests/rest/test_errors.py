"""Errors over REST have Google's shape, whoever answers: the gateway, Envoy's transcoder or Envoy itself."""

from typing import Any

from rest.conftest import Rest
from rest.test_batch_jobs import JOBS, SPEC
from support.gateway import Gateway

SYSTEM = (
    "alt=json",
    "$alt=json",
    "%24alt=json",
    "key=k",
    "prettyPrint=false",
    "fields=name",
    "$fields=*",
    "quotaUser=q",
    "$.xgafv=2",
    "%24.xgafv=1",
    "uploadType=media",
    "$userProject=p",
)


async def test_a_refusal_has_its_status_and_all_of_its_details(front: Rest) -> None:
    refused = await front(JOBS, body={**SPEC, "gcsSource": {"uri": "gs://search-in/rows.jsonl"}})
    assert refused.code == 403
    assert list(refused.error) == ["code", "message", "status", "details"]
    assert refused.error["status"] == "PERMISSION_DENIED"
    assert refused.detail("ErrorInfo") == {
        "@type": "type.googleapis.com/google.rpc.ErrorInfo",
        "reason": "POLICY_VIOLATION",
        "domain": "batchjobs.gateway",
    }
    assert list(refused.violations().values()) == ["URI_NOT_ALLOWED"]


async def test_no_kind_of_detail_empties_the_body(front: Rest, gateway: Gateway) -> None:
    seen = set()
    await gateway.set_policy(lambda policy: policy["teams"]["ranking"].update(quotas={"queued_jobs": 1}))
    for path, body in (
        (JOBS, {}),
        (f"{JOBS}/12", None),
        (JOBS, {**SPEC, "gcsSource": {"uri": "gs://ranking-in/missing.jsonl"}}),
        (JOBS, SPEC),
        (JOBS, SPEC),
    ):
        answer = await front(path, body=body)
        if answer.code != 200:
            seen |= {each["@type"].rpartition(".")[2] for each in answer.error["details"]}
    assert seen >= {"ErrorInfo", "BadRequest", "ResourceInfo", "PreconditionFailure", "QuotaFailure"}


async def test_when_to_call_again_is_a_header_in_whole_seconds(front: Rest, gateway: Gateway) -> None:
    def once_a_minute(policy: dict[str, Any]) -> None:
        policy["teams"]["ranking"]["quotas"] = {"creates_per_minute": 1}

    await gateway.set_policy(once_a_minute)
    await front(JOBS, body=SPEC)
    refused = await front(JOBS, body=SPEC)
    assert (refused.code, refused.error["status"]) == (429, "RESOURCE_EXHAUSTED")
    delay = float(refused.detail("RetryInfo")["retryDelay"].removesuffix("s"))
    assert delay <= int(refused.headers["retry-after"]) < delay + 1


async def test_a_gateway_that_drains_or_is_gone_is_503_with_a_header_to_wait(front: Rest, gateway: Gateway) -> None:
    gateway.app.drain.begin()
    draining = await front(JOBS)
    assert (draining.code, draining.detail("ErrorInfo")["reason"]) == (503, "DRAINING")
    assert int(draining.headers["retry-after"]) >= 1
    await gateway.app.servers._servers[0].stop(0)
    gone = await front(JOBS)
    assert (gone.code, gone.error["status"], gone.headers["retry-after"]) == (503, "UNAVAILABLE", "1")


async def test_what_is_not_there_is_404_by_any_method(front: Rest) -> None:
    for path in ("/", "/v1/nothing", "/v1/teams/ranking", "/v1beta1/teams/ranking/batchJobs", f"{JOBS}/1:other"):
        assert (await front(path)).error["status"] == "NOT_FOUND", path
    for method in ("PUT", "PATCH", "OPTIONS", "TRACE"):
        assert (await front(f"{JOBS}/1", "-X", method)).error["status"] == "NOT_FOUND", method


async def test_an_unknown_parameter_is_refused_by_its_name(front: Rest) -> None:
    for name in ("pageSizes", "parent.x", "%24other", "callback"):
        refused = await front(f"{JOBS}?{name}=1")
        assert (refused.code, refused.error["status"]) == (400, "INVALID_ARGUMENT"), name
        assert name.partition(".")[0] in refused.error["message"]


async def test_googles_system_parameters_are_taken(front: Rest) -> None:
    for query in SYSTEM:
        assert (await front(f"{JOBS}?{query}&pageSize=1")).code == 200, query


async def test_a_token_in_the_address_and_other_encodings_are_refused(front: Rest) -> None:
    tokens, encodings = ("access_token=t", "%61ccess_token=t", "$oauth_token=t"), ("alt=media", "alt=proto", "alt=sse")
    for query, way_out in (
        *((each, "Authorization: Bearer") for each in tokens),
        *((each, "json") for each in encodings),
    ):
        refused = await front(f"{JOBS}?{query}")
        assert (refused.code, refused.error["status"]) == (400, "INVALID_ARGUMENT"), query
        assert way_out in refused.error["message"], query
