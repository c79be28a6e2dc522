"""Three replicas on one database, each a process on ports of its own, replaced one after the other."""

import asyncio
import os
import socket
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc

from rollout.versions import Version

REPLICAS: Final = 3
START_SECONDS: Final = 60


@dataclass
class Replica:
    """One place in the fleet, whichever process stands in it."""

    settings: Mapping[str, str]
    log: Path
    process: asyncio.subprocess.Process | None = None

    async def start(self, version: Version) -> None:
        """Start a process of that version; returns when its health listener says SERVING."""
        environment = {**os.environ, **version.environment(self.settings)}
        with self.log.open("ab") as output:
            self.process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", "gateway", "serve"), env=environment, stdout=output, stderr=output
            )
        async with asyncio.timeout(START_SECONDS), grpc.aio.insecure_channel(self.settings["HEALTH_LISTEN"]) as channel:
            stub: Any = health_pb2_grpc.HealthStub(channel)
            request = health_pb2.HealthCheckRequest(service="batchjobs.v1.BatchJobs")
            while (await stub.Check(request, wait_for_ready=True)).status != health_pb2.HealthCheckResponse.SERVING:
                await asyncio.sleep(0.1)

    async def stop(self) -> int:
        """SIGTERM, as a cluster sends it; the exit code."""
        if self.process is None:
            return 0
        if self.process.returncode is None:
            self.process.terminate()
        return await self.process.wait()


@dataclass(frozen=True)
class Fleet:
    """The replicas, and what clients call them by."""

    replicas: list[Replica]

    @classmethod
    def of(cls, folder: Path, settings: Mapping[str, str]) -> "Fleet":
        """Replicas that are not started yet and share these settings."""
        names = ("API_LISTEN", "HEALTH_LISTEN", "METRICS_LISTEN")
        return cls(
            [
                Replica({**settings, **{name: f"127.0.0.1:{_free_port()}" for name in names}}, folder / f"{number}.log")
                for number in range(REPLICAS)
            ]
        )

    @property
    def target(self) -> str:
        """All of them, as a headless Service's name has them; clients take them in turn."""
        return "ipv4:" + ",".join(each.settings["API_LISTEN"] for each in self.replicas)

    async def start(self, version: Version) -> None:
        await asyncio.gather(*(each.start(version) for each in self.replicas))

    async def roll(self, version: Version) -> list[int]:
        """Replace one after the other, each when the last one serves; the exit codes of those that went."""
        codes = []
        for replica in self.replicas:
            codes.append(await replica.stop())
            await replica.start(version)
        return codes

    async def stop(self) -> None:
        await asyncio.gather(*(each.stop() for each in self.replicas))


def _free_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port: int = taken.getsockname()[1]
    return port
