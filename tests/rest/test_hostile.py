"""Bodies, headers and framing that are wrong by accident or on purpose: refused, by name where possible, never 5xx."""

import gzip
import json
from typing import Any

from rest.conftest import Rest, exchange
from rest.test_batch_jobs import JOBS, SPEC

UNKNOWN: tuple[tuple[dict[str, Any], dict[str, str]], ...] = (
    ({"modell": "x"}, {"batch_job.modell": "UNKNOWN_FIELD"}),
    ({"gcsSource": {"uris": ["gs://a/b"]}}, {"batch_job.gcs_source.uris": "UNKNOWN_FIELD"}),
    ({"a": 1, "gcs_source": {"b": 2}}, {"batch_job.a": "UNKNOWN_FIELD", "batch_job.gcs_source.b": "UNKNOWN_FIELD"}),
    ({"transitions": [{"x": 1}]}, {"batch_job.transitions[0].x": "UNKNOWN_FIELD"}),
)
UNFIT: tuple[tuple[dict[str, Any], str], ...] = (
    ({"gcsSource": "gs://a/b"}, "batch_job.gcs_source"),
    ({"priority": "high"}, "batch_job.priority"),
    ({"priority": 2**40}, "batch_job.priority"),
    ({"priority": True}, "batch_job.priority"),
    ({"priority": [1]}, "batch_job.priority"),
    ({"model": 7}, "batch_job.model"),
    ({"model": "\ud800"}, "batch_job.model"),
    ({"labels": {"a": 1}}, "batch_job.labels"),
    ({"labels": {"a": None}}, "batch_job.labels"),
    ({"maxQueueDuration": "soon"}, "batch_job.max_queue_duration"),
    ({"gcsSource": {"uri": "a"}, "bigquerySource": {"table": "b"}}, "batch_job"),
)
MALFORMED = (
    b"{",
    b"[]",
    b"7",
    b"null",
    b'{"model": NaN}',
    b'{"modelParameters": {"t": Infinity}}',
    b'{"modelParameters": {"t": 1e999}}',
    b'{"model": "a", "model": "b"}',
    b'{"model": "\xff"}',
    b'{"model": ' + b"9" * 5000 + b"}",
    b"\x00" * 10,
    b'{"modelParameters": ' + b'{"a":' * 30_000 + b"1" + b"}" * 30_000 + b"}",
    b'{"modelParameters": {"a": ' + b"[" * 150 + b"]" * 150 + b"}}",
)


async def test_unknown_fields_are_refused_by_name_all_in_one_answer(front: Rest) -> None:
    for body, expected in UNKNOWN:
        refused = await front(JOBS, body=body)
        assert (refused.code, refused.violations()) == (400, expected)


async def test_values_that_do_not_fit_are_refused_by_their_field(front: Rest) -> None:
    for body, field in UNFIT:
        refused = await front(JOBS, body={**SPEC, **body} if "bigquerySource" not in body else body)
        assert refused.code == 400, body
        assert list(refused.violations()) == [field], body
        assert not any(word in refused.text for word in ("got '", "int()", "NoneType", "Bool value")), refused.text


async def test_what_is_no_json_object_is_refused(front: Rest) -> None:
    for body in MALFORMED:
        refused = await front(JOBS, body=body)
        assert (refused.code, refused.error["status"]) == (400, "INVALID_ARGUMENT"), body[:50]
        assert refused.error["message"].startswith("Invalid JSON payload received"), (body[:50], refused)


async def test_a_body_that_is_too_large_is_413(front: Rest) -> None:
    refused = await front(JOBS, body=json.dumps({"displayName": "x" * 1024 * 1024}))
    assert (refused.code, refused.error["status"]) == (413, "INVALID_ARGUMENT")
    assert (await front(JOBS, body=json.dumps({"displayName": "x" * 200 * 1024}))).code == 400


async def test_a_body_in_an_encoding_is_415_and_says_so(front: Rest) -> None:
    for encoding in ("gzip", "GZIP", "deflate, gzip", "br"):
        refused = await front(
            JOBS, "-H", f"content-encoding: {encoding}", body=gzip.compress(json.dumps(SPEC).encode())
        )
        assert (refused.code, refused.error["status"]) == (415, "INVALID_ARGUMENT"), encoding
        assert "Content-Encoding" in refused.error["message"]
    assert (await front(JOBS, "-H", "content-encoding: identity", body=SPEC)).code == 200


async def test_the_body_of_a_cancel_is_read_as_strictly(front: Rest) -> None:
    name = (await front(JOBS, body=SPEC)).json["name"]
    assert (await front(f"/v1/{name}:cancel", body={"force": True})).violations() == {"force": "UNKNOWN_FIELD"}
    other = await front(f"/v1/{name}:cancel", body={"name": "teams/search/batchJobs/1"})
    assert other.json["name"] == name


async def test_headers_of_grpc_and_of_proxies_do_not_reach_the_gateway(front: Rest) -> None:
    for header in (
        "grpc-timeout: 1n",
        "grpc-encoding: gzip",
        "x-evil-bin: not base64!",
        "grpc-status: 0",
        "te: trailers",
        "x-envoy-upstream-rq-timeout-ms: 1",
        "x-envoy-original-path: /v1/teams/search/batchJobs",
        "content-type: application/grpc",
        "content-type: text/plain",
        "x-http-method-override: DELETE",
        "rest-enums: int",
        "x-batchjobs-other-bin: %%%",
    ):
        answer = await front(JOBS, "-H", header, body=SPEC)
        assert (answer.code, answer.json.get("state")) == (200, "QUEUED"), (header, answer)


async def test_too_many_headers_are_431(front: Rest) -> None:
    refused = await front(JOBS, "-H", f"authorization: Bearer {'x' * 13_000}")
    assert (refused.code, refused.error["status"]) == (431, "INVALID_ARGUMENT")
    assert (await front(JOBS, "-H", f"authorization: Bearer {'x' * 9_000}")).code == 200


async def test_paths_that_hide_others_are_refused(front: Rest) -> None:
    hidden = {
        "/v1/teams%2Franking/batchJobs": 400,
        "/v1/teams/ranking%2FbatchJobs": 400,
        "/v1/teams/ranking%5CbatchJobs": 400,
        "/v1/teams/search/../ranking/batchJobs": 200,
        "/v1/teams/ranking/batchJobs/%00": 400,
        "/v1/teams/ranking/batchJobs/%FF": 400,
        "/v1/teams/ranking/batchJobs/%E2%82": 400,
        "/rest.batchjobs.v1.BatchJobs/ListBatchJobs": 404,
        "/batchjobs.v1.BatchJobs/ListBatchJobs": 404,
        "/grpc.health.v1.Health/Check": 404,
    }
    for path, code in hidden.items():
        answer = await front(path, "--path-as-is")
        assert answer.code == code, (path, answer)
        assert code == 200 or answer.error["message"]


async def test_what_no_filter_sees_is_refused_in_words_as_well(front: Rest) -> None:
    """Envoy refuses these before its filters, and says nothing by itself."""
    rest = "host: x\r\nconnection: close\r\n\r\n"
    for start, code, says in (
        (f"GET /v1/teams/ranking%2fbatchJobs HTTP/1.1\r\n{rest}", 400, "%2F, %5C and %00"),
        (f"GET /v1/teams/ranking/batchJobs%00 HTTP/1.1\r\n{rest}", 400, "%2F, %5C and %00"),
        (f"GET /v1/teams/ranking%5cbatchJobs?filter=%2F HTTP/1.1\r\n{rest}", 400, "%2F, %5C and %00"),
        (f"GET {JOBS}#first HTTP/1.1\r\n{rest}", 400, "a #"),
        (f"GET {JOBS} HTTP/1.1\r\nconnection: close\r\n\r\n", 400, "the header Host"),
        (f"GET /v1/teams/ranking%2FbatchJobs HTTP/1.1\r\nx-forwarded-proto: https\r\n{rest}", 400, "%2F"),
        (f"OPTIONS * HTTP/1.1\r\n{rest}", 404, "begins with /v1"),
        (f"GET {JOBS}?pageSize=x HTTP/1.1\r\n{rest}", 400, "page_size: invalid value"),
        (f"GET /v1/a\0b HTTP/1.1\r\n{rest}", 400, "Bad Request"),
    ):
        refused = await exchange(front, start.encode())
        assert (refused.code, says in refused.error["message"]) == (code, True), (start, refused.text)


async def test_framing_by_which_requests_are_smuggled_is_refused(front: Rest) -> None:
    for head in (
        "Content-Length: 4\r\nTransfer-Encoding: chunked\r\n",
        "Content-Length: 4\r\nContent-Length: 5\r\n",
        "Transfer-Encoding: chunked, identity\r\n",
        "Transfer-Encoding : chunked\r\n",
        "Content-Length: -1\r\n",
        "X-Header: a\r\n b\r\n",
        "X-Header: a\x00b\r\n",
        "no colon\r\n",
    ):
        request = f"POST {JOBS} HTTP/1.1\r\nHost: x\r\nx-batchjobs-team: ranking\r\n{head}\r\n0\r\n\r\n"
        answer = await exchange(front, request.encode("latin-1"), head_only=True)
        assert answer.code in {400, 501}, head
    nowhere = await exchange(front, f"GET {JOBS} HTTP/1.1\r\n\r\n".encode(), head_only=True)
    assert nowhere.code == 400
    tunnel = await exchange(front, b"CONNECT x:1 HTTP/1.1\r\nHost: x\r\n\r\n", head_only=True)
    assert tunnel.code == 404
