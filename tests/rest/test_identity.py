"""REST takes tokens only. Envoy, which makes the calls, is nobody, whatever certificate it holds."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import grpc
import pytest
import yaml
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc

from gateway.api.rest.files import BOOTSTRAP, front_files
from gateway.cli.envoy import dev_front, free_address
from identity.house import House
from rest.conftest import Rest, StartFront
from rest.test_batch_jobs import JOBS
from support.authority import uri
from support.caller import refusal
from support.gateway import POLICY, Gateway, StartGateway

ENVOY = "spiffe://corp.example/ns/ranking/sa/batch"
MEMBERS = {"submitters": [f"mtls:{ENVOY}", "jwt:corp:alice"]}
LISTENERS = ("api_listen", "mtls_listen", "tls_certificate", "tls_key", "tls_client_ca", "issuers")


@pytest.fixture
def house(tmp_path: Path) -> House:
    (tmp_path / "house").mkdir()
    house = House(tmp_path / "house")
    pair = house.authority.server()
    pair.write(house.folder, "gateway")
    return house


@pytest.fixture
async def secured(house: House, start_gateway: StartGateway) -> Gateway:
    """A gateway with both listeners, whose policy knows Envoy's certificate as one of the team's."""
    rules = {**POLICY["teams"]["ranking"], "members": MEMBERS}
    files = house.settings()
    listening = {name: getattr(files, name) for name in LISTENERS}
    policy = {**POLICY, "teams": {"ranking": rules}}
    return await start_gateway(role="api", policy=policy, insecure=False, **listening)


@pytest.fixture
async def front(house: House, secured: Gateway, start_front: StartFront, tmp_path: Path) -> Rest:
    front = dev_front(free_address("127.0.0.1:0"), secured.app.api_target, tmp_path / "rest", house.folder)
    return await start_front(front, "--cacert", str(house.folder / "ca.crt"))


def bearer(house: House, **claims: Any) -> tuple[str, str]:
    return ("-H", f"authorization: Bearer {house.issuer.token(**claims)}")


async def test_a_token_is_let_in_over_tls(house: House, front: Rest) -> None:
    assert front.url.startswith("https://")
    assert (await front(JOBS, *bearer(house, sub="alice"))).json == {}


async def test_no_token_a_bad_one_and_two_are_401_in_googles_shape(house: House, front: Rest) -> None:
    token = bearer(house, sub="alice")
    forwarded = ("-H", f"x-forwarded-client-cert: URI={ENVOY}")
    for options in (
        (),
        bearer(house, sub="alice", aud="other"),
        (*token, *token),
        forwarded,
        ("-H", "authorization:;"),
    ):
        refused = await front(JOBS, *options)
        assert (refused.code, refused.error["status"]) == (401, "UNAUTHENTICATED"), options
        assert refused.headers["www-authenticate"] == "Bearer"
        assert refused.detail("ErrorInfo")["reason"] == "NOT_AUTHENTICATED"


async def test_the_team_header_of_development_counts_for_nothing(house: House, front: Rest) -> None:
    assert (await front(JOBS, "-H", "x-batchjobs-team: ranking")).code == 401
    assert (await front(JOBS, *bearer(house, sub="mallory"), "-H", "x-batchjobs-team: ranking")).code == 403


async def test_envoy_with_a_certificate_that_the_policy_knows_is_nobody_all_the_same(
    house: House, secured: Gateway, start_front: StartFront, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """At the listener for certificates Envoy could call as the team; by REST it cannot."""
    house.authority.issue(uri(ENVOY)).write(house.folder, "envoy")
    front = dev_front(free_address("127.0.0.1:0"), secured.app.mtls_target, tmp_path / "rest", house.folder)
    monkeypatch.setattr("gateway.cli.envoy.front_files", lambda *args: with_certificate(house, front_files(*args)))
    rest = await start_front(front, "--cacert", str(house.folder / "ca.crt"))
    refused = await rest(JOBS)
    assert (refused.code, refused.error["status"]) == (401, "UNAUTHENTICATED")
    assert refused.detail("ErrorInfo")["metadata"] == {"cause": "NO_CREDENTIALS"}
    assert (await rest(JOBS, *bearer(house, sub="alice"))).json == {}


async def test_a_certificate_that_calls_the_twin_itself_is_nobody_too(house: House, secured: Gateway) -> None:
    pair = house.authority.issue(uri(ENVOY))
    credentials = grpc.ssl_channel_credentials(house.authority.pem, pair.key, pair.certificate)
    async with grpc.aio.secure_channel(secured.app.mtls_target, credentials) as channel:
        own = channel.unary_unary("/batchjobs.v1.BatchJobs/ListBatchJobs")
        twin = channel.unary_unary("/rest.batchjobs.v1.BatchJobs/ListBatchJobs")
        request = b"\x0a\x0dteams/ranking"
        assert await own(request, timeout=20) == b""
        assert (await refusal(twin(request, timeout=20))).reason == "NOT_AUTHENTICATED"


async def test_whoever_asks_for_what_is_not_there_is_told_of_no_twin(house: House, secured: Gateway) -> None:
    credentials = grpc.ssl_channel_credentials(house.authority.pem)
    async with grpc.aio.secure_channel(secured.app.api_target, credentials) as channel:
        refused = await refusal(channel.unary_unary("/x/y")(b"", timeout=20))
    assert (refused.code, refused.reason) == ("UNIMPLEMENTED", "NOT_SERVED")
    assert "What is served: batchjobs.v1.BatchJobs (" in refused.message
    assert "rest." not in refused.message


async def test_reflection_lists_no_twin(house: House, secured: Gateway) -> None:
    credentials = grpc.ssl_channel_credentials(house.authority.pem)
    async with grpc.aio.secure_channel(secured.app.api_target, credentials) as channel:
        call = reflection_pb2_grpc.ServerReflectionStub(channel).ServerReflectionInfo(timeout=20)
        await call.write(reflection_pb2.ServerReflectionRequest(list_services=""))
        listed = {each.name for each in (await call.read()).list_services_response.service}
    assert "batchjobs.v1.BatchJobs" in listed
    assert not {name for name in listed if name.startswith("rest.")}


def with_certificate(house: House, files: Mapping[str, bytes]) -> Mapping[str, bytes]:
    """The front's files, with a certificate of Envoy's own that it shows to the gateway."""
    config = yaml.safe_load(files[BOOTSTRAP])
    [cluster] = config["static_resources"]["clusters"]
    pair = {
        "certificate_chain": {"filename": str(house.folder / "envoy.crt")},
        "private_key": {"filename": str(house.folder / "envoy.key")},
    }
    cluster["transport_socket"]["typed_config"]["common_tls_context"]["tls_certificates"] = [pair]
    return {**files, BOOTSTRAP: yaml.safe_dump(config).encode()}
