"""The controller as the app runs it: every loop at once, on the real clock, woken by hints."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from prometheus_client import CollectorRegistry

from gateway.clock import SystemClock
from gateway.cloud.vertex import VertexClients, VertexConfig
from gateway.controller.config import ControllerConfig
from gateway.controller.controller import Controller
from gateway.controller.parts import StoreParts
from gateway.domain.batch_job import BatchJob, PoolId
from gateway.domain.states import ENDS, State
from gateway.store.changes import Changes
from gateway.store.creates import Creates
from gateway.store.database import Database
from gateway.telemetry.metrics import Metrics
from support.controller import (
    CANCEL,
    CREATE,
    DELETE,
    LIST,
    OTHER_POOL,
    POOL,
    HeldHints,
    HeldPolicy,
    emulator_config,
    policy,
)
from support.store import SPEC, allow, new_batch_job
from vertex_emulator import Call, ClockKind, Emulator, Fault, FaultKind

QUICK = timedelta(milliseconds=50)
INTERVALS = {
    f"{loop}_interval": QUICK
    for loop in ("dispatch", "poll", "resolve", "cancel", "delete", "expire", "retain", "sweep", "gauges")
}


class Running:
    """A controller at work, and every commit that was made."""

    def __init__(self, database: Database, emulator: Emulator) -> None:
        self.database, self.emulator = database, emulator
        self.hints, self.policy = HeldHints(), HeldPolicy(policy())
        self.metrics = Metrics(CollectorRegistry())
        self._seen: dict[int, BatchJob] = {}
        self._news = asyncio.Event()

    def observe(self, _before: BatchJob | None, after: BatchJob) -> None:
        self._seen[after.id] = after
        self._news.set()
        for callback in self.hints.callbacks:
            callback()

    async def create(self, name: str = "", pool: PoolId = POOL) -> BatchJob:
        new = new_batch_job(spec=replace(SPEC, display_name=name), pool=pool)
        return (await Creates(self.database, self.observe).admit(new, allow)).job

    async def change(self, job: BatchJob, change: Any) -> None:
        await Changes(self.database.controller, self.observe).change(job.team, job.id, change)

    async def until(self, job: BatchJob, *states: State) -> BatchJob:
        while (seen := self._seen.get(job.id, job)).state not in states:
            self._news.clear()
            await self._news.wait()
        return seen

    def controller(self, clients: VertexClients, **changes: Any) -> Controller:
        config = ControllerConfig(gateway="test", cancel_repeat=QUICK, delete_retry=QUICK, **INTERVALS, **changes)
        clock = SystemClock()
        parts = StoreParts.of(self.database, config=config, clock=clock, holder="test", observer=self.observe)
        return Controller(
            config=config,
            store=parts,
            vertex=clients,
            policy=self.policy,
            hints=self.hints,
            clock=clock,
            metrics=self.metrics,
        )


@asynccontextmanager
async def started(running: Running, *, read_timeout: float = 20.0, **changes: Any) -> AsyncIterator[Controller]:
    clients = VertexClients(
        VertexConfig(emulator_target=running.emulator.target, delete_poll=0.05, read_timeout=read_timeout),
        clock=SystemClock(),
        metrics=running.metrics,
    )
    controller = running.controller(clients, **changes)
    task = asyncio.create_task(controller.run())
    try:
        yield controller
    finally:
        await controller.stop()
        await controller.stop()
        await task
        await clients.close()


@pytest.fixture
async def running(database: Database, tmp_path: Path) -> AsyncIterator[Running]:
    config = emulator_config(tmp_path, run_seconds=1.0, pending_seconds=0.1)
    config = replace(config, clock=ClockKind.REAL, time_scale=10.0, cancel_seconds=0.1, delete_seconds=0.1)
    async with Emulator(config) as emulator:
        yield Running(database, emulator)


async def test_what_is_created_is_run_to_its_end(running: Running) -> None:
    async with started(running) as controller:
        jobs = [await running.create() for _ in range(5)]
        for job in jobs:
            assert (await running.until(job, *ENDS)).state is State.SUCCEEDED
        assert controller.leading
    assert not controller.leading
    assert len(running.emulator.calls.of(CREATE)) == 5


async def test_a_wish_to_cancel_is_carried_out(running: Running) -> None:
    running.emulator.faults.add(Fault("GetBatchPredictionJob", FaultKind.STATUS, code="INTERNAL", times=3))
    async with started(running):
        job = await running.create()
        running.emulator.capacity.limit = 0
        await running.until(job, State.PENDING, State.RUNNING)
        await running.change(job, lambda row, now: row.wish_cancel(time=now, actor="dev:ranking"))
        assert (await running.until(job, *ENDS)).state is State.CANCELLED


async def test_a_deleted_batch_jobs_vertex_job_goes(running: Running) -> None:
    async with started(running):
        job = await running.create()
        await running.until(job, *ENDS)
        await running.change(job, lambda row, now: row.evolve(delete_time=now))
        await running.emulator.calls.wait_for(lambda call: call.method == "DeleteBatchPredictionJob")


async def test_a_lost_answer_is_settled_without_anybodys_help(running: Running) -> None:
    running.emulator.faults.add(Fault(CREATE, FaultKind.DROP_ANSWER))
    async with started(running):
        job = await running.create()
        assert (await running.until(job, *ENDS)).state is State.SUCCEEDED
    assert len(running.emulator.calls.of(CREATE)) == 1


async def test_a_policy_that_changes_is_acted_on(running: Running) -> None:
    running.policy.replace(policy(pools=()))
    running.policy.replace(replace(running.policy.current, pools={}))
    async with started(running):
        job = await running.create()
        running.policy.replace(policy())
        assert (await running.until(job, *ENDS)).state is State.SUCCEEDED


async def test_another_replica_goes_on_when_one_stops(running: Running) -> None:
    async with started(running):
        first = await running.create()
        await running.until(first, *ENDS)
    async with started(running):
        second = await running.create()
        assert (await running.until(second, *ENDS)).state is State.SUCCEEDED


async def test_the_gauges_are_the_leaders_and_go_with_it(running: Running) -> None:
    labels = {"pool": str(POOL)}
    async with started(running):
        job = await running.create()
        await running.until(job, *ENDS)
        assert running.metrics.registry.get_sample_value("batchjobs_leader") == 1
    assert running.metrics.registry.get_sample_value("batchjobs_leader") == 0
    assert running.metrics.registry.get_sample_value("batchjobs_pool_capacity", labels) is None


def _in(pool: PoolId, *methods: str) -> Callable[[Call], bool]:
    """Whether a call is one of these methods (by default any) in that pool."""

    def fits(call: Call) -> bool:
        place = getattr(call.request, "parent", "") or getattr(call.request, "name", "")
        return f"/locations/{pool.region}" in place and (not methods or call.method in methods)

    return fits


async def test_a_pool_whose_vertex_hangs_on_every_call_delays_no_other(running: Running) -> None:
    """While one pool's create, cancel and lists hang, and none of them is given up, the other lives a whole life."""
    calls, capacity = running.emulator.calls, running.emulator.capacity
    hour = timedelta(hours=1)
    patience = {"create_deadline": hour, "shutdown_grace": timedelta(0), "lease": hour}
    async with started(running, read_timeout=hour.total_seconds(), **patience):
        capacity.limit = 0
        stuck = await running.create()
        await running.until(stuck, State.PENDING)
        before = len(calls)
        running.emulator.faults.add(Fault("*BatchPredictionJob*", FaultKind.HANG, region=POOL.region, times=None))
        await running.create()
        await running.change(stuck, lambda row, now: row.wish_cancel(time=now, actor="dev:ranking"))
        for method in (CREATE, CANCEL, LIST):
            await calls.wait_for(lambda call, method=method: call.number > before and _in(POOL, method)(call))

        unwanted = await running.create(pool=OTHER_POOL)
        await running.until(unwanted, State.PENDING)
        await running.change(unwanted, lambda row, now: row.wish_cancel(time=now, actor="dev:ranking"))
        assert (await running.until(unwanted, *ENDS)).state is State.CANCELLED
        capacity.limit = None
        done = await running.create(pool=OTHER_POOL)
        assert (await running.until(done, *ENDS)).state is State.SUCCEEDED
        await running.change(done, lambda row, now: row.evolve(delete_time=now))
        await calls.wait_for(_in(OTHER_POOL, DELETE))
        swept = len([call for call in calls if _in(OTHER_POOL, LIST)(call)])
        await calls.wait_for(_in(OTHER_POOL, LIST), count=swept + 3)

        hung = [call for call in calls if call.number > before and _in(POOL)(call)]
        assert {call.method for call in hung} >= {CREATE, CANCEL, LIST}
        assert not [call for call in hung if call.code or call.client_gone], "none was answered or given up"
