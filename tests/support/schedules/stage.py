"""Where schedules are played: one database and one emulator, put back to the beginning before each run."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import asyncpg
import pytest
from prometheus_client import CollectorRegistry

from gateway.cloud.vertex import VertexClients, VertexConfig
from gateway.controller.config import ControllerConfig
from gateway.controller.parts import StoreParts
from gateway.controller.term import Setting
from gateway.domain.batch_job import BatchJob
from gateway.policy.model import Pool
from gateway.store.database import Database, Sizes
from gateway.telemetry.metrics import Metrics
from support.controller import GATEWAY, World, policy
from support.database import PATIENT
from support.schedules.gated_edges import gate_clock, gate_vertex
from support.schedules.gated_store import StoreGates
from support.schedules.gates import Actor
from support.store import POOL, create, unobserved
from vertex_emulator import Job

LEASE = 10.0
DEADLINE, TCP, LAG = 20.0, 20.0, 10.0
T = DEADLINE + TCP + LAG

# The store's clock is the driven one plus a microsecond for each time it is read: what comes later is later.
_SCHEMA = """
CREATE SEQUENCE ticks;
CREATE OR REPLACE FUNCTION store_clock() RETURNS timestamptz LANGUAGE plpgsql VOLATILE AS $$
DECLARE tick bigint;
BEGIN
    IF current_setting('transaction_read_only') = 'on' THEN
        SELECT last_value INTO tick FROM ticks;
    ELSE
        tick := nextval('ticks');
    END IF;
    RETURN (SELECT now FROM driven_clock) + tick * interval '1 microsecond';
END $$;
CREATE TABLE written (number bigserial, id bigint, team text, before text, after text, revision bigint, cancel boolean);
CREATE FUNCTION note_write() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO written (id, team, before, after, revision, cancel) VALUES
        (NEW.id, NEW.team, CASE WHEN TG_OP = 'INSERT' THEN '' ELSE OLD.state END, NEW.state, NEW.revision,
         NEW.cancel_time IS NOT NULL);
    RETURN NEW;
END $$;
CREATE TRIGGER note_write AFTER INSERT OR UPDATE ON batch_jobs FOR EACH ROW EXECUTE FUNCTION note_write();
"""
_TABLES = ("batch_jobs", "teams", "pools", "shares", "request_ids", "lease")
_EMPTY = """
DELETE FROM batch_jobs; DELETE FROM teams; DELETE FROM pools; DELETE FROM shares; DELETE FROM restores;
DELETE FROM written;
UPDATE lease SET term = '', holder = '', expires_at = '-infinity';
SELECT setval('ticks', 1);
"""


@dataclass(frozen=True, slots=True)
class Written:
    """One write of a row, as the trigger saw it commit."""

    id: int
    before: str
    after: str
    revision: int
    cancel: bool


class Stage:
    """The world of one run after another. `violations` is what was seen to be wrong while it ran."""

    def __init__(
        self, world: World, direct: asyncpg.Connection, watcher: asyncpg.Connection, clients: VertexClients
    ) -> None:
        self.world, self.direct, self.watcher = world, direct, watcher
        self._clients = clients
        self.capacity = 1
        self.violations: list[str] = []
        self.metrics = Metrics(CollectorRegistry(), monotonic=world.time.boottime)
        self.jobs: list[BatchJob] = []
        self.sends_until: dict[str, float] = {}
        """By term, when the leader must have stopped to send, on the clock's boottime."""
        self.gone: set[str] = set()
        self.by_hand: set[str] = set()

    @classmethod
    @asynccontextmanager
    async def open(cls, world: World, url: str) -> AsyncIterator["Stage"]:
        """Gates are installed for as long as the stage is open."""
        direct, watcher = await asyncpg.connect(url), await asyncpg.connect(url)
        await direct.execute(_SCHEMA)
        database = await Database.open(url, Sizes(api=4, controller=12, lease=4), limits=PATIENT)
        world.database = database
        world.time.followers[:] = [cls._follow(direct)]
        metrics = Metrics(CollectorRegistry(), monotonic=world.time.boottime)
        stage: Stage
        with pytest.MonkeyPatch.context() as patch:
            StoreGates(lambda actor, what, fenced: stage.watch(actor, what, fenced=fenced)).install(patch)
            gate_vertex(patch, lambda actor: stage.sent(actor))  # noqa: PLW0108 - the stage is made below
            gate_clock(patch)
            clients = VertexClients(
                VertexConfig(emulator_target=world.emulator.target), clock=world.time, metrics=metrics
            )
            stage = cls(world, direct, watcher, clients)
            try:
                yield stage
            finally:
                await clients.close()
                await database.close()
                await direct.close()
                await watcher.close()

    @staticmethod
    def _follow(direct: asyncpg.Connection) -> Any:
        async def follow(now: datetime) -> None:
            await direct.execute("UPDATE driven_clock SET now = $1", now)

        return follow

    async def reset(self, *, jobs: int, capacity: int) -> None:
        """Everything as it was at the beginning, but for the time; `jobs` batch jobs are queued."""
        emulator = self.world.emulator
        emulator.faults.clear()
        await emulator.clock.close()
        emulator.driven_clock._sleepers.clear()
        for job in list(emulator.jobs):
            emulator.jobs.remove(job)
        emulator.calls.clear()
        self.world.time._sleepers.clear()
        await self.direct.execute(_EMPTY)
        self.world.policy.replace(policy(pools=(Pool(POOL, capacity=capacity),)))
        self.capacity = capacity
        self.violations, self.sends_until, self.gone, self.by_hand = [], {}, set(), set()
        self.metrics = Metrics(CollectorRegistry(), monotonic=self.world.time.boottime)
        self.jobs = [await create(self.world.database) for _ in range(jobs)]

    def setting(self, *, lease: float, **changes: Any) -> Setting:
        """What one replica is made of."""
        config = ControllerConfig(
            **{
                "gateway": GATEWAY,
                "lease": timedelta(seconds=lease),
                "create_deadline": timedelta(seconds=DEADLINE),
                "tcp_user_timeout": timedelta(seconds=TCP),
                "list_lag": timedelta(seconds=LAG),
                **changes,
            }
        )
        clock = self.world.time
        parts = StoreParts.of(self.world.database, config=config, clock=clock, holder="proof", observer=unobserved)
        return Setting(config, parts, self._clients, self.world.policy, clock, self.metrics)

    # What is watched while a schedule runs.

    async def watch(self, actor: Actor, what: str, *, fenced: bool) -> None:
        """A fence that was passed, and a commit about to be made, are held against the lease as it stands."""
        if what not in {"commit", "fence"}:
            self.violations.append(f"{actor.name}: {what}")
        if not fenced or not actor.term:
            return
        term, left = await self.direct.fetchrow("SELECT term, expires_at - (SELECT now FROM driven_clock) FROM lease")
        if what == "commit" and term != actor.term:
            self.violations.append(f"late write: {actor.name} commits under a term that is over")
        if what == "fence" and left <= timedelta(0):
            self.violations.append(f"postponed takeover: {actor.name} passed the fence of a lease that has run out")

    def sent(self, actor: Actor) -> None:
        """A create goes out: its leader must be sure of its lease for a margin to come."""
        if self.world.time.boottime() > self.sends_until[actor.term]:
            self.violations.append(f"sent past its lease's margin: {actor.name}")

    async def after_step(self) -> None:
        """What Vertex showed in time, and did not deny, takes no more room than the pool has."""
        alive = [job for job in self.alive() if not self.is_late(job) and job.name not in self.by_hand | self.denied]
        if len(alive) > self.capacity:
            self.violations.append(f"over capacity: {len(alive)} Vertex jobs are alive in a pool of {self.capacity}")

    def alive(self) -> list[Job]:
        return [job for job in self.world.emulator.jobs if not job.ended]

    @property
    def denied(self) -> set[str]:
        """What Vertex made though it had refused to."""
        calls = self.world.calls("CreateBatchPredictionJob")
        return {call.job for call in calls if call.code == "RESOURCE_EXHAUSTED"}

    def is_late(self, job: Job) -> bool:
        """Whether Vertex showed it later than T allows for."""
        call = next((each for each in self.world.calls("CreateBatchPredictionJob") if each.job == job.name), None)
        if call is None or call.took_effect is None:
            return False
        return call.took_effect - call.time > timedelta(seconds=TCP)

    async def written(self) -> list[Written]:
        rows = await self.direct.fetch("SELECT id, before, after, revision, cancel FROM written ORDER BY number")
        return [Written(*row) for row in rows]

    async def backup(self) -> dict[str, list[asyncpg.Record]]:
        """Every row, as a backup of the database would have it."""
        return {table: await self.direct.fetch(f"SELECT * FROM {table}") for table in _TABLES}  # noqa: S608 - ours

    async def restore(self, kept: dict[str, list[asyncpg.Record]]) -> None:
        """The database as it was when the backup was made; what was written since is lost."""
        await self.direct.execute("ALTER TABLE batch_jobs DISABLE TRIGGER note_write")
        for table, rows in kept.items():
            await self.direct.execute(f"DELETE FROM {table}")  # noqa: S608 - ours
            await self.direct.copy_records_to_table(table, records=[tuple(row.values()) for row in rows])
        await self.direct.execute("ALTER TABLE batch_jobs ENABLE TRIGGER note_write; DELETE FROM written")
