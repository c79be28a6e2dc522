"""A whole gateway with TLS on both listeners, and callers of every kind: with certificates, with tokens, without.

async def test_something(secured):
    viewer = await secured.with_token("dashboards")
    member = await secured.certified(RANKING)
"""

import copy
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import grpc
import pytest

from identity.house import House
from support.authority import Pair, uri
from support.caller import Caller
from support.gateway import POLICY, Gateway, StartGateway
from support.token_issuer import bearer

RANKING = "spiffe://corp.example/ns/ranking/sa/batch"
SEARCH = "spiffe://corp.example/ns/search/sa/batch"
MEMBERS: dict[str, dict[str, list[str]]] = {
    "ranking": {
        "submitters": ["mtls:spiffe://corp.example/ns/ranking/sa/*", "jwt:corp:both", "jwt:corp:ranking"],
        "viewers": ["jwt:corp:dashboards"],
    },
    "search": {"submitters": ["mtls:spiffe://corp.example/ns/search/sa/*", "jwt:corp:both", "jwt:corp:search"]},
}
FILES = ("api_listen", "mtls_listen", "tls_certificate", "tls_key", "tls_client_ca", "issuers")


@dataclass
class Secured:
    """A running gateway with both listeners, and callers over TLS, each on a connection of its own."""

    house: House
    gateway: Gateway
    stack: AsyncExitStack

    async def certified(self, spiffe_id: str, team: str = "ranking", token: str = "") -> Caller:
        """A caller with a certificate, on the listener that demands one; it may send a token as well."""
        return await self.showing(self.house.authority.issue(uri(spiffe_id)), team, bearer(token) if token else ())

    async def showing(self, pair: Pair, team: str = "ranking", metadata: tuple[tuple[str, str], ...] = ()) -> Caller:
        """A caller with this certificate."""
        return await self._caller(self.gateway.app.mtls_target, team, metadata, pair.key, pair.certificate)

    async def with_token(self, subject: str, team: str = "ranking", **claims: Any) -> Caller:
        """A caller with a good token of the issuer `corp`, with these claims changed."""
        return await self.sending(bearer(self.house.issuer.token(sub=subject, **claims)), team)

    async def sending(self, metadata: tuple[tuple[str, str], ...], team: str = "ranking") -> Caller:
        """A caller that sends this metadata, on the listener that takes tokens."""
        return await self._caller(self.gateway.app.api_target, team, metadata)

    async def _caller(self, target: str, team: str, metadata: tuple[tuple[str, str], ...], *pair: bytes) -> Caller:
        credentials = grpc.ssl_channel_credentials(self.house.authority.pem, *pair)
        options = [("grpc.use_local_subchannel_pool", 1)]
        channel = await self.stack.enter_async_context(grpc.aio.secure_channel(target, credentials, options))
        caller = Caller(channel, "nobody", team)
        caller.metadata = metadata
        return caller


def secured_policy() -> dict[str, Any]:
    """The usual policy, with members that certificates and tokens name."""
    policy = copy.deepcopy(POLICY)
    for team, members in MEMBERS.items():
        policy["teams"][team]["members"] = copy.deepcopy(members)
    return policy


@asynccontextmanager
async def secured_gateway(start_gateway: StartGateway, folder: Path, **settings: Any) -> AsyncIterator[Secured]:
    """A gateway that serves callers over TLS and never leads. It is patient with callers whom it refuses."""
    (folder / "house").mkdir()
    house = House(folder / "house")
    files = {name: getattr(house.settings(), name) for name in FILES}
    values = {"role": "api", "policy": secured_policy(), "insecure": False, "refused_identities_per_minute": 100_000}
    gateway = await start_gateway(**{**values, **files, **settings})
    async with AsyncExitStack() as stack:
        yield Secured(house, gateway, stack)


@pytest.fixture
async def secured(start_gateway: StartGateway, tmp_path: Path) -> AsyncIterator[Secured]:
    """Such a gateway, as it is by default."""
    async with secured_gateway(start_gateway, tmp_path) as opened:
        yield opened
