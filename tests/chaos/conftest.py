"""The audit's view of a world in which a test plays a few steps: the store's history and the emulator's own record."""

from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from chaos import history
from chaos.audit.evidence import Evidence
from gateway.domain.batch_job import BatchJob
from gateway.policy.model import Policy
from gateway.store.database import Database
from support.controller import T_SECONDS, World, emulator_config
from vertex_emulator import Emulator
from vertex_emulator.control import _call_json, _job_json


@dataclass
class Witness:
    """Gathers evidence; `journal` is what callers were told, as the test has it."""

    world: World
    journal: list[dict[str, Any]] = field(default_factory=list)
    told: list[str] = field(default_factory=list)
    by_hand: dict[str, float] = field(default_factory=dict)
    policies: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.world.policy.subscribe(self._policy)
        self._policy(self.world.policy.current)

    def _policy(self, policy: Policy) -> None:
        """Keep every version that is ever in force."""
        limits = {name: team.quotas.active_jobs for name, team in policy.teams.items()}
        self.policies[policy.hash] = {
            "capacities": {str(pool.id): pool.capacity for pool in policy.pools.values()},
            "limits": {name: quota.limit if quota else None for name, quota in limits.items()},
        }

    def answered(self, job: BatchJob, request_id: str = "r") -> None:
        """A create's answer, as a caller writes it down."""
        about = {"team": job.team, "request_id": request_id, "name": job.name, "revision": job.revision}
        self.journal += [{"event": "asked", **about}, {"event": "created", **about}]

    def saw(self, job: BatchJob, event: str = "seen") -> None:
        """An event of a watch, as its reader writes it down."""
        self.journal.append({"event": event, "team": job.team, "name": job.name, "revision": job.revision, "time": 0.0})

    async def evidence(self, *, within: bool = True) -> Evidence:
        calls = [_call_json(call) for call in self.world.emulator.calls if "." not in call.method]
        return Evidence.of(
            within=within,
            settle=T_SECONDS,
            list_lag=60.0,
            store=await history.dump(self.world.url),
            journal=self.journal,
            calls=calls,
            jobs=[_job_json(job) for job in self.world.emulator.jobs],
            gone=[_job_json(job) for job in self.world.emulator.jobs.gone],
            policies=self.policies,
            found=self.told,
            by_hand=self.by_hand,
            healed=[],
        )

    async def count(self, counter: Callable[[Evidence], Any], *, within: bool = True) -> int:
        """How many findings a counter has now."""
        return len(list(counter(await self.evidence(within=within))))


@pytest.fixture
async def world(database: Database, database_url: str, tmp_path: Path) -> AsyncIterator[World]:
    """A fresh database, an emulator and one clock."""
    async with AsyncExitStack() as stack:
        emulator = await stack.enter_async_context(Emulator(emulator_config(tmp_path)))
        made = World(database, database_url, emulator, stack)
        await made.drive()
        yield made


@pytest.fixture
async def witness(world: World) -> Witness:
    """A witness of a fresh world."""
    await history.install(world.url)
    return Witness(world)
