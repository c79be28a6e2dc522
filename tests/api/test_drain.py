"""A replica leaves: unready first, serving on, then sending everybody away, losing nothing of what it has begun."""

import asyncio
import contextlib

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc

from gateway.clock import SystemClock
from gateway.service.drain import MOST_ROUNDS, Drain
from support.caller import State, read_refusal, refusal
from support.clock import DrivenClock

SERVING, NOT_SERVING = health_pb2.HealthCheckResponse.SERVING, health_pb2.HealthCheckResponse.NOT_SERVING


async def probed(app) -> dict[str, int]:
    """What the health listener says."""
    async with grpc.aio.insecure_channel(f"127.0.0.1:{app.health_port}") as channel:
        health = health_pb2_grpc.HealthStub(channel)
        names = {"ready": "batchjobs.v1.BatchJobs", "live": "live"}
        return {
            word: (await health.Check(health_pb2.HealthCheckRequest(service=name), timeout=20)).status
            for word, name in names.items()
        }


@contextlib.asynccontextmanager
async def leaving(gateway):
    """The replica's stop, under way; the test must let it end."""
    unready = asyncio.Event()
    say = gateway.app.health.draining

    async def draining():
        await say()
        unready.set()

    gateway.app.health.draining = draining
    stopping = asyncio.ensure_future(gateway.app.stop())
    await unready.wait()
    yield stopping
    await stopping


class Delay(SystemClock):
    """The clock of the replica's drain alone: its first sleep, the delay, is over when the test says so."""

    def __init__(self) -> None:
        self.over = asyncio.Event()

    async def sleep(self, _seconds: float) -> None:
        await self.over.wait()


@pytest.fixture
def delayed(start_gateway):
    """Starts a replica whose drain waits for the test."""

    async def start(**settings):
        gateway = await start_gateway(drain_delay="5s", **settings)
        gateway.app.clock = Delay()
        return gateway

    return start


async def test_readiness_falls_first_and_calls_are_served_until_the_delay_is_over(delayed):
    gateway = await delayed(role="api")
    caller = gateway.caller("ranking")
    job = await caller.create()
    async with leaving(gateway):
        assert await probed(gateway.app) == {"ready": NOT_SERVING, "live": SERVING}
        assert (await caller.get(job.name)).name == job.name
        assert (await caller.create()).state == State.QUEUED
        assert not gateway.app.drain.begun
        gateway.app.clock.over.set()
    assert gateway.app.drain.begun


async def test_the_lease_is_released_at_once_and_not_after_the_delay(delayed, monkeypatch):
    gateway = await delayed()
    leads = asyncio.Event()
    monkeypatch.setattr(gateway.app.metrics.leader, "leads", lambda **_: leads.set())
    await leads.wait()
    async with leaving(gateway):
        await gateway.app.controller._leader._stopped.wait()
        assert await gateway.lead()
        assert not gateway.app.drain.begun
        gateway.app.clock.over.set()


async def test_a_watch_is_handed_over_with_a_hint_where_to_go_on(delayed, start_gateway):
    gateway = await delayed(role="api")
    other = await start_gateway(role="api", database_url=gateway.database_url)
    caller = gateway.caller("ranking")
    job = await caller.create()
    watch = caller.watch_team()
    token = ""
    while not (event := await watch.event()).synced:
        token = event.resume_token or token
    token = event.resume_token or token
    async with leaving(gateway):
        gateway.app.clock.over.set()
        with pytest.raises(grpc.aio.AioRpcError) as ended:
            await watch.event()
    refused = read_refusal(ended.value)
    assert (refused.code, refused.reason) == ("UNAVAILABLE", "DRAINING")
    assert "resume token" in refused.message
    assert refused.retry_after
    await other.caller("ranking").cancel(job.name)
    resumed = other.caller("ranking").watch_team(token)
    assert (await resumed.job()).state == State.CANCELLED


@pytest.mark.parametrize("workers", [50])
async def test_who_calls_while_it_leaves_is_answered_or_told_to_come_again_and_never_cut_off(start_gateway, workers):
    gateway = await start_gateway(role="api", drain_delay="50ms")
    caller = gateway.caller("ranking")
    job = await caller.create()
    busy, codes = asyncio.Semaphore(0), set()

    async def call_until_refused():
        while True:
            try:
                await caller.get(job.name)
                busy.release()
            except grpc.aio.AioRpcError as error:
                codes.add((error.code(), read_refusal(error).reason))
                return

    calling = [asyncio.ensure_future(call_until_refused()) for _ in range(workers)]
    for _ in range(2 * workers):
        await busy.acquire()
    await gateway.app.stop()
    await asyncio.gather(*calling)
    assert codes == {(grpc.StatusCode.UNAVAILABLE, "DRAINING")}


async def test_a_create_that_has_begun_is_finished(start_gateway, monkeypatch):
    gateway = await start_gateway(role="api", drain_delay="1ms")
    caller = gateway.caller("ranking")
    entered, go_on, drained = asyncio.Event(), asyncio.Event(), asyncio.Event()
    explainer = gateway.app.use_cases.create._explainer
    view = explainer.view

    async def slow_view(job):
        entered.set()
        await go_on.wait()
        return await view(job)

    monkeypatch.setattr(explainer, "view", slow_view)
    gateway.app.drain.subscribe(drained.set)
    creating = asyncio.ensure_future(caller.create())
    await entered.wait()
    async with leaving(gateway):
        await drained.wait()
        go_on.set()
        assert (await creating).state == State.QUEUED


async def for_ever(entered):
    entered.set()
    await asyncio.Event().wait()


@pytest.fixture
async def stuck(start_gateway, monkeypatch):
    """Starts a replica in which every answer about a batch job hangs once the event is set up; its grace is short."""
    gateway = await start_gateway(role="api", drain_delay="1ms", drain_grace="10ms")
    job = await gateway.caller("ranking").create()
    entered = asyncio.Event()
    monkeypatch.setattr(gateway.app.use_cases.create._explainer, "view", lambda _job: for_ever(entered))
    return gateway, job, entered


async def cut_off(gateway, entered, call):
    """What the caller of `call` is told when the grace ends before it does."""
    calling = asyncio.ensure_future(refusal(call))
    await entered.wait()
    await gateway.app.stop()
    return await calling


async def test_a_read_that_outlasts_the_grace_is_told_that_nothing_was_done(stuck):
    gateway, job, entered = stuck
    refused = await cut_off(gateway, entered, gateway.caller("ranking").get(job.name))
    assert (refused.code, refused.reason) == ("UNAVAILABLE", "DRAINING")
    assert refused.retry_after
    assert refused.pushback > 0


@pytest.mark.parametrize(("request_id", "repeated"), [("mine", True), ("", False)])
async def test_a_create_that_outlasts_the_grace_is_told_that_its_outcome_is_not_known(stuck, request_id, repeated):
    gateway, _, entered = stuck
    refused = await cut_off(gateway, entered, gateway.caller("ranking").create(request_id=request_id))
    assert (refused.code, refused.reason) == ("UNAVAILABLE", "STORE_UNAVAILABLE")
    assert "outcome is not known" in refused.message
    assert refused.retry_after
    assert (refused.pushback > 0) == repeated


async def test_who_gives_up_by_itself_while_it_leaves_is_counted_as_cancelled(stuck):
    gateway, job, entered = stuck
    calling = asyncio.ensure_future(gateway.caller("ranking").get(job.name))
    await entered.wait()
    calling.cancel()
    await gateway.app.stop()
    handled = [line for line in gateway.metrics().splitlines() if line.startswith("grpc_server_handled_total")]
    assert [line for line in handled if "GetBatchJob" in line and 'grpc_code="Cancelled"' in line]


async def test_who_watches_its_health_does_not_hold_it_to_the_end_of_the_grace(start_gateway):
    gateway = await start_gateway(role="api", drain_delay="1ms", drain_grace="1h")
    watch = health_pb2_grpc.HealthStub(gateway.channel).Watch(health_pb2.HealthCheckRequest(service=""))
    assert (await watch.read()).status == SERVING
    await gateway.app.stop()
    assert (await watch.read()).status == NOT_SERVING
    with pytest.raises(grpc.aio.AioRpcError) as ended:
        await watch.read()
    assert read_refusal(ended.value).reason == "DRAINING"


async def test_a_connection_is_asked_to_go_at_its_age_and_no_call_fails_for_it(start_gateway):
    gateway = await start_gateway(role="api", connection_age="200ms", watch_age="100ms")
    caller = gateway.caller("ranking")
    job = await caller.create()
    await caller.get(job.name)
    left = asyncio.Event()

    async def follow():
        state = gateway.channel.get_state(try_to_connect=True)
        while state is grpc.ChannelConnectivity.READY:
            await gateway.channel.wait_for_state_change(state)
            state = gateway.channel.get_state()
        left.set()

    following = asyncio.ensure_future(follow())
    while not left.is_set():
        await caller.get(job.name)
    await following
    assert (await caller.get(job.name)).name == job.name


async def quiet(drain, clock, refusals):
    """How many rounds it took, when so many calls are refused in each."""
    waiting = asyncio.ensure_future(drain.until_quiet(clock))
    rounds = 0
    await asyncio.sleep(0)
    while not waiting.done():
        await clock.until_sleeping()
        if rounds < refusals:
            drain.refusal()
        rounds += 1
        clock.advance(0.1)
        await asyncio.wait([waiting, asyncio.ensure_future(clock.until_sleeping())], return_when="FIRST_COMPLETED")
    return rounds


@pytest.mark.parametrize(("refusals", "rounds"), [(0, 1), (3, 4), (1000, MOST_ROUNDS)])
async def test_nobody_is_waited_for_longer_than_it_takes_to_see_that_nobody_keeps_still(refusals, rounds):
    assert await quiet(Drain(), DrivenClock(), refusals) == rounds
