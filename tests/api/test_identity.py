"""A whole gateway with TLS: who callers are is what the policy goes by and what batch jobs tell."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import grpc
import pytest
import structlog

from identity.house import House
from support.authority import uri
from support.caller import Caller, State, refusal
from support.gateway import POLICY, Gateway, StartGateway
from support.token_issuer import bearer

RANKING = "spiffe://corp.example/ns/ranking/sa/batch"
MEMBERS: dict[str, dict[str, list[str]]] = {
    "ranking": {
        "submitters": ["mtls:spiffe://corp.example/ns/ranking/sa/*", "jwt:corp:both"],
        "viewers": ["jwt:corp:dashboards"],
    },
    "search": {"submitters": ["jwt:corp:both", "jwt:corp:search"]},
}


@dataclass
class Secured:
    """A running gateway with both listeners, and callers over TLS."""

    house: House
    gateway: Gateway
    stack: AsyncExitStack

    async def certified(self, spiffe_id: str, team: str = "ranking") -> Caller:
        pair = self.house.authority.issue(uri(spiffe_id))
        return await self._caller(self.gateway.app.mtls_target, team, pair.key, pair.certificate)

    async def with_token(self, subject: str, team: str = "ranking", **claims: Any) -> Caller:
        caller = await self._caller(self.gateway.app.api_target, team)
        caller.metadata = bearer(self.house.issuer.token(sub=subject, **claims))
        return caller

    async def _caller(self, target: str, team: str, *pair: bytes) -> Caller:
        credentials = grpc.ssl_channel_credentials(self.house.authority.pem, *pair)
        options = [("grpc.use_local_subchannel_pool", 1)]
        channel = await self.stack.enter_async_context(grpc.aio.secure_channel(target, credentials, options))
        caller = Caller(channel, "nobody", team)
        caller.metadata = ()
        return caller


@pytest.fixture
async def secured(start_gateway: StartGateway, tmp_path: Path) -> AsyncIterator[Secured]:
    (tmp_path / "house").mkdir()
    house = House(tmp_path / "house")
    teams = {name: {**rules, "members": MEMBERS[name]} for name, rules in POLICY["teams"].items()}
    files = house.settings()
    gateway = await start_gateway(
        role="api",
        policy={**POLICY, "teams": teams},
        insecure=False,
        **{
            name: getattr(files, name)
            for name in ("api_listen", "mtls_listen", "tls_certificate", "tls_key", "tls_client_ca", "issuers")
        },
    )
    async with AsyncExitStack() as stack:
        yield Secured(house, gateway, stack)


async def test_a_batch_job_says_who_made_it_and_who_cancelled_it(secured: Secured) -> None:
    ranking, both = await secured.certified(RANKING), await secured.with_token("both")
    created = await ranking.create()
    assert created.creator == f"mtls:{RANKING}"
    cancelled = await both.cancel(created.name)
    assert [(each.state, each.actor) for each in cancelled.transitions] == [
        (State.QUEUED, f"mtls:{RANKING}"),
        (State.CANCELLED, "jwt:corp:both"),
    ]


async def test_roles_are_what_the_policy_says_of_the_principal(secured: Secured) -> None:
    created = await (await secured.certified(RANKING)).create()
    viewer = await secured.with_token("dashboards")
    assert (await viewer.get(created.name)).name == created.name
    for call in (viewer.create(), viewer.cancel(created.name), viewer.delete(created.name)):
        assert (await refusal(call)).reason == "ROLE_FORBIDDEN"
    stranger = await secured.certified("spiffe://corp.example/ns/search/sa/batch")
    forbidden = await refusal(stranger.get(created.name))
    assert (forbidden.code, forbidden.reason) == ("PERMISSION_DENIED", "TEAM_FORBIDDEN")


async def test_a_principal_of_two_teams_may_use_both_and_one_of_none_nothing(secured: Secured) -> None:
    for team in ("ranking", "search"):
        assert (await (await secured.with_token("both", team)).list()).batch_jobs == []
        nobody = await secured.with_token("nobody", team)
        assert (await refusal(nobody.list())).reason == "TEAM_FORBIDDEN"


async def test_an_operator_reads_all_and_cancels_with_a_line_in_the_log(secured: Secured) -> None:
    created = await (await secured.certified(RANKING)).create()
    operator = await secured.with_token("oncall")
    assert (await operator.get(created.name)).name == created.name
    assert (await refusal(operator.create())).reason == "ROLE_FORBIDDEN"
    assert (await refusal(operator.delete(created.name))).reason == "ROLE_FORBIDDEN"
    with structlog.testing.capture_logs() as logs:
        cancelled = await operator.cancel(created.name)
        await operator.cancel(created.name)
    assert cancelled.transitions[-1].actor == "jwt:corp:oncall"
    lines = [line for line in logs if line["event"] == "audit"]
    about = {"action": "cancel", "operator": "jwt:corp:oncall", "batch_job": created.name, "log_level": "warning"}
    assert [{**line, "changed": None} for line in lines] == [{**about, "event": "audit", "changed": None}] * 2
    assert [line["changed"] for line in lines] == [True, False]


async def test_a_teams_own_cancel_is_no_audit_line(secured: Secured) -> None:
    ranking = await secured.certified(RANKING)
    created = await ranking.create()
    with structlog.testing.capture_logs() as logs:
        await ranking.cancel(created.name)
    assert not [line for line in logs if line["event"] == "audit"]


async def test_the_development_header_counts_for_nothing(secured: Secured) -> None:
    caller = await secured.with_token("nobody")
    caller.metadata = (*caller.metadata, ("x-batchjobs-team", "ranking"))
    assert (await refusal(caller.list())).reason == "TEAM_FORBIDDEN"
    caller.metadata = (("x-batchjobs-team", "operator"),)
    assert (await refusal(caller.list())).reason == "NOT_AUTHENTICATED"


async def test_both_listeners_serve_the_same_and_drain_together(secured: Secured) -> None:
    ranking, both = await secured.certified(RANKING), await secured.with_token("both")
    created = await ranking.create()
    assert (await both.get(created.name)).name == created.name
    watches = [ranking.watch(created.name), both.watch(created.name)]
    for watch in watches:
        await watch.job()
    secured.gateway.app.drain.begin()
    for watch in watches:
        assert (await refusal(watch.event())).reason == "DRAINING"


async def test_the_certificates_expiry_is_a_metric_of_each_listener(secured: Secured) -> None:
    told = secured.gateway.metrics()
    for listener in ("tokens", "mtls"):
        assert f'batchjobs_certificate_expiry_timestamp_seconds{{listener="{listener}"}}' in told
