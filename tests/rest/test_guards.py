"""What a front keeps to itself, what it keeps away from the gateway, and what it never does twice."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path, PurePosixPath

import pytest
import yaml

from gateway.api.rest.files import BOOTSTRAP, front_files
from gateway.api.rest.front import Front
from gateway.api.rest.twins import rest_twins
from gateway.cli.envoy import RestFront, dev_front, free_address
from rest.conftest import PROGRAM, Rest, StartFront
from rest.test_batch_jobs import JOBS, SPEC
from support.gateway import Gateway
from support.secured import Secured


async def test_answers_have_no_headers_of_grpc_or_of_envoy(front: Rest, gateway: Gateway) -> None:
    answers = [await front(JOBS), await front(f"{JOBS}/1"), await front("/nowhere"), await front(JOBS, body={})]
    gateway.app.drain.begin()
    for answer in (*answers, await front(JOBS)):
        assert answer.headers["server"] == "batch-jobs-gateway"
        told = {name for name in answer.headers if name.startswith(("grpc-", "x-envoy", "x-request", "trailer"))}
        assert told == set(), answer


async def test_it_is_ready_as_long_as_it_serves_whatever_the_gateway_does(front: Rest, gateway: Gateway) -> None:
    assert (await front("/readyz")).code == 200
    await gateway.app.servers._servers[0].stop(0)
    assert (await front("/readyz")).code == 200
    assert (await front(JOBS)).code == 503


async def test_no_other_process_can_take_a_share_of_its_calls(front: Rest) -> None:
    with socket.socket() as other:
        other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        with pytest.raises(OSError, match="in use"):
            other.bind(("127.0.0.1", int(front.url.rpartition(":")[2])))


@asynccontextmanager
async def breaking() -> AsyncIterator[tuple[str, list[bytes]]]:
    """Something in the gateway's place that takes a call and is gone: its address, and each beginning of a call."""
    taken: list[bytes] = []

    async def take(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        data = b""
        while SPEC["model"].encode() not in data and (more := await reader.read(65536)):
            data += more
        taken.append(data)
        writer.close()

    async with await asyncio.start_server(take, "127.0.0.1", 0) as server:
        yield f"127.0.0.1:{server.sockets[0].getsockname()[1]}", taken


async def test_a_call_that_may_have_reached_the_gateway_is_not_sent_again(
    start_front: StartFront, tmp_path: Path
) -> None:
    """A create without a request id would be two."""
    async with breaking() as (target, taken):
        front = await start_front(dev_front(free_address("127.0.0.1:0"), target, tmp_path / "rest", None))
        answer = await front(JOBS, body=SPEC)
    assert (answer.code, answer.error["status"], len(taken)) == (503, "UNAVAILABLE", 1)


async def test_a_gateway_of_another_name_is_told_nothing(
    secured: Secured, start_front: StartFront, tmp_path: Path
) -> None:
    """The authority has signed for others, too."""
    pair = secured.house.authority.server().write(secured.house.folder, "front")
    target, at = secured.gateway.app.api_target, free_address("127.0.0.1:0")
    files = [PurePosixPath(each) for each in (*pair, secured.house.folder / "ca.crt")]
    folder = PurePosixPath(tmp_path / "rest")
    expecting = Front(at, target, folder, files[0], files[1], gateway_ca=files[2], gateway_name="gateway.example")
    token = ("-H", f"authorization: Bearer {secured.house.issuer.token(sub='both')}")
    front = await start_front(expecting, "--cacert", str(files[2]), *token)
    assert (await front(JOBS)).error["status"] == "UNAVAILABLE"
    rightly = replace(expecting, listen=free_address("127.0.0.1:0"), folder=folder / "right", gateway_name="localhost")
    assert (await (await start_front(rightly, "--cacert", str(files[2]), *token))(JOBS)).code == 200


async def test_the_log_of_calls_has_no_query_and_no_token(gateway: Gateway, tmp_path: Path) -> None:
    assert PROGRAM is not None
    plain = dev_front(free_address("127.0.0.1:0"), gateway.app.api_target, tmp_path / "rest", None)
    async with RestFront(PROGRAM, replace(plain, access_log=True), vertex_api=False) as url:
        call = Rest(url, ("-H", "x-batchjobs-team: ranking", "-H", "authorization: Bearer s3cret"))
        for query in ("access_token=s3cret", "pageToken=s3cret", "key=s3cret", "s3cret=1"):
            await call(f"{JOBS}?{query}")
    # Envoy writes its lines when it stops, at the latest.
    lines = (tmp_path / "rest" / "envoy.log").read_text().splitlines()
    assert len([line for line in lines if JOBS in line]) == 4
    assert "s3cret" not in "".join(lines)


def test_what_no_call_can_show_in_time_is_bounded_all_the_same(tmp_path: Path) -> None:
    """How long a caller may take, how much is kept for it meanwhile, and when a call is repeated."""
    plain = dev_front("127.0.0.1:8473", "127.0.0.1:8470", tmp_path, None)
    config = yaml.safe_load(front_files(plain, rest_twins(vertex_api=False))[BOOTSTRAP])
    [listener] = config["static_resources"]["listeners"]
    http = listener["filter_chains"][0]["filters"][0]["typed_config"]
    assert listener["per_connection_buffer_limit_bytes"] == 4 * plain.body_bytes
    assert (http["request_headers_timeout"], http["request_timeout"], http["stream_idle_timeout"]) == (
        "20s",
        "60s",
        "90s",
    )
    assert http["common_http_protocol_options"]["idle_timeout"] == "300s"
    assert http["http2_protocol_options"] == {"max_concurrent_streams": 100}
    assert (http["use_remote_address"], http["generate_request_id"]) == (True, False)
    assert http["common_http_protocol_options"]["headers_with_underscores_action"] == "DROP_HEADER"
    [host] = http["route_config"]["virtual_hosts"]
    assert host["request_headers_to_remove"] == ["rest-enums"]
    for route in host["routes"]:
        again = {"retry_on": "connect-failure,refused-stream", "num_retries": 3}
        assert (route["route"]["retry_policy"], route["route"]["timeout"]) == (again, "70s")
    words = [
        each["body_format_override"]["json_format"]["error"]["status"] for each in http["local_reply_config"]["mappers"]
    ]
    assert words[-2:] == ["INTERNAL", "INVALID_ARGUMENT"]
