"""What one connection, one principal and one process may ask for at a time, over real connections."""

import asyncio
from contextlib import AsyncExitStack
from dataclasses import MISSING, fields, replace
from typing import Any

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc

from api.served import LIMITS, RANKING, Served, serving
from api.test_layers import handled
from batchjobs.v1 import batch_jobs_pb2 as pb
from batchjobs.v1.batch_jobs_pb2_grpc import BatchJobsStub
from gateway.api.interceptors import receiving, shedding
from gateway.api.server import Limits
from gateway.settings import Settings
from support.caller import Refusal, refusal
from support.gateway import StartGateway

READY = grpc.ChannelConnectivity.READY


class Held:
    """A method that keeps its callers until it is told to let them go."""

    def __init__(self) -> None:
        self.began: asyncio.Queue[None] = asyncio.Queue()
        self.go = asyncio.Event()

    async def __call__(self, request: Any, _context: Any) -> pb.BatchJob:
        self.began.put_nowait(None)
        await self.go.wait()
        return pb.BatchJob(name=request.name)


async def refused(served: Served) -> Refusal:
    return await refusal(served.get())


async def test_a_call_too_many_is_shed_at_once_and_told_when_to_come_again() -> None:
    held = Held()
    async with serving(most=3, GetBatchJob=held) as served:
        calls = [asyncio.create_task(served.get()) for _ in range(3)]
        for _ in calls:
            await held.began.get()
        for _ in range(5):
            shed = await refused(served)
            assert (shed.code, shed.reason) == ("RESOURCE_EXHAUSTED", "OVERLOADED")
            assert shed.retry_after is not None
            assert shed.pushback == 1000
        assert held.began.empty()
        held.go.set()
        await asyncio.gather(*calls)
        assert (await served.get("after")).name == "after"


async def test_calls_that_fail_or_are_given_up_make_room_again() -> None:
    held = Held()
    async with serving(most=1, GetBatchJob=held) as served:
        for _ in range(3):
            call = asyncio.create_task(served.get())
            await held.began.get()
            call.cancel()
            await asyncio.gather(call, return_exceptions=True)
            await handled(served)
        served.methods["GetBatchJob"] = _raising
        for _ in range(3):
            assert (await refused(served)).reason == "STORE_UNAVAILABLE"


async def _raising(_request: Any, _context: Any) -> None:
    raise RuntimeError("broken")


async def test_streams_that_need_no_name_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shedding, "NAMELESS_STREAMS_OF_A_PEER", 2)
    async with serving() as served:
        await served.health.serving()
        health = health_pb2_grpc.HealthStub(served.channel)
        streams = [health.Watch(health_pb2.HealthCheckRequest(), timeout=20) for _ in range(2)]
        for stream in streams:
            await stream.read()
        shed = await refusal(health.Watch(health_pb2.HealthCheckRequest(), timeout=20).read())
        assert (shed.code, shed.reason) == ("RESOURCE_EXHAUSTED", "OVERLOADED")
        await health.Check(health_pb2.HealthCheckRequest(), timeout=20)
        for stream in streams:
            stream.cancel()
        while (await handled(served))["Watch", "Cancelled"] < 2:
            pass
        await health.Watch(health_pb2.HealthCheckRequest(), timeout=20).read()


async def test_a_stream_that_needs_no_name_ends_at_its_age(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shedding, "NAMELESS_AGE", 0.2)
    async with serving() as served:
        await served.health.serving()
        health = health_pb2_grpc.HealthStub(served.channel)
        stream = health.Watch(health_pb2.HealthCheckRequest(), timeout=20)
        assert (await stream.read()).status
        old = await refusal(stream.read())
        assert (old.code, old.reason) == ("UNAVAILABLE", "DRAINING")
        assert "age limit" in old.message
        assert old.retry_after is not None


async def test_a_callers_own_deadline_of_such_a_stream_is_told_as_one() -> None:
    async with serving() as served:
        await served.health.serving()
        watch = health_pb2_grpc.HealthStub(served.channel).Watch(health_pb2.HealthCheckRequest(), timeout=0.3)
        await watch.read()
        assert (await refusal(watch.read())).code == "DEADLINE_EXCEEDED"


async def test_where_all_such_streams_are_taken_the_oldest_ends_for_one_more(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shedding, "NAMELESS_STREAMS", 2)
    async with serving() as served:
        await served.health.serving()
        health = health_pb2_grpc.HealthStub(served.channel)
        streams = []
        for _ in range(3):
            streams.append(health.Watch(health_pb2.HealthCheckRequest(), timeout=20))
            await streams[-1].read()
        assert (await refusal(streams[0].read())).reason == "DRAINING"


async def test_probes_and_watches_are_not_shed() -> None:
    held = Held()

    async def watch(_request: Any, context: Any) -> None:
        await context.write(pb.WatchEvent(resume_token="t"))

    async with serving(most=1, GetBatchJob=held, WatchBatchJob=watch) as served:
        call = asyncio.create_task(served.get())
        await held.began.get()
        await served.health.serving()
        health = health_pb2_grpc.HealthStub(served.channel)
        assert (await health.Check(health_pb2.HealthCheckRequest(), timeout=20)).status
        stream = served.stub.WatchBatchJob(pb.WatchBatchJobRequest(name="n"), metadata=RANKING, timeout=20)
        assert (await stream.read()).resume_token == "t"
        held.go.set()
        await call


async def test_metadata_past_its_bound_is_refused_by_grpc_itself() -> None:
    async def get(_request: Any, _context: Any) -> pb.BatchJob:
        return pb.BatchJob()

    async with serving(replace(LIMITS, metadata_bytes=8192), GetBatchJob=get) as served:
        await served.get(metadata=(*RANKING, ("authorization", "x" * 7000)))
        too_much = await refusal(served.get(metadata=(*RANKING, ("authorization", "x" * 9000))))
        assert too_much.code == "RESOURCE_EXHAUSTED"


async def test_streams_past_their_bound_wait_at_the_caller() -> None:
    held = Held()
    async with serving(replace(LIMITS, streams=2), GetBatchJob=held) as served:
        calls = [asyncio.create_task(served.get()) for _ in range(3)]
        await held.began.get()
        await held.began.get()
        other = grpc.aio.insecure_channel(f"127.0.0.1:{served.port}", [("grpc.use_local_subchannel_pool", 1)])
        async with other:
            get = BatchJobsStub(other).GetBatchJob(pb.GetBatchJobRequest(name="n"), metadata=RANKING, timeout=20)
            beside = asyncio.ensure_future(get)
            await held.began.get()
            assert held.began.empty(), "another connection is served, the third call of the first one is not"
            held.go.set()
            await asyncio.gather(*calls, beside)


@pytest.mark.parametrize(
    "limits", [replace(LIMITS, connection_idle=0.2), replace(LIMITS, connection_age=0.2)], ids=["idle", "old"]
)
async def test_a_connection_that_is_idle_or_old_is_asked_to_go_and_calls_go_on(limits: Limits) -> None:
    async def get(request: Any, _context: Any) -> pb.BatchJob:
        return pb.BatchJob(name=request.name)

    async with serving(limits, GetBatchJob=get) as served:
        await served.get()
        assert served.channel.get_state() is READY
        await asyncio.wait_for(served.channel.wait_for_state_change(READY), 20)
        assert (await served.get("again")).name == "again"


async def test_who_pings_too_often_is_cut_off() -> None:
    async def watch(_request: Any, _context: Any) -> None:
        await asyncio.Event().wait()

    pinging = [("grpc.keepalive_time_ms", 20), ("grpc.keepalive_permit_without_calls", 1)]
    pinging += [("grpc.http2.max_pings_without_data", 0), ("grpc.use_local_subchannel_pool", 1)]

    def channel(port: int) -> grpc.aio.Channel:
        return grpc.aio.insecure_channel(f"127.0.0.1:{port}", pinging)

    async with serving(replace(LIMITS, ping_interval=3600), channel=channel, WatchBatchJob=watch) as served:
        stream = served.stub.WatchBatchJob(pb.WatchBatchJobRequest(name="n"), metadata=RANKING, timeout=60)
        cut = await refusal(stream.read())
        assert cut.code == "UNAVAILABLE"
        assert cut.message == "Too many pings"


async def test_one_principals_watches_are_bounded_and_others_go_on(start_gateway: StartGateway) -> None:
    gateway = await start_gateway(role="api", watches_per_principal=2)
    ranking, search = gateway.caller("ranking"), gateway.caller("search")
    watches = [ranking.watch_team() for _ in range(2)]
    for watch in watches:
        await watch.event()
    one_more = await refusal(ranking.watch_team().event())
    assert (one_more.code, one_more.reason) == ("RESOURCE_EXHAUSTED", "OVERLOADED")
    assert "dev:ranking has as many watches as it may" in one_more.message
    assert one_more.retry_after is not None
    assert await search.watch_team().event() is not None
    watches[0].call.cancel()
    while "batchjobs_watches 2.0" not in gateway.metrics():
        await ranking.list()
    assert await ranking.watch_team().event() is not None


async def test_a_teams_watches_are_bounded_whoever_opens_them(start_gateway: StartGateway) -> None:
    gateway = await start_gateway(role="api", watches=2, watches_per_principal=1)
    ranking, search = gateway.caller("ranking"), gateway.caller("search")
    assert await ranking.watch_team().event() is not None
    ranking.metadata = gateway.caller("operator").metadata
    one_more = await refusal(ranking.watch_team().event())
    assert (one_more.code, one_more.reason) == ("RESOURCE_EXHAUSTED", "OVERLOADED")
    assert "The team ranking has as many watches" in one_more.message
    assert await search.watch_team().event() is not None


async def test_probes_are_not_crowded_out_by_streams_on_their_listener(start_gateway: StartGateway) -> None:
    gateway = await start_gateway(role="api")
    async with grpc.aio.insecure_channel(f"127.0.0.1:{gateway.app.health_port}") as channel:
        stub: Any = health_pb2_grpc.HealthStub(channel)
        with pytest.raises(grpc.aio.AioRpcError) as refused_watch:
            await stub.Watch(health_pb2.HealthCheckRequest(), timeout=30).read()
        assert refused_watch.value.code() is grpc.StatusCode.UNIMPLEMENTED
        answer = await stub.Check(health_pb2.HealthCheckRequest(service="live"), timeout=30)
        assert answer.status == health_pb2.HealthCheckResponse.SERVING


async def test_probes_get_through_beside_calls_without_a_message(start_gateway: StartGateway) -> None:
    """More of them than the listener serves at a time, and nobody ends one."""
    gateway = await start_gateway(role="api")
    address = f"127.0.0.1:{gateway.app.health_port}"
    async with AsyncExitStack() as stack:
        channels = [
            await stack.enter_async_context(grpc.aio.insecure_channel(address, [("grpc.use_local_subchannel_pool", 1)]))
            for _ in range(13)
        ]
        silent: Any = [channel.stream_unary("/grpc.health.v1.Health/Check") for channel in channels[:12] * 10]
        held = [each(timeout=60) for each in silent]
        overtaken = asyncio.create_task(refusal(held[0]))
        assert (await overtaken).code in {"RESOURCE_EXHAUSTED", "DEADLINE_EXCEEDED"}
        stub: Any = health_pb2_grpc.HealthStub(channels[-1])
        answer = await stub.Check(health_pb2.HealthCheckRequest(service="live"), timeout=2)
        assert answer.status == health_pb2.HealthCheckResponse.SERVING
        for each in held:
            each.cancel()


async def test_a_probe_has_a_short_message_that_comes_soon(
    start_gateway: StartGateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(receiving, "NAMELESS_SECONDS", 0.1)
    gateway = await start_gateway(role="api")
    async with grpc.aio.insecure_channel(f"127.0.0.1:{gateway.app.health_port}") as channel:
        silent: Any = channel.stream_unary("/grpc.health.v1.Health/Check")
        assert (await refusal(silent(timeout=60))).code == "DEADLINE_EXCEEDED"
        stub: Any = health_pb2_grpc.HealthStub(channel)
        long = await refusal(stub.Check(health_pb2.HealthCheckRequest(service="x" * 1024), timeout=30))
        assert long.code == "RESOURCE_EXHAUSTED"


async def test_calls_in_flight_are_a_metric(start_gateway: StartGateway) -> None:
    gateway = await start_gateway(role="api")
    await gateway.caller("ranking").list()
    assert "batchjobs_calls_in_flight 0.0" in gateway.metrics()


def test_the_settings_reach_the_server() -> None:
    settings = Settings.read(
        {},
        {
            "name": "x",
            "policy": "p",
            "database_url": "postgresql://x",
            "insecure": True,
            "message_bytes": 70_000,
            "metadata_bytes": 9_000,
            "streams_per_connection": 7,
            "connection_age": "1d",
            "connection_idle": "2m",
            "ping_interval": "9s",
        },
    )
    found = Limits.of(settings)
    assert (found.message_bytes, found.metadata_bytes, found.streams) == (70_000, 9_000, 7)
    assert (found.connection_age, found.connection_idle, found.ping_interval) == (86_400, 120, 9)


def test_what_is_a_setting_has_its_default_there_alone() -> None:
    assert [each.name for each in fields(Limits) if each.default is not MISSING] == ["connection_grace", "handshake"]
    assert LIMITS.message_bytes == Settings.model_fields["message_bytes"].default
