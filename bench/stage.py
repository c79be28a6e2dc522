"""What a measurement runs on: a PostgreSQL with fsync, a gateway process on one core, and a bare server beside it.

The server under test has core 0 for itself; PostgreSQL, the emulator and the load generator share the others.
"""

import asyncio
import copy
import json
import os
import secrets
import sys
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import yaml

from gateway.store import migrate
from gateway.store.embedded import EmbeddedPostgres
from vertex_emulator import Emulator, EmulatorConfig

CORES = os.cpu_count() or 1
OTHERS = ("taskset", "-c", f"1-{CORES - 1}") if CORES > 1 else ()
TICKS = os.sysconf("SC_CLK_TCK")
START_SECONDS = 30


@dataclass(frozen=True, slots=True)
class Server:
    """A process that serves gRPC."""

    process: asyncio.subprocess.Process
    target: str
    log: Path = Path(os.devnull)

    @property
    def cpu(self) -> float:
        """Seconds of processor time that it has used."""
        fields = Path(f"/proc/{self.process.pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / TICKS

    def check_log(self) -> None:
        """Refuse what was measured where it met a defect."""
        for line in self.log.read_text(encoding="utf-8").splitlines():
            if json.loads(line).get("level") == "error":
                raise AssertionError(f"the gateway logged an error: {line}")

    @property
    def memory(self) -> int:
        """Bytes of memory that are its own: what it shares with nobody."""
        lines = Path(f"/proc/{self.process.pid}/smaps_rollup").read_text(encoding="ascii").splitlines()
        return sum(int(line.split()[1]) * 1024 for line in lines if line.startswith("Private_"))


@dataclass(frozen=True, slots=True)
class Stage:
    """The folder, the database and the emulator that a gateway process is started on."""

    folder: Path
    database_url: str
    emulator: Emulator
    policy: Path

    @classmethod
    @asynccontextmanager
    async def set(cls, folder: Path, policy: Mapping[str, Any]) -> AsyncIterator[Self]:
        """Start PostgreSQL, migrated, and the emulator; they end with the stage."""
        async with AsyncExitStack() as stack:
            os.sched_setaffinity(0, range(1, CORES) if CORES > 1 else {0})
            # Where root runs this, PostgreSQL runs as another user, who must be able to reach its folder.
            await asyncio.to_thread(folder.chmod, 0o711)
            postgres = EmbeddedPostgres(folder / "postgres")
            stack.push_async_callback(asyncio.to_thread, postgres.stop)
            await asyncio.to_thread(postgres.start)
            await migrate.upgrade(postgres.url)
            emulator = await stack.enter_async_context(Emulator(EmulatorConfig(make_buckets(folder, policy))))
            path = folder / "policy.yaml"
            path.write_text(yaml.safe_dump(copy.deepcopy(dict(policy))), encoding="utf-8")
            yield cls(folder, postgres.url, emulator, path)

    def environment(self, role: str = "api", /, **settings: str) -> dict[str, str]:
        """What a gateway process on this stage is started with, `settings` over the usual ones."""
        values = {
            "NAME": "bench",
            "POLICY": str(self.policy),
            "DATABASE_URL": self.database_url,
            "ROLE": role,
            "INSECURE": "true",
            "API_LISTEN": "127.0.0.1:0",
            "HEALTH_LISTEN": "127.0.0.1:0",
            "METRICS_LISTEN": "127.0.0.1:0",
            "VERTEX_EMULATOR": self.emulator.target,
            "STORAGE_ENDPOINT": self.emulator.storage_url,
            "STORAGE_PROJECT": "corp-ml",
            "DRAIN_DELAY": "0",
            **settings,
        }
        return {**os.environ, **{f"GATEWAY_{name}": value for name, value in values.items()}}

    @asynccontextmanager
    async def gateway(self, role: str = "api", core: int = 0, /, **settings: str) -> AsyncIterator[Server]:
        """A gateway process on its core, serving; its log goes to a file of its own."""
        log = self.folder / f"gateway-{secrets.token_hex(4)}.log"
        with log.open("wb") as output:
            command = [*pinned_to(core), sys.executable, "-m", "gateway", "serve"]
            environment = self.environment(role, **settings)
            process = await asyncio.create_subprocess_exec(*command, env=environment, stdout=output, stderr=output)
        try:
            yield Server(process, await _serving(log, process), log)
        finally:
            await _end(process)


def pinned_to(core: int) -> tuple[str, ...]:
    """What stands before a command that must run on this core alone, where there are several."""
    return ("taskset", "-c", str(core)) if CORES > 1 else ()


def echo_server(method: str, answer: Path) -> AbstractAsyncContextManager[Server]:
    """The bare server on the same core; `answer` is a file with its one answer."""
    return _bare_server("bench.echo", method, str(answer))


def stream_server(answer: Path) -> AbstractAsyncContextManager[Server]:
    """The bare server of streams on the same core; `answer` is a file with the event that it sends."""
    return _bare_server("bench.streams", str(answer))


@asynccontextmanager
async def _bare_server(*program: str) -> AsyncIterator[Server]:
    command = [*pinned_to(0), sys.executable, "-m", *program]
    process = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE)
    try:
        if process.stdout is None:
            raise AssertionError("its output was asked for")
        yield Server(process, f"127.0.0.1:{int(await process.stdout.readline())}")
    finally:
        await _end(process)


def bench_policy(teams: int = 20, **quotas: Any) -> dict[str, Any]:
    """Teams `team-00` and so on, with one pool of eight; the principal `dev:bench` belongs to all of them."""
    return {
        "pools": [{"project": "corp-ml", "region": "us-central1", "capacity": 8}],
        "operators": ["jwt:corp:oncall"],
        "defaults": {"pools": ["corp-ml/*"], "models": ["gemini-*"], "quotas": quotas},
        "teams": {
            f"team-{number:02}": {
                "members": {"submitters": ["dev:bench"]},
                "sources": [f"gs://team-{number:02}-in/**"],
                "destinations": [f"gs://team-{number:02}-out/**"],
            }
            for number in range(teams)
        },
    }


def make_buckets(folder: Path, policy: Mapping[str, Any]) -> Path:
    """A bucket for reading and one for writing for each team."""
    buckets = folder / "buckets"
    names = [f"{team}-{end}" for team in policy["teams"] for end in ("in", "out")]
    for name in names:
        (buckets / name).mkdir(parents=True)
    places = {"buckets": {name: {"location": "US-CENTRAL1"} for name in names}}
    (buckets / "buckets.yaml").write_text(yaml.safe_dump(places), encoding="utf-8")
    return buckets


async def _serving(log: Path, process: asyncio.subprocess.Process) -> str:
    """The API's address, as the log tells it."""
    deadline = time.monotonic() + START_SECONDS
    told = ""
    while time.monotonic() < deadline and process.returncode is None:
        told = await asyncio.to_thread(log.read_text, encoding="utf-8")
        for line in told.splitlines():
            entry = json.loads(line) if line.startswith("{") else {}
            if entry.get("event") == "serving":
                return str(entry["api"])
        await asyncio.sleep(0.02)
    raise RuntimeError(f"the gateway does not serve, and ended with {process.returncode}:\n{told}")


async def _end(process: asyncio.subprocess.Process) -> None:
    if process.returncode is None:
        process.terminate()
        await process.wait()
