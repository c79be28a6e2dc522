"""Replicas share load although callers keep their connections: each connection is asked to go when it is old."""

import asyncio
import itertools
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager

import grpc
import pytest

from support.caller import Caller
from support.gateway import Gateway, StartGateway

CALLERS = 8
SETTLED, LONG_AFTER = 3 * CALLERS, 9 * CALLERS
"""Connections made: nobody is left at the replica that alone was there; and many turns later."""


class Balancer:
    """One address for all replicas, as a Service has: each new connection goes to the next one."""

    def __init__(self) -> None:
        self.replicas: list[Gateway] = []
        self.accepted = 0
        self.target = ""
        self._turn: Iterator[int] = itertools.count()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.accepted += 1
        host, port = self.replicas[next(self._turn) % len(self.replicas)].app.api_target.split(":")
        upstream, to_replica = await asyncio.open_connection(host, int(port))
        await asyncio.gather(pipe(reader, to_replica), pipe(upstream, writer))


async def pipe(source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
    try:
        while data := await source.read(65536):
            sink.write(data)
            await sink.drain()
    except ConnectionError:
        pass
    finally:
        sink.close()


@pytest.fixture
async def balancer() -> AsyncIterator[Balancer]:
    balancer = Balancer()
    server = await asyncio.start_server(balancer.serve, "127.0.0.1", 0)
    balancer.target = f"127.0.0.1:{server.sockets[0].getsockname()[1]}"
    yield balancer
    server.close()


@asynccontextmanager
async def callers(target: str) -> AsyncIterator[list[Caller]]:
    """Each with a connection of its own."""
    async with AsyncExitStack() as stack:
        options = [("grpc.use_local_subchannel_pool", 1)]
        channels = [grpc.aio.insecure_channel(target, options) for _ in range(CALLERS)]
        yield [Caller(await stack.enter_async_context(channel), "ranking") for channel in channels]


def answered(replica: Gateway) -> float:
    labels = {"grpc_type": "unary", "grpc_service": "batchjobs.v1.BatchJobs", "grpc_method": "GetBatchJob"}
    return (
        replica.app.metrics.registry.get_sample_value("grpc_server_handled_total", {**labels, "grpc_code": "OK"}) or 0.0
    )


async def test_a_replica_that_joins_has_its_share_of_the_calls_and_none_fails(
    start_gateway: StartGateway, balancer: Balancer
) -> None:
    young = {"role": "api", "connection_age": "200ms", "watch_age": "100ms"}
    first = await start_gateway(**young)
    balancer.replicas.append(first)
    async with callers(balancer.target) as calling:
        job = await calling[0].create()
        await asyncio.gather(*(each.get(job.name) for each in calling))
        second = await start_gateway(**young, database_url=first.database_url)
        balancer.replicas.append(second)

        async def call_until(caller: Caller, connections: int) -> None:
            while balancer.accepted < connections:
                await caller.get(job.name)

        await asyncio.gather(*(call_until(each, SETTLED) for each in calling))
        before = [answered(replica) for replica in balancer.replicas]
        await asyncio.gather(*(call_until(each, LONG_AFTER) for each in calling))
    calls = [answered(replica) - had for replica, had in zip(balancer.replicas, before, strict=True)]
    assert min(calls) > sum(calls) / 4, calls
