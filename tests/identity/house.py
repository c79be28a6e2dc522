"""A gateway's listeners with real TLS and real files, and callers of every kind; its methods answer who called."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import grpc
import yaml
from prometheus_client import CollectorRegistry

from api.served import Served, serving
from batchjobs.v1 import batch_jobs_pb2 as pb
from gateway.api.call import principal
from gateway.listening import Listening, open_listeners
from gateway.settings import Settings
from gateway.telemetry.metrics import Metrics
from support.authority import Authority, Pair, uri
from support.caller import Refusal, refusal
from support.clock import DrivenClock
from support.token_issuer import AUDIENCE, TokenIssuer

SPIFFE_ID = "spiffe://corp.example/ns/ranking/sa/batch"


@dataclass
class House:
    """What a test sets up before it opens the door. Everything lies in `folder`."""

    folder: Path
    authority: Authority = field(default_factory=Authority)
    issuer: TokenIssuer = field(default_factory=TokenIssuer)
    clock: DrivenClock = field(default_factory=lambda: DrivenClock(datetime.now(UTC)))
    metrics: Metrics = field(default_factory=lambda: Metrics(CollectorRegistry()))
    listening: Listening = field(init=False)

    def __post_init__(self) -> None:
        self.serve_with(self.authority.server())
        (self.folder / "ca.crt").write_bytes(self.authority.pem)
        (self.folder / "jwks.json").write_bytes(self.issuer.jwks())
        self.trust(corp={})

    def serve_with(self, pair: Pair) -> None:
        pair.write(self.folder, "tls")

    def trust(self, **issuers: dict[str, Any]) -> None:
        """Write the issuers file, each issuer with what it has otherwise than `issuer`; None leaves a key out."""
        usual = {"issuer": self.issuer.name, "audiences": AUDIENCE, "jwks_file": str(self.folder / "jwks.json")}
        rules = {
            alias: {key: value for key, value in {**usual, **changes}.items() if value is not None}
            for alias, changes in issuers.items()
        }
        (self.folder / "issuers.yaml").write_text(yaml.safe_dump({"issuers": rules}))

    def settings(self, **changes: Any) -> Settings:
        values = {
            "name": "test",
            "policy": self.folder / "policy.yaml",
            "database_url": "postgresql://nobody@nowhere/nothing",
            "api_listen": "localhost:0",
            "mtls_listen": "localhost:0",
            "tls_certificate": self.folder / "tls.crt",
            "tls_key": self.folder / "tls.key",
            "tls_client_ca": self.folder / "ca.crt",
            "issuers": self.folder / "issuers.yaml",
        }
        return Settings.read({}, {**values, **changes})

    async def open(self, **changes: Any) -> Listening:
        self.listening = await open_listeners(self.settings(**changes), clock=self.clock, metrics=self.metrics.identity)
        return self.listening

    @asynccontextmanager
    async def tokens(self, **changes: Any) -> AsyncIterator["Door"]:
        """The listener that takes tokens."""
        async with self._door("tokens", changes) as door:
            yield door

    @asynccontextmanager
    async def mtls(self, **changes: Any) -> AsyncIterator["Door"]:
        """The listener that demands client certificates."""
        async with self._door("mtls", changes) as door:
            yield door

    @asynccontextmanager
    async def _door(self, name: str, changes: dict[str, Any]) -> AsyncIterator["Door"]:
        listening = await self.open(**changes)
        [listener] = [each for each in listening.listeners if each.name == name]
        door = Door(self.authority.pem)
        async with (
            serving(
                most=self.settings(**changes).calls_in_flight,
                authenticator=listener.authenticator,
                tls=listener.tls,
                GetBatchJob=who,
                channel=door.channel,
            ) as served,
            door.stack,
        ):
            door.served = served
            yield door


async def who(_request: Any, _context: Any) -> pb.BatchJob:
    """The method of the API: answers who calls."""
    return pb.BatchJob(creator=principal().name)


@dataclass
class Door:
    """One listener that is open, and the ways to call it."""

    ca: bytes
    served: Served = field(init=False)
    stack: AsyncExitStack = field(default_factory=AsyncExitStack)

    def channel(self, port: int, pair: Pair | None = None, ca: bytes | None = None) -> grpc.aio.Channel:
        """A connection of its own, with or without a client certificate."""
        key, certificate = (pair.key, pair.certificate) if pair else (None, None)
        credentials = grpc.ssl_channel_credentials(ca or self.ca, key, certificate)
        own = [("grpc.use_local_subchannel_pool", 1)]
        return grpc.aio.secure_channel(f"localhost:{port}", credentials, options=own)

    async def connect(self, pair: Pair | None = None, ca: bytes | None = None) -> grpc.aio.Channel:
        return await self.stack.enter_async_context(self.channel(self.served.port, pair, ca))

    async def who(self, *metadata: tuple[str, str], channel: grpc.aio.Channel | None = None) -> str:
        """Who the gateway takes the caller for."""
        call = (channel or self.served.channel).unary_unary(
            "/batchjobs.v1.BatchJobs/GetBatchJob",
            request_serializer=pb.GetBatchJobRequest.SerializeToString,
            response_deserializer=pb.BatchJob.FromString,
        )
        return (await call(pb.GetBatchJobRequest(name="n"), metadata=metadata, timeout=20)).creator

    async def refused(self, *metadata: tuple[str, str], channel: grpc.aio.Channel | None = None) -> Refusal:
        return await refusal(self.who(*metadata, channel=channel))

    async def cause(self, *metadata: tuple[str, str], channel: grpc.aio.Channel | None = None) -> tuple[str, str]:
        """The cause of a refusal for want of an identity, and its message."""
        answer = await self.refused(*metadata, channel=channel)
        assert (answer.code, answer.reason) == ("UNAUTHENTICATED", "NOT_AUTHENTICATED"), answer
        return answer.details["ErrorInfo"].metadata["cause"], answer.message


def ranking(authority: Authority) -> Pair:
    """The certificate of a caller whom the gateway knows."""
    return authority.issue(uri(SPIFFE_ID))
