"""WatchBatchJob over a real connection."""

import asyncio

import grpc
import pytest

from gateway.domain import states
from support.caller import State, read_refusal, refusal


async def ending(watch):
    """The refusal that ends a watch, whatever it sends before."""
    try:
        while await watch.event() is not None:
            pass
    except grpc.aio.AioRpcError as error:
        return read_refusal(error)
    raise AssertionError("the watch ended OK")


def open_watches(gateway) -> float:
    [line] = [line for line in gateway.metrics().splitlines() if line.startswith("batchjobs_watches ")]
    return float(line.split()[1])


async def test_a_watch_begins_with_now_and_ends_ok_after_the_end(gateway):
    caller = gateway.caller("ranking")
    job = await caller.create()
    watch = caller.watch(job.name)
    assert (await watch.job()).state == State.QUEUED
    for state in (states.State.SUBMITTING, states.State.PENDING, states.State.RUNNING, states.State.SUCCEEDED):
        await gateway.move(job.name, state)
        assert (await watch.until(State.Value(state))).name == job.name
    assert await watch.event() is None
    assert open_watches(gateway) == 0


async def test_the_watch_of_an_ended_batch_job_is_one_message(gateway):
    caller = gateway.caller("ranking")
    job = await caller.create()
    await caller.cancel(job.name)
    watch = caller.watch(job.name)
    event = await watch.event()
    assert event.synced
    assert event.batch_job.state == State.CANCELLED
    assert await watch.event() is None


async def test_a_cancel_reaches_the_watchers(gateway):
    caller = gateway.caller("ranking")
    job = await caller.create()
    watch = caller.watch(job.name)
    await watch.job()
    await caller.cancel(job.name)
    assert (await watch.until(State.CANCELLED)).state == State.CANCELLED


async def test_another_replicas_changes_reach_the_watchers(start_gateway):
    one, other = await start_gateway(role="api"), await start_gateway(role="api")
    job = await one.caller("ranking").create()
    watch = other.caller("ranking").watch(job.name)
    await watch.job()
    await one.caller("ranking").cancel(job.name)
    assert (await watch.until(State.CANCELLED)).state == State.CANCELLED


async def test_a_watch_of_nothing_is_not_found(gateway):
    watch = gateway.caller("ranking").watch("teams/ranking/batchJobs/123456789012345678")
    assert (await refusal(watch.event())).reason == "NOT_FOUND"


async def test_a_watch_of_another_teams_batch_job_is_forbidden(gateway):
    job = await gateway.caller("ranking").create()
    assert (await refusal(gateway.caller("search").watch(job.name).event())).reason == "TEAM_FORBIDDEN"


async def test_a_watch_ends_when_the_policy_takes_the_right_away(start_gateway):
    """At once: time stands still here, so no timer can have ended it."""
    gateway = await start_gateway(role="api", driven=True)
    caller = gateway.caller("ranking")
    watch = caller.watch((await caller.create()).name)
    await watch.job()
    await gateway.set_policy(lambda policy: policy["teams"].pop("ranking"))
    refused = await ending(watch)
    assert (refused.code, refused.reason) == ("PERMISSION_DENIED", "TEAM_FORBIDDEN")


async def test_a_policy_change_that_leaves_the_right_leaves_the_watch(gateway):
    caller = gateway.caller("ranking")
    job = await caller.create()
    watch = caller.watch(job.name)
    await watch.job()
    await gateway.set_policy(lambda policy: policy["teams"].pop("search"))
    await caller.cancel(job.name)
    assert (await watch.until(State.CANCELLED)).name == job.name


async def test_a_drain_ends_watches_with_a_word_about_coming_again(start_gateway):
    gateway = await start_gateway(role="api", driven=True)
    caller = gateway.caller("ranking")
    watch = caller.watch((await caller.create()).name)
    await watch.job()
    gateway.app.drain.begin()
    refused = await ending(watch)
    assert (refused.code, refused.reason) == ("UNAVAILABLE", "DRAINING")
    assert refused.retry_after
    assert refused.pushback > 0


async def test_one_watch_too_many_is_overloaded(start_gateway):
    gateway = await start_gateway(role="api", watches=1)
    caller = gateway.caller("ranking")
    job = await caller.create()
    first = caller.watch(job.name)
    await first.job()
    refused = await refusal(caller.watch(job.name).event())
    assert (refused.code, refused.reason) == ("RESOURCE_EXHAUSTED", "OVERLOADED")
    assert open_watches(gateway) == 1


async def test_a_watch_that_its_reader_drops_is_closed(gateway):
    caller = gateway.caller("ranking")
    closed = asyncio.Event()
    metrics = gateway.app.metrics.rpcs
    count_closed = metrics.watch_closed

    def watch_closed():
        count_closed()
        closed.set()

    metrics.watch_closed = watch_closed
    watch = caller.watch((await caller.create()).name)
    await watch.job()
    watch.call.cancel()
    await closed.wait()
    assert open_watches(gateway) == 0


@pytest.mark.parametrize("watchers", [25])
async def test_many_watchers_of_one_batch_job_all_see_its_end(gateway, watchers):
    caller = gateway.caller("ranking")
    job = await caller.create()
    watches = [caller.watch(job.name) for _ in range(watchers)]
    await asyncio.gather(*(watch.job() for watch in watches))
    await caller.cancel(job.name)
    ends = await asyncio.gather(*(watch.until(State.CANCELLED) for watch in watches))
    assert len(ends) == watchers
