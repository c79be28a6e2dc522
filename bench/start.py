"""From the start of the process until health says SERVING, beside a bare server's way to its first connection."""

import asyncio
import socket
import time
from pathlib import Path
from typing import Any

import grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc

from bench.rows import Row, median
from bench.stage import Stage, bench_policy, echo_server

ROUNDS = 5
TRY_SECONDS = 0.005
SERVING = health_pb2.HealthCheckResponse.SERVING


async def rows(folder: Path) -> list[Row]:
    """The median of some rounds, one of each in turn; the first round, which compiles and fills caches, is not kept."""
    empty = folder / "empty"
    empty.write_bytes(b"")
    async with Stage.set(folder, bench_policy()) as stage:
        rounds = [(*await gateway_start(stage), *await bare_start(empty)) for _ in range(ROUNDS + 1)][1:]
    ours, ours_cpu, bare, bare_cpu = (median(each) for each in zip(*rounds, strict=True))
    return [
        Row.at_most("process start to health SERVING, database up", ours, 1.5, "s", digits=2),
        Row("  beside it: a bare grpc.aio server, and the ratio", f"{bare:.2f} s, {ours / bare:.1f}"),
        Row("  processor time of both until then", f"{ours_cpu:.2f} s, {bare_cpu:.2f} s"),
    ]


async def gateway_start(stage: Stage) -> tuple[float, float]:
    """Seconds from the start of `gateway serve` until its health listener says SERVING; of processor time, too."""
    port = free_port()
    began = time.monotonic()
    served = asyncio.create_task(until_serving(port))
    async with stage.gateway(HEALTH_LISTEN=f"127.0.0.1:{port}") as server:
        return await served - began, server.cpu


async def bare_start(answer: Path) -> tuple[float, float]:
    """The same of the bare server, until it takes a connection."""
    began = time.monotonic()
    async with echo_server("GetBatchJob", answer) as server:
        await until_open(int(server.target.rpartition(":")[2]))
        return time.monotonic() - began, server.cpu


async def until_serving(port: int) -> float:
    """When health said SERVING, on the monotonic clock. It tells: nobody has to ask again and again."""
    await until_open(port)
    async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
        stub: Any = health_pb2_grpc.HealthStub(channel)
        async for answer in stub.Watch(health_pb2.HealthCheckRequest()):
            if answer.status == SERVING:
                break
    return time.monotonic()


async def until_open(port: int) -> None:
    """Return once somebody listens there."""
    while True:
        try:
            _, writer = await asyncio.open_connection("127.0.0.1", port)
        except ConnectionError:
            await asyncio.sleep(TRY_SECONDS)
        else:
            writer.close()
            return


def free_port() -> int:
    """A port that nobody has now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
