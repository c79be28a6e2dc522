"""WatchBatchJobs over a real connection, on a real PostgreSQL."""

import asyncio

import grpc
import pytest
from google.protobuf import struct_pb2

from batchjobs.v1 import batch_jobs_pb2 as pb
from gateway.domain import states
from gateway.store import migrate
from support.caller import Caller, State, Watching, batch_job, read_refusal, refusal
from support.database import run_sql

FAR = "us-central1"


async def drain_to_sync(watch: Watching) -> tuple[list[pb.BatchJob], str]:
    """What comes before the marker, and the marker's token."""
    live = []
    while True:
        event = await watch.event()
        assert event is not None, "the watch has ended"
        if event.synced:
            assert event.WhichOneof("event") is None
            return live, event.resume_token
        live.append(event.batch_job if event.HasField("batch_job") else event.deleted)


async def change(watch: Watching) -> pb.WatchEvent:
    """The next change."""
    event = await watch.event()
    while event is not None and event.WhichOneof("event") not in {"batch_job", "deleted"}:
        event = await watch.event()
    assert event is not None, "the watch has ended"
    return event


async def ending(watch: Watching):
    """The refusal that ends a watch, whatever it sends before."""
    try:
        while await watch.event() is not None:
            pass
    except grpc.aio.AioRpcError as error:
        return read_refusal(error)
    raise AssertionError("the watch ended OK")


async def resumed(caller, token: str) -> tuple[list[tuple[str, int]], str]:
    """What a resumed watch is sent until it has caught up, as (name, state); a deletion has state -1."""
    watch = caller.watch_team(token)
    missed, token = await drain_to_sync(watch)
    watch.call.cancel()
    return [(each.name, getattr(each, "state", -1)) for each in missed], token


async def end(gateway, job) -> None:
    await gateway.move(job.name, states.State.SUBMITTING, states.State.RUNNING, states.State.SUCCEEDED)


async def test_it_begins_with_what_is_open_then_says_synced_then_sends_changes(gateway):
    caller = gateway.caller("ranking")
    ended, first, second = [await caller.create() for _ in range(3)]
    await end(gateway, ended)
    await gateway.caller("search").list()
    watch = caller.watch_team()
    live, token = await drain_to_sync(watch)
    assert [(job.name, job.state) for job in live] == [(first.name, State.QUEUED), (second.name, State.QUEUED)]
    assert token
    await caller.cancel(first.name)
    event = await change(watch)
    assert (event.batch_job.name, event.batch_job.state) == (first.name, State.CANCELLED)
    assert event.synced
    assert event.resume_token not in {"", token}
    third = await caller.create()
    assert (await change(watch)).batch_job.name == third.name


async def test_a_team_without_batch_jobs_is_synced_at_once(gateway):
    watch = gateway.caller("ranking").watch_team()
    assert (await drain_to_sync(watch))[0] == []
    job = await gateway.caller("ranking").create()
    assert (await change(watch)).batch_job.name == job.name


async def test_nothing_can_be_resumed_from_before_it_was_synced(gateway):
    """Whoever came back with such a token would never be sent the rest of the open ones."""
    caller = gateway.caller("ranking")
    for _ in range(3):
        await caller.create()
    watch = caller.watch_team()
    before = [await watch.event() for _ in range(3)]
    assert {(event.resume_token, event.synced) for event in before} == {("", False)}


async def test_more_open_ones_than_a_page_holds_all_come(gateway, monkeypatch):
    monkeypatch.setattr("gateway.service.hub.PAGE", 2)
    caller = gateway.caller("ranking")
    jobs = [await caller.create() for _ in range(7)]
    live, _ = await drain_to_sync(caller.watch_team())
    assert [job.name for job in live] == [job.name for job in jobs]


async def test_waiting_is_shown_as_in_a_get(gateway):
    await gateway.lead()
    caller = gateway.caller("ranking")
    job = await caller.create()
    (live,), _ = await drain_to_sync(caller.watch_team())
    shown = await caller.get(job.name)
    assert (live.waiting.reason, live.waiting.position) == (shown.waiting.reason, shown.waiting.position)


async def test_another_teams_changes_are_not_sent(gateway):
    caller, other = gateway.caller("ranking"), gateway.caller("search")
    watch = caller.watch_team()
    await drain_to_sync(watch)
    await other.create(
        batch_job(
            gcs_source=pb.GcsSource(uri="gs://search-in/rows.jsonl"),
            gcs_destination=pb.GcsDestination(output_uri_prefix="gs://search-out/x"),
            region=None,
        )
    )
    job = await caller.create()
    assert (await change(watch)).batch_job.name == job.name


async def test_a_delete_is_told_while_watching(gateway):
    caller = gateway.caller("ranking")
    job = await caller.create()
    watch = caller.watch_team()
    await drain_to_sync(watch)
    await caller.cancel(job.name)
    cancelled = await change(watch)
    await caller.delete(job.name)
    event = await change(watch)
    assert event.deleted.name == job.name
    assert event.deleted.revision == cancelled.batch_job.revision + 1


async def test_who_resumes_is_sent_the_latest_state_of_all_that_changed_deletions_included(gateway):
    caller = gateway.caller("ranking")
    unchanged, moved, gone = [await caller.create() for _ in range(3)]
    _, token = await drain_to_sync(caller.watch_team())
    await end(gateway, moved)
    await caller.cancel(gone.name)
    await caller.delete(gone.name)
    new = await caller.create()
    missed, token = await resumed(caller, token)
    assert missed == [(moved.name, State.SUCCEEDED), (gone.name, -1), (new.name, State.QUEUED)]
    assert unchanged.name not in dict(missed)
    assert await resumed(caller, token) == ([], token)


async def test_any_token_on_the_way_can_be_resumed_from(gateway, monkeypatch):
    """P5: whatever the place at which a watch broke off, every latest state after it comes."""
    monkeypatch.setattr("gateway.service.hub.PAGE", 2)
    monkeypatch.setattr("gateway.service.stretch.Tail.MOST", 2)
    caller = gateway.caller("ranking")
    _, token = await drain_to_sync(caller.watch_team())
    jobs = [await caller.create() for _ in range(4)]
    tokens = [token]
    watch = caller.watch_team(token)
    for job in jobs:
        event = await change(watch)
        assert event.batch_job.name == job.name
        tokens.append(event.resume_token)
    await caller.cancel(jobs[1].name)
    for place, each in enumerate(tokens):
        missed, _ = await resumed(caller, each)
        queued = [(job.name, State.QUEUED) for job in jobs[place:] if job is not jobs[1]]
        assert missed == [*queued, (jobs[1].name, State.CANCELLED)]


async def test_a_watch_goes_on_at_another_replica_and_after_a_restart(start_gateway):
    """The other replica may not have heard of the commit yet that the token already tells of."""
    one, other = await start_gateway(role="api"), await start_gateway(role="api")
    caller = one.caller("ranking")
    watch = caller.watch_team()
    await drain_to_sync(watch)
    job = await caller.create()
    token = (await change(watch)).resume_token
    assert await resumed(other.caller("ranking"), token) == ([], token)
    await caller.cancel(job.name)
    await one.app.stop()
    assert (await ending(watch)).code == "UNAVAILABLE"
    again = await start_gateway(role="api")
    assert (await resumed(again.caller("ranking"), token))[0] == [(job.name, State.CANCELLED)]


async def test_another_replicas_commits_reach_the_watchers(start_gateway):
    one, other = await start_gateway(role="api"), await start_gateway(role="api")
    watch = other.caller("ranking").watch_team()
    await drain_to_sync(watch)
    job = await one.caller("ranking").create()
    assert (await change(watch)).batch_job.name == job.name


@pytest.mark.parametrize("token", ["x", "====", "\0", "a" * 5000, "MQ"])
async def test_a_garbled_token_is_invalid(gateway, token):
    refused = await refusal(gateway.caller("ranking").watch_team(token).event())
    assert (refused.code, refused.reason) == ("INVALID_ARGUMENT", "INVALID_SPEC")
    assert refused.fields == {"resume_token": {"RESUME_TOKEN_FORM"}}


async def test_another_teams_token_is_invalid(gateway):
    _, token = await drain_to_sync(gateway.caller("ranking").watch_team())
    refused = await refusal(gateway.caller("search").watch_team(token).event())
    assert refused.fields == {"resume_token": {"RESUME_TOKEN_TEAM"}}


async def test_a_token_of_the_store_before_a_restore_has_expired(gateway):
    caller = gateway.caller("ranking")
    await caller.create()
    _, token = await drain_to_sync(caller.watch_team())
    await migrate.restored(gateway.database_url)
    refused = await refusal(caller.watch_team(token).event())
    assert (refused.code, refused.reason) == ("OUT_OF_RANGE", "RESUME_TOKEN_EXPIRED")
    assert "List" in refused.message


async def test_a_token_that_is_ahead_of_its_team_has_expired(gateway):
    """A backup that was restored without saying so, for one."""
    caller = gateway.caller("ranking")
    await caller.create()
    _, token = await drain_to_sync(caller.watch_team())
    await run_sql(gateway.database_url, "UPDATE teams SET revision = 0")
    refused = await refusal(caller.watch_team(token).event())
    assert (refused.code, refused.reason) == ("OUT_OF_RANGE", "RESUME_TOKEN_EXPIRED")


async def test_a_token_from_before_a_purged_delete_has_expired(gateway):
    caller = gateway.caller("ranking")
    watch = caller.watch_team()
    _, old = await drain_to_sync(watch)
    await caller.create()
    young = (await change(watch)).resume_token
    await run_sql(gateway.database_url, "UPDATE teams SET purged_revision = 1")
    watch.call.cancel()
    assert (await refusal(caller.watch_team(old).event())).reason == "RESUME_TOKEN_EXPIRED"
    assert (await resumed(caller, young))[0] == []


async def test_a_store_that_is_restored_under_a_watch_ends_it(start_gateway):
    gateway = await start_gateway(role="api", driven=True)
    caller = gateway.caller("ranking")
    watch = caller.watch_team()
    await drain_to_sync(watch)
    await caller.create()
    await change(watch)
    await migrate.restored(gateway.database_url)
    refused = await gateway.advance_until(ending(watch))
    assert refused.reason == "RESUME_TOKEN_EXPIRED"
    again = caller.watch_team()
    assert len((await drain_to_sync(again))[0]) == 1


async def test_an_operator_watches_any_team_but_not_all_at_once(gateway):
    job = await gateway.caller("ranking").create()
    (live,), _ = await drain_to_sync(gateway.caller("operator", "ranking").watch_team())
    assert live.name == job.name
    refused = await refusal(gateway.caller("operator", "-").watch_team().event())
    assert refused.fields == {"parent": {"PARENT_FORM"}}


async def test_another_team_is_forbidden_whatever_the_token(gateway):
    for token in ("", "x"):
        refused = await refusal(gateway.caller("search", "ranking").watch_team(token).event())
        assert refused.reason == "TEAM_FORBIDDEN"


async def test_it_ends_when_the_policy_takes_the_right_away(start_gateway):
    gateway = await start_gateway(role="api", driven=True)
    watch = gateway.caller("ranking").watch_team()
    await drain_to_sync(watch)
    await gateway.set_policy(lambda policy: policy["teams"].pop("ranking"))
    refused = await ending(watch)
    assert (refused.code, refused.reason) == ("PERMISSION_DENIED", "TEAM_FORBIDDEN")


async def test_a_drain_ends_it_with_a_word_about_coming_again(start_gateway):
    gateway = await start_gateway(role="api", driven=True)
    watch = gateway.caller("ranking").watch_team()
    await drain_to_sync(watch)
    gateway.app.drain.begin()
    refused = await ending(watch)
    assert (refused.code, refused.reason) == ("UNAVAILABLE", "DRAINING")
    assert refused.retry_after
    assert refused.pushback > 0


async def test_silence_brings_heartbeats_with_a_token_and_the_age_limit_the_end(start_gateway):
    gateway = await start_gateway(role="api", driven=True, watch_heartbeat="30s", watch_age="100s")
    caller = gateway.caller("ranking")
    watch = caller.watch_team()
    _, token = await drain_to_sync(watch)
    began = gateway.time.boottime()
    for _ in range(3):
        event = await gateway.advance_until(watch.event(), 10)
        assert event.HasField("heartbeat")
        assert (event.resume_token, event.synced) == (token, True)
    refused = await gateway.advance_until(ending(watch), 10)
    assert (refused.code, refused.reason) == ("UNAVAILABLE", "DRAINING")
    assert refused.retry_after
    assert 100 <= gateway.time.boottime() - began <= 120


async def test_one_watch_too_many_of_either_kind_is_overloaded(start_gateway):
    gateway = await start_gateway(role="api", watches=2)
    caller = gateway.caller("ranking")
    job = await caller.create()
    single, team = caller.watch(job.name), caller.watch_team()
    await single.job()
    await drain_to_sync(team)
    for call in (caller.watch_team(), caller.watch(job.name)):
        assert (await refusal(call.event())).reason == "OVERLOADED"


async def test_a_store_that_is_away_ends_it_as_unavailable(gateway, monkeypatch):
    caller = gateway.caller("ranking")
    watches = [caller.watch_team() for _ in range(3)]
    for watch in watches:
        await drain_to_sync(watch)
    reads = gateway.app.use_cases.watch_team._hubs._reads
    monkeypatch.setattr(reads, "changes", reads.feed)
    monkeypatch.setattr(reads._connections, "session", gateway.app.core.database.lease.session)
    await gateway.app.core.database.lease.close(0)
    gateway.app.core.feed.hint("ranking", 1)
    for watch in watches:
        refused = await ending(watch)
        assert (refused.code, refused.reason) == ("UNAVAILABLE", "STORE_UNAVAILABLE")


async def test_a_thousand_watchers_share_what_is_read(gateway):
    """One read per revision, and one for all who begin at the same time, however many watch."""
    caller, read = gateway.caller("ranking"), []
    await caller.create()
    database = gateway.app.core.database.api
    database._timed = lambda op, *_: read.append(op)
    watches = [caller.watch_team() for _ in range(1000)]
    await asyncio.gather(*(drain_to_sync(watch) for watch in watches))
    assert (read.count("feed"), read.count("live"), read.count("changes")) == (1, 1, 0)
    # The watches are as many streams as one connection may have: a call on the same one would wait for ever.
    own = (("grpc.use_local_subchannel_pool", 1),)
    async with grpc.aio.insecure_channel(gateway.app.api_target, options=own) as channel:
        job = await Caller(channel, "ranking").create()
    events = await asyncio.gather(*(change(watch) for watch in watches))
    assert {event.batch_job.name for event in events} == {job.name}
    assert 1 <= read.count("changes") <= 2
    for watch in watches:
        watch.call.cancel()


async def test_a_watcher_that_does_not_read_holds_up_nobody_and_later_gets_the_latest_states(gateway):
    """What it was sent waits in its own connection's window; of the rest it gets each batch job once."""
    caller, parameters, rounds = gateway.caller("ranking"), struct_pb2.Struct(), 8
    parameters.update({"text": "x" * 10_000})
    jobs = [await caller.create(batch_job(model_parameters=parameters)) for _ in range(20)]
    # A window that does not grow with the connection's speed, as the reader's next to it would have it do.
    window = (("grpc.http2.lookahead_bytes", 65_536), ("grpc.http2.bdp_probe", 0))
    async with grpc.aio.insecure_channel(gateway.app.api_target, options=window) as channel:
        idle, reading = Caller(channel, "ranking").watch_team(), caller.watch_team()
        await drain_to_sync(idle)
        await drain_to_sync(reading)
        for job in jobs * rounds:
            changed = await gateway.change(job.name, lambda row, now: row.evolve(update_time=now))
            assert (await change(reading)).batch_job.revision == changed.revision
        seen = [(await change(idle)).batch_job.revision]
        while seen[-1] < changed.revision:
            seen.append((await change(idle)).batch_job.revision)
    assert seen == sorted(seen)
    assert len(seen) < len(jobs) * rounds / 2
    assert seen[-len(jobs) :] == list(range(changed.revision - len(jobs) + 1, changed.revision + 1))
