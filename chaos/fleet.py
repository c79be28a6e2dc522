"""The replicas: processes that are started, killed, frozen and replaced, each behind wires of its own."""

import asyncio
import json
import os
import random
import signal
import socket
import sys
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from chaos.sizes import SETTINGS
from chaos.wire import Address, Wire

NAME = "chaos"
"""The installation's name."""
STOP_SECONDS = 20.0
RESTART_SECONDS = 0.5


PORTS = range(20_000, 32_000)
"""Below those that a system gives out by itself: a replica that is down must find its port free when it comes back."""


def free_port() -> int:
    """A port that is free now, kept by one replica through all its processes."""
    for port in random.sample(PORTS, len(PORTS)):
        with socket.socket() as probe, suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port
    raise OSError("every port is taken")


@dataclass(eq=False)
class Replica:
    """One place in the fleet. `busy` is held while a fault has hold of its process."""

    number: int
    environment: Mapping[str, str]
    log: Path
    port: int
    database: Wire
    vertex: Wire
    process: asyncio.subprocess.Process | None = None
    busy: asyncio.Lock = field(default_factory=asyncio.Lock)

    @property
    def pid(self) -> int:
        return self.process.pid if self.process else 0

    async def start(self) -> None:
        with self.log.open("ab") as output:
            self.process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", "gateway", "serve"), env=self.environment, stdout=output, stderr=output
            )

    async def kill(self) -> None:
        """SIGKILL, without a word; the process is gone when this returns."""
        await self._end(signal.SIGKILL)

    async def leave(self) -> None:
        """SIGTERM, and whatever time it needs."""
        await self._end(signal.SIGTERM)

    async def replace(self) -> None:
        """Start it again after it was killed, as a supervisor does."""
        await asyncio.sleep(RESTART_SECONDS)
        await self.start()

    async def freeze(self, seconds: float) -> None:
        """SIGSTOP, and SIGCONT after a while. It may be killed meanwhile."""
        self._signal(signal.SIGSTOP)
        try:
            await asyncio.sleep(seconds)
        finally:
            self._signal(signal.SIGCONT)

    async def keep_up(self) -> None:
        """Start it again where it has ended by itself: a replica that gives up is a finding, told by its log."""
        if self.process is not None and self.process.returncode is not None and not self.busy.locked():
            await self.start()

    def _signal(self, number: signal.Signals) -> None:
        with suppress(ProcessLookupError):
            if self.process is not None and self.process.returncode is None:
                self.process.send_signal(number)

    async def _end(self, number: signal.Signals) -> None:
        if self.process is None:
            return
        self._signal(number)
        try:
            async with asyncio.timeout(STOP_SECONDS):
                await self.process.wait()
        except TimeoutError:
            self._signal(signal.SIGKILL)
            await self.process.wait()


class Fleet:
    """Every replica, and one address behind which those that are up take connections in turn."""

    def __init__(self, replicas: list[Replica]) -> None:
        self.replicas = replicas
        self._turn = 0
        self.service = Wire(self._next)

    @classmethod
    async def make(
        cls, folder: Path, count: int, values: Mapping[str, str], database: Address, database_url: str, vertex: Address
    ) -> "Fleet":
        """Replicas that are not started yet. `values` are settings that all of them share."""
        return cls([await _replica(folder, n, values, database, database_url, vertex) for n in range(count)])

    async def start(self) -> None:
        await self.service.start()
        await asyncio.gather(*(replica.start() for replica in self.replicas))

    async def stop(self) -> None:
        await asyncio.gather(*(replica.leave() for replica in self.replicas))
        for replica in self.replicas:
            await replica.database.stop()
            await replica.vertex.stop()
        await self.service.stop()

    def led_by(self, holder: str) -> Replica | None:
        """The replica that the lease's holder, `host:pid`, names."""
        pid = holder.rpartition(":")[2]
        return next((replica for replica in self.replicas if str(replica.pid) == pid), None)

    def told_duplicates(self) -> list[str]:
        """The Vertex jobs that any replica's log has told of as duplicates: a log outlives its process."""
        lines = [line for replica in self.replicas for line in replica.log.read_text("utf-8", "replace").splitlines()]
        entries = [json.loads(line) for line in lines if '"duplicate_vertex_job"' in line]
        return [str(entry["vertex_job"]) for entry in entries]

    def _next(self) -> tuple[str, int]:
        up = [each for each in self.replicas if each.process is not None and each.process.returncode is None]
        self._turn += 1
        chosen = up or self.replicas
        return ("127.0.0.1", chosen[self._turn % len(chosen)].port)


async def _replica(
    folder: Path, number: int, values: Mapping[str, str], database: Address, database_url: str, vertex: Address
) -> Replica:
    wires = Wire(database), Wire(vertex)
    for wire in wires:
        await wire.start()
    port = free_port()
    settings = {
        "NAME": NAME,
        "ROLE": "all",
        "INSECURE": "true",
        "DATABASE_URL": database_url.replace(f":{database()[1]}/", f":{wires[0].port}/"),
        "VERTEX_EMULATOR": f"127.0.0.1:{wires[1].port}",
        "API_LISTEN": f"127.0.0.1:{port}",
        "HEALTH_LISTEN": "127.0.0.1:0",
        "METRICS_LISTEN": f"127.0.0.1:{free_port()}",
        **{name: f"{seconds}s" for name, seconds in SETTINGS.items()},
        **values,
    }
    environment = {**os.environ, **{f"GATEWAY_{name}": value for name, value in settings.items()}}
    return Replica(number, environment, folder / f"replica-{number}.log", port, *wires)
