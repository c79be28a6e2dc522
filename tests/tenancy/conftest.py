"""A gateway that is open on every surface, and callers of every kind on each."""

import ssl
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any

import aiohttp
import grpc
import pytest

from gateway.cli.envoy import RestFront, dev_front, envoy_program, free_address
from support.authority import uri
from support.gateway import StartGateway
from support.secured import Secured, secured_gateway, secured_policy
from tenancy.callers import Kind
from tenancy.rows import everything_stored
from tenancy.surfaces import SURFACES, GrpcLine, Line, RestLine, Surface

PROGRAM = envoy_program()
OPEN = [name for name, surface in SURFACES.items() if surface.routes is None or PROGRAM is not None]
IN_TURN = [name for name in OPEN if SURFACES[name].version == "v1"]
"""What tests of one surface each are run on; behind the other version is the same."""


@dataclass
class Entrance:
    """The gateway, and a front with REST before it; "" where there is no Envoy for this machine."""

    secured: Secured
    url: str
    folder: Path
    stack: AsyncExitStack
    numbers: Iterator[int]

    @property
    def surfaces(self) -> dict[str, Surface]:
        return {name: SURFACES[name] for name in OPEN}

    async def connect(self, surface: Surface, kind: Kind) -> Line:
        """A line of its own for a caller of this kind."""
        metadata = kind.metadata(self.secured)
        pair = self._pair(kind.spiffe_id) if kind.spiffe_id else None
        if surface.routes is None:
            app, ca = self.secured.gateway.app, self.secured.house.authority.pem
            shown = (pair[1].read_bytes(), pair[0].read_bytes()) if pair else (None, None)
            target = app.mtls_target if pair else app.api_target
            own = [("grpc.use_local_subchannel_pool", 1)]
            channel = grpc.aio.secure_channel(target, grpc.ssl_channel_credentials(ca, *shown), own)
            return GrpcLine(surface, await self.stack.enter_async_context(channel), metadata)
        tls = ssl.create_default_context(cafile=self.secured.house.folder / "ca.crt")
        if pair:
            tls.load_cert_chain(*pair)
        session = await self.stack.enter_async_context(aiohttp.ClientSession())
        return RestLine(surface, self.url, session, metadata, tls)

    async def stored(self) -> dict[str, list[str]]:
        return await everything_stored(self.secured.gateway.database_url)

    def _pair(self, spiffe_id: str) -> tuple[Path, Path]:
        """The files of a certificate and its key."""
        return self.secured.house.authority.issue(uri(spiffe_id)).write(self.folder, f"caller-{next(self.numbers)}")


def _policy() -> dict[str, Any]:
    """Team search has its pool in a project of its own, of which others are told nothing."""
    policy = secured_policy()
    own = {"project": "corp-search", "project_number": 4242, "region": "europe-west4", "capacity": 2}
    policy["pools"].append(own)
    policy["teams"]["search"]["pools"] = ["corp-search/*"]
    return policy


@pytest.fixture
async def entrance(start_gateway: StartGateway, tmp_path: Path) -> AsyncIterator[Entrance]:
    """Such a gateway."""
    async with (
        secured_gateway(start_gateway, tmp_path, vertex_api=True, policy=_policy()) as secured,
        AsyncExitStack() as stack,
    ):
        url = ""
        if PROGRAM is not None:
            secured.house.authority.server().write(secured.house.folder, "gateway")
            target = secured.gateway.app.api_target
            front = dev_front(free_address("127.0.0.1:0"), target, tmp_path / "rest", secured.house.folder)
            url = await stack.enter_async_context(RestFront(PROGRAM, front, vertex_api=True))
        yield Entrance(secured, url.replace("127.0.0.1", "localhost"), tmp_path, stack, count())


@pytest.fixture(params=IN_TURN)
def surface(request: pytest.FixtureRequest) -> Surface:
    """Each way to ask, in turn."""
    return SURFACES[request.param]
