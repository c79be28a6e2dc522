"""A whole gateway for a test: real PostgreSQL, real gRPC, real Google clients, and the emulator in place of Google.

    async def test_something(start_gateway):
        gateway = await start_gateway()
        job = await gateway.caller("ranking").create()

`start_gateway(driven=True)` stops time: `gateway.advance(seconds)` moves the gateway's clock, the store's and the
emulator's together. `role="api"` leaves the controller out.
"""

import asyncio
import copy
import itertools
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import grpc
import pytest
import yaml
from prometheus_client import generate_latest

from gateway.app import App
from gateway.clock import SystemClock
from gateway.domain.batch_job import BatchJob
from gateway.domain.states import ENDS, State
from gateway.settings import Settings
from gateway.store.changes import Changes
from gateway.store.lease import Lease
from gateway.store.model import Change
from support.caller import Caller
from support.database import DRIVE_CLOCK, run_sql
from support.driven_time import DrivenTime
from vertex_emulator import Emulator, EmulatorConfig
from vertex_emulator.config import ClockKind

ROW = '{"request": {"contents": [{"role": "user", "parts": [{"text": "How tall is it?"}]}]}}\n'

POLICY: dict[str, Any] = {
    "pools": [
        {"project": "corp-ml", "region": "us-central1", "capacity": 4},
        {"project": "corp-ml", "region": "europe-west4", "capacity": 2},
    ],
    "aliases": {"flash": "gemini-2.5-flash"},
    "operators": ["jwt:corp:oncall"],
    "defaults": {"pools": ["corp-ml/*"], "models": ["gemini-*"], "quotas": {"active_jobs": 4, "queued_jobs": 50}},
    "teams": {
        "ranking": {
            "members": {"submitters": ["dev:ranking"], "viewers": ["jwt:corp:dashboards"]},
            "sources": ["gs://ranking-in/**", "bq://corp-ml.ranking_*.*"],
            "destinations": ["gs://ranking-out/**", "bq://corp-ml.ranking_*.*"],
        },
        "search": {
            "members": {"submitters": ["dev:search"]},
            "sources": ["gs://search-in/**"],
            "destinations": ["gs://search-out/**"],
        },
    },
}

BUCKETS: dict[str, dict[str, Any]] = {
    "ranking-in": {"location": "US-CENTRAL1"},
    "ranking-out": {"location": "US-CENTRAL1"},
    "search-in": {"location": "EUROPE-WEST4"},
    "search-out": {"location": "EUROPE-WEST4"},
}

TABLES: dict[str, dict[str, dict[str, Any]]] = {
    "datasets": {
        "corp-ml.ranking_in": {"location": "us-central1"},
        "corp-ml.ranking_out": {"location": "us-central1"},
        "corp-ml.ranking_europe": {"location": "europe-west4"},
        "corp-ml.ranking_multi": {"location": "US"},
        "corp-ml.ranking_closed": {"forbidden": True},
    },
    "tables": {
        "corp-ml.ranking_in.recent": {"type": "VIEW"},
        "corp-ml.ranking_in.sheet": {"type": "EXTERNAL"},
    },
}
"""Datasets of the emulator; each has a table `rows` of three rows and a column `id`."""


@dataclass
class Gateway:
    """What a test holds of a running gateway."""

    app: App
    emulator: Emulator
    database_url: str
    policy_path: Path
    policy: dict[str, Any]
    channel: grpc.aio.Channel
    time: DrivenTime | None = None
    _callers: dict[str, Caller] = field(default_factory=dict)

    def caller(self, principal: str, team: str | None = None) -> Caller:
        """A caller with the development principal `dev:PRINCIPAL`."""
        return Caller(self.channel, principal, team)

    async def advance(self, seconds: float) -> None:
        """Move every clock; only with `driven`."""
        assert self.time is not None, "this gateway runs on the real clock"
        await self.time.advance(seconds)

    async def advance_until(self, coming: Awaitable[Any], step: float = 1.0) -> Any:
        """Move time on, step by step, until `coming` is there, and answer it."""
        assert self.time is not None, "this gateway runs on the real clock"
        future = asyncio.ensure_future(coming)
        while not future.done():
            self.time.slept.clear()
            await self.advance(step)
            slept = asyncio.ensure_future(self.time.slept.wait())
            await asyncio.wait([future, slept], return_when=asyncio.FIRST_COMPLETED)
            slept.cancel()
        return future.result()

    def table_path(self, table: str) -> Path:
        """The file of the emulator's table `project.dataset.table`."""
        root = self.emulator.datasets.root
        assert root is not None, "this emulator has no tables"
        return root.joinpath(*table.split(".")).with_suffix(".jsonl")

    def write_rows(self, uri: str, rows: int = 3) -> None:
        """Put a JSONL object of so many rows into the emulator's Cloud Storage."""
        path = self.emulator.buckets.root / uri.removeprefix("gs://")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(ROW * rows)

    async def set_policy(self, change: Callable[[dict[str, Any]], None]) -> None:
        """Change the policy file and have it read at once."""
        changed = copy.deepcopy(self.policy)
        change(changed)
        self.policy = changed
        self.policy_path.write_text(yaml.safe_dump(changed))
        await self.app.core.policies.reload()

    async def change(self, name: str, change: Change) -> BatchJob:
        """Change a batch job as the controller would."""
        team, number = name.split("/")[1::2]
        changes = Changes(self.app.core.database.controller, self.app.core.observer)
        changed = await changes.change(team, int(number), change)
        assert changed is not None, f"{name} was not changed"
        return changed.after

    async def move(self, name: str, *states: State, **changes: Any) -> BatchJob:
        """Move a batch job through these states, with `changes` made in the last step; ends get their end time."""
        for state in states:

            def step(job: BatchJob, now: datetime, to: State = state) -> BatchJob:
                ending = {"end_time": now, "expire_time": now + timedelta(days=30)} if to in ENDS else {}
                more = changes if to is states[-1] else {}
                return job.move(to, time=now, reason="TEST", actor="test", **ending, **more)

            moved = await self.change(name, step)
        return moved

    async def lead(self) -> str:
        """Take the lease for an hour, as a leader that does nothing; the answer is its term."""
        clock = self.time or SystemClock()
        lease = Lease(self.app.core.database.lease, clock, holder="test", duration=timedelta(hours=1))
        held = await lease.acquire()
        assert held is not None, "somebody else leads"
        return held.term

    def metrics(self) -> str:
        """What Prometheus would read."""
        return generate_latest(self.app.metrics.registry).decode()

    async def sql(self, statement: str, *args: Any) -> None:
        """Run a statement on a connection of its own."""
        await run_sql(self.database_url, statement, *args)


StartGateway = Callable[..., Awaitable[Gateway]]


@pytest.fixture
async def start_gateway(database_url: str, tmp_path: Path) -> AsyncIterator[StartGateway]:
    """Starts gateways on the test's own database; they stop, last first, when the test ends.

    Keywords: `policy` (a mapping), `driven`, `role`, `emulator` (its settings), `traces`, and any field of `Settings`.
    """
    numbers = itertools.count()
    async with AsyncExitStack() as stack:

        async def start(
            *,
            policy: dict[str, Any] | None = None,
            driven: bool = False,
            emulator: dict[str, Any] | None = None,
            **settings: Any,
        ) -> Gateway:
            folder, rules = tmp_path / f"gateway-{next(numbers)}", copy.deepcopy(policy or POLICY)
            url = settings.pop("database_url", database_url)
            return await _start(stack, folder, url, rules, driven, emulator or {}, settings)

        yield start


@pytest.fixture
async def gateway(start_gateway: StartGateway) -> Gateway:
    """A gateway that serves callers and never leads: what is created stays queued."""
    return await start_gateway(role="api")


async def _start(
    stack: AsyncExitStack,
    folder: Path,
    database_url: str,
    policy: dict[str, Any],
    driven: bool,
    emulating: dict[str, Any],
    settings: dict[str, Any],
) -> Gateway:
    _make_buckets(folder / "buckets")
    _make_tables(folder / "tables")
    policy_path = folder / "policy.yaml"
    policy_path.write_text(yaml.safe_dump(policy))
    kind = ClockKind.DRIVEN if driven else ClockKind.REAL
    config = EmulatorConfig(folder / "buckets", folder / "tables", clock=kind, **emulating)
    emulator = await stack.enter_async_context(Emulator(config))
    time = await _driven_time(emulator, database_url) if driven else None
    values = {
        "name": "test",
        "policy": policy_path,
        "database_url": database_url,
        "insecure": True,
        "api_listen": "127.0.0.1:0",
        "health_listen": "127.0.0.1:0",
        "metrics_listen": "127.0.0.1:0",
        "vertex_emulator": emulator.target,
        "storage_endpoint": emulator.storage_url,
        "storage_project": "corp-ml",
        "bigquery_endpoint": emulator.bigquery_url,
        "bigquery_project": "corp-ml",
        "drain_delay": timedelta(0),
        "drain_grace": timedelta(seconds=5),
    }
    traces = settings.pop("traces", None)
    app = App(Settings.read({}, {**values, **settings}), clock=time, traces=traces)
    await stack.enter_async_context(app)
    channel = await stack.enter_async_context(grpc.aio.insecure_channel(app.api_target))
    return Gateway(app, emulator, database_url, policy_path, policy, channel, time)


async def _driven_time(emulator: Emulator, database_url: str) -> DrivenTime:
    time = DrivenTime(emulator.driven_clock)
    await run_sql(database_url, DRIVE_CLOCK.format(now=time.now().isoformat()))

    async def follow(now: datetime) -> None:
        await run_sql(database_url, "UPDATE driven_clock SET now = $1", now)

    time.followers.append(follow)
    return time


def _make_buckets(folder: Path) -> None:
    for name in BUCKETS:
        (folder / name).mkdir(parents=True)
        if name.endswith("-in"):
            (folder / name / "rows.jsonl").write_text(ROW * 3)
    (folder / "buckets.yaml").write_text(yaml.safe_dump({"buckets": BUCKETS}))


def _make_tables(folder: Path) -> None:
    for name in TABLES["datasets"]:
        dataset = folder.joinpath(*name.split("."))
        dataset.mkdir(parents=True)
        (dataset / "rows.jsonl").write_text("".join(f'{{"id": {number}, {ROW[1:]}' for number in range(3)))
    (folder / "tables.yaml").write_text(yaml.safe_dump(TABLES))
