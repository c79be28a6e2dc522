"""The database goes away and comes back; the replica drains; a second one finds the port taken."""

import asyncio
import contextlib
from collections.abc import Iterator

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc

from gateway.api.server import ListenError
from gateway.app import App
from gateway.settings import SettingsError
from gateway.store import migrate
from gateway.store.embedded import EmbeddedPostgres
from support.caller import State, Watching, read_refusal, refusal
from support.database import in_thread


@pytest.fixture
def own_postgres() -> Iterator[EmbeddedPostgres]:
    """A server that the test may stop."""
    server = EmbeddedPostgres()
    server.start()
    in_thread(migrate.upgrade(server.url))
    yield server
    server.stop()


async def test_a_database_that_stops_is_unavailable_and_nothing_is_lost(own_postgres, start_gateway):
    gateway = await start_gateway(role="api", database_url=own_postgres.url)
    caller = gateway.caller("ranking")
    before = await caller.create(request_id="before")
    await asyncio.to_thread(own_postgres.halt)
    for call in (
        caller.get(before.name),
        caller.create(request_id="during"),
        caller.list(),
        caller.cancel(before.name),
    ):
        refused = await refusal(call)
        assert (refused.code, refused.reason) == ("UNAVAILABLE", "STORE_UNAVAILABLE")
        assert refused.retry_after
    await asyncio.to_thread(own_postgres.start)
    again = await caller.create(request_id="during")
    assert (await caller.get(before.name)).state == State.QUEUED
    assert {job.name for job in (await caller.list()).batch_jobs} == {before.name, again.name}


class UnavailableError(Exception):
    """The watch has said to come again."""


async def watch_to_the_end(watch: Watching) -> None:
    try:
        await watch.until(State.CANCELLED)
    except grpc.aio.AioRpcError as error:
        refused = read_refusal(error)
        if refused.reason != "STORE_UNAVAILABLE" or not refused.retry_after:
            raise
        raise UnavailableError from error


async def test_a_watch_survives_or_says_to_come_again_when_the_database_restarts(own_postgres, start_gateway):
    gateway = await start_gateway(role="api", database_url=own_postgres.url)
    caller = gateway.caller("ranking")
    job = await caller.create()
    watch = caller.watch(job.name)
    await watch.job()
    await asyncio.to_thread(own_postgres.restart)
    await caller.cancel(job.name)
    with contextlib.suppress(UnavailableError):
        await watch_to_the_end(watch)
    await watch_to_the_end(caller.watch(job.name))


async def test_a_drain_lets_open_calls_end_and_says_not_serving(gateway, monkeypatch):
    caller = gateway.caller("ranking")
    entered, go_on = asyncio.Event(), asyncio.Event()
    explainer = gateway.app.use_cases.create._explainer
    view = explainer.view

    async def slow_view(job):
        entered.set()
        await go_on.wait()
        return await view(job)

    monkeypatch.setattr(explainer, "view", slow_view)
    creating = asyncio.ensure_future(caller.create())
    await entered.wait()
    drained = asyncio.Event()
    gateway.app.drain.subscribe(drained.set)
    stopping = asyncio.ensure_future(gateway.app.stop())
    await drained.wait()
    async with grpc.aio.insecure_channel(f"127.0.0.1:{gateway.app.health_port}") as channel:
        health = health_pb2_grpc.HealthStub(channel)
        answer = await health.Check(health_pb2.HealthCheckRequest(service="batchjobs.v1.BatchJobs"), timeout=20)
    assert answer.status == health_pb2.HealthCheckResponse.NOT_SERVING
    go_on.set()
    assert (await creating).state == State.QUEUED
    await stopping


async def test_a_started_replica_is_serving_on_its_health_listener(gateway):
    async with grpc.aio.insecure_channel(f"127.0.0.1:{gateway.app.health_port}") as channel:
        health = health_pb2_grpc.HealthStub(channel)
        answer = await health.Check(health_pb2.HealthCheckRequest(), timeout=20)
    assert answer.status == health_pb2.HealthCheckResponse.SERVING


@pytest.mark.parametrize("listener", ["api", "health", "metrics"])
async def test_a_taken_port_keeps_it_from_starting_and_is_named(gateway, start_gateway, listener):
    app = gateway.app
    taken = app.api_target if listener == "api" else f"127.0.0.1:{getattr(app, f'{listener}_port')}"
    with pytest.raises(ListenError, match=f"cannot listen on {taken}"):
        await start_gateway(role="api", **{f"{listener}_listen": taken})


async def test_it_does_not_start_where_others_could_reach_it(gateway):
    exposed = gateway.app.settings.model_copy(update={"metrics_listen": "0.0.0.0:0"})
    with pytest.raises(SettingsError, match="METRICS_LISTEN"):
        await App(exposed).start()


async def test_it_does_not_start_with_a_settling_time_below_the_sum_of_its_parts(gateway):
    lax = gateway.app.settings.model_copy(update={"settle": gateway.app.settings.list_lag})
    with pytest.raises(SettingsError, match="SETTLE"):
        await App(lax).start()
