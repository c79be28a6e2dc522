"""The controller in a test: its real loops over a real PostgreSQL and the emulator, on one clock that the test drives.

Loops do not run by themselves here: a test runs each pass when it wants it, and so decides every interleaving.
"""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import replace
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Any

from prometheus_client import CollectorRegistry

from gateway.cloud.vertex import VertexClients, VertexConfig
from gateway.controller.config import ControllerConfig
from gateway.controller.flights import Flights
from gateway.controller.guard import Guard
from gateway.controller.leadership import Leadership
from gateway.controller.loops import Loops
from gateway.controller.parts import StoreParts
from gateway.controller.term import Setting, Term
from gateway.domain.batch_job import BatchJob
from gateway.domain.states import State
from gateway.policy.model import Policy, Pool, Quota, Quotas, TeamPolicy
from gateway.store.changes import Changes
from gateway.store.creates import Creates
from gateway.store.database import Database
from gateway.telemetry.metrics import Metrics
from support.database import DRIVE_CLOCK, run_sql
from support.driven_time import DrivenTime
from support.store import OTHER_POOL, POOL, SPEC, allow, new_batch_job, unobserved
from vertex_emulator import BucketCheck, Call, ClockKind, Emulator, EmulatorConfig, Fault, FaultKind, Job

CREATE = "CreateBatchPredictionJob"
GET = "GetBatchPredictionJob"
LIST = "ListBatchPredictionJobs"
CANCEL = "CancelBatchPredictionJob"
DELETE = "DeleteBatchPredictionJob"

T_SECONDS = 100.0
"""T with the defaults: deadline 20 s, TCP user timeout 20 s, list lag 60 s."""

MOMENT = 0.001
"""Passes before each step of a loop, so that what comes later is later by the clock as well."""

GATEWAY = "test"
ROW = '{"request": {"contents": [{"role": "user", "parts": [{"text": "hello"}]}]}}\n'


def emulator_config(folder: Any, **changes: Any) -> EmulatorConfig:
    """Jobs that run for an hour, so that only the test's own doing ends one sooner."""
    (folder / "ranking-in").mkdir()
    (folder / "ranking-out").mkdir()
    for name in ("rows.jsonl", "other.jsonl"):
        (folder / "ranking-in" / name).write_text(ROW * 3)
    values = {"run_seconds": 3600.0, "pending_seconds": 1.0, "project_numbers": {"corp-ml": "123456789012"}}
    return EmulatorConfig(folder, clock=ClockKind.DRIVEN, bucket_check=BucketCheck.OFF, **{**values, **changes})


def policy(*teams: TeamPolicy, pools: tuple[Pool, ...] = (), **changes: Any) -> Policy:
    """A policy with these teams (by default `ranking`), in two pools of eight (by default)."""
    known = pools or (Pool(POOL), Pool(OTHER_POOL))
    everyone = teams or (team("ranking"),)
    made = Policy(
        hash="0123456789abcdef",
        pools=MappingProxyType({pool.id: pool for pool in known}),
        teams=MappingProxyType({each.name: each for each in everyone}),
    )
    return replace(made, **changes)


def team(name: str, **changes: Any) -> TeamPolicy:
    """A team that may use both pools; `active` is its `active_jobs`."""
    active = changes.pop("active", None)
    quotas = Quotas(active_jobs=Quota(active)) if active is not None else Quotas()
    return replace(TeamPolicy(name, pools=(POOL, OTHER_POOL), quotas=quotas), **changes)


class HeldPolicy:
    """The policy in force, put there by the test."""

    def __init__(self, held: Policy) -> None:
        self.current = held
        self._callbacks: list[Callable[[Policy], None]] = []

    def replace(self, held: Policy) -> None:
        self.current = held
        for callback in self._callbacks:
            callback(held)

    def subscribe(self, callback: Callable[[Policy], None]) -> Callable[[], None]:
        self._callbacks.append(callback)
        return lambda: self._callbacks.remove(callback)


class HeldHints:
    """The change feed's hints, given by the test."""

    def __init__(self) -> None:
        self.callbacks: list[Callable[[], None]] = []

    def subscribe(self, callback: Callable[[], None]) -> Callable[[], None]:
        self.callbacks.append(callback)
        return lambda: self.callbacks.remove(callback)


class Replica:
    """One replica that leads: its term, its loops, and a pass of each at the test's word."""

    def __init__(self, world: "World", setting: Setting, leadership: Leadership) -> None:
        self.world, self.setting, self.leadership = world, setting, leadership
        self.term = Term(setting, leadership)
        self.flights = Flights()
        self.loops = Loops(self.term, Guard(setting.metrics), self.flights)

    async def dispatch(self) -> None:
        """One pass of dispatch; what it sends is under way when this returns."""
        await self.world.advance(MOMENT)
        await self.loops.dispatch.run_once()

    async def scan(self) -> None:
        """One pass of resolve: it scans where a scan is wanted."""
        await self.world.advance(MOMENT)
        await self.loops.resolve.run_once()

    async def poll(self) -> None:
        """One pass of poll."""
        await self.world.advance(MOMENT)
        await self.loops.poll.run_once()

    async def submit(self) -> None:
        """Scan if need be, dispatch, and wait until every create has its outcome."""
        await self.scan()
        await self.dispatch()
        await self.flights.landed()

    def count(self, name: str, **labels: str) -> float:
        """The value of one of this replica's metrics; 0 where it was never touched."""
        return self.setting.metrics.registry.get_sample_value(name, labels) or 0.0


class World:
    """A database, an emulator, one clock for both and for every replica, and a policy."""

    def __init__(self, database: Database, url: str, emulator: Emulator, stack: AsyncExitStack) -> None:
        self.database, self.url, self.emulator = database, url, emulator
        self.time = DrivenTime(emulator.driven_clock)
        self.policy = HeldPolicy(policy())
        self._stack = stack
        self._changes = Changes(database.controller, unobserved)

    async def drive(self) -> None:
        """Have the store's clock follow, as the gateway's and the emulator's do."""
        await run_sql(self.url, DRIVE_CLOCK.format(now=self.time.now().isoformat()))

        async def follow(now: datetime) -> None:
            await run_sql(self.url, "UPDATE driven_clock SET now = $1", now)

        self.time.followers.append(follow)

    async def advance(self, seconds: float) -> None:
        """Move every clock; what was due meanwhile is done on return."""
        await self.time.advance(seconds)

    async def advance_until(self, coming: Awaitable[Any], step: float = 1.0) -> Any:
        """Move time on, step by step, until `coming` is there. Every step lets somebody go to sleep."""
        future = asyncio.ensure_future(coming)
        while not future.done():
            self.time.slept.clear()
            await self.advance(step)
            slept = asyncio.ensure_future(self.time.slept.wait())
            await asyncio.wait([future, slept], return_when=asyncio.FIRST_COMPLETED)
            slept.cancel()
        return future.result()

    # Replicas.

    async def setting(self, database: Database | None = None, **changes: Any) -> Setting:
        """What a replica is made of; its lease is as long as any test unless the test says otherwise."""
        config = ControllerConfig(**{"gateway": GATEWAY, "lease": timedelta(days=60), **changes})
        metrics = Metrics(CollectorRegistry(), monotonic=self.time.boottime)
        clients = VertexClients(VertexConfig(emulator_target=self.emulator.target), clock=self.time, metrics=metrics)
        self._stack.push_async_callback(clients.close)
        store = StoreParts.of(
            database or self.database, config=config, clock=self.time, holder="test", observer=unobserved
        )
        return Setting(config, store, clients, self.policy, self.time, metrics)

    async def lead(self, **changes: Any) -> Replica:
        """A replica with the lease; whoever had it is out of time or has lost it."""
        setting = await self.setting(**changes)
        held = await setting.store.lease.acquire()
        assert held is not None, "somebody else leads"
        replica = Replica(self, setting, Leadership(held, clock=self.time, config=setting.config))
        await replica.term.load()
        self._stack.push_async_callback(replica.flights.abandon)
        return replica

    async def usurp(self, **changes: Any) -> Replica:
        """A replica that leads though another one believes it does: its lease was taken to have run out."""
        await run_sql(self.url, "UPDATE lease SET expires_at = store_clock()")
        return await self.lead(**changes)

    # Batch jobs.

    async def create(self, team: str = "ranking", *, name: str = "", **changes: Any) -> BatchJob:
        """A queued batch job; `name` is its display name, by which faults find its create. One moment passes."""
        spec = replace(SPEC, display_name=name, **changes.pop("spec", {}))
        admission = await Creates(self.database, unobserved).admit(new_batch_job(team, spec=spec, **changes), allow)
        await self.advance(MOMENT)
        return admission.job

    async def read(self, job: BatchJob) -> BatchJob:
        """The row as it is now."""
        row = await self._changes.read(job.team, job.id)
        assert row is not None, f"{job.name} is gone"
        return row

    async def state(self, job: BatchJob) -> State:
        return (await self.read(job)).state

    async def want_cancel(self, job: BatchJob) -> None:
        """The wish to cancel, as the service records it."""

        def wish(row: BatchJob, now: datetime) -> BatchJob | None:
            if row.cancel_time or row.ended:
                return None
            wished = row.wish_cancel(time=now, actor="dev:ranking")
            if row.state is not State.QUEUED:
                return wished
            return wished.move(State.CANCELLED, time=now, reason="CANCEL_REQUESTED", actor="dev:ranking", end_time=now)

        await self._changes.change(job.team, job.id, wish)

    async def want_delete(self, job: BatchJob) -> None:
        """A delete, as the service records it."""
        await self._changes.change(job.team, job.id, lambda row, now: row.evolve(delete_time=now))

    async def change(self, job: BatchJob, change: Callable[[BatchJob, datetime], BatchJob | None]) -> None:
        await self._changes.change(job.team, job.id, change)

    # Vertex.

    def fault(self, method: str, kind: FaultKind, **changes: Any) -> int:
        return self.emulator.faults.add(Fault(method, kind, **changes))

    def calls(self, method: str) -> list[Call]:
        return self.emulator.calls.of(method)

    async def called(self, method: str, count: int = 1) -> None:
        """Return when that many calls of the method have arrived."""
        await self.emulator.calls.wait_for(lambda call: call.method == method, count=count)

    def vertex_jobs(self) -> list[Job]:
        """Every Vertex job there is, oldest first."""
        return sorted(self.emulator.jobs, key=lambda job: job.create_time)

    def vertex_job(self, job: BatchJob) -> Job:
        """The only Vertex job made for a batch job."""
        made = [each for each in self.emulator.jobs if each.message.labels["batchjobs_id"] == str(job.id)]
        assert len(made) == 1, f"{len(made)} Vertex jobs for {job.name}"
        return made[0]

    def land(self, call: Call) -> Job:
        """Have a create take effect after all, whatever was answered."""
        place = self.emulator._names.place(call.request.parent)
        return self.emulator._service.make(place, call.request.batch_prediction_job)

    def clone(self, job: Job, change: Callable[[Any], None] = lambda _: None) -> Job:
        """Make the same Vertex job again, as someone may in Google's console; `change` may alter the message first."""
        message = type(job.message)()
        message.CopyFrom(job.message)
        change(message)
        return self.emulator._service.make(job.place, message)
