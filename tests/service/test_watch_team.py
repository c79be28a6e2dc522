"""The watch of a team at the pace of readers that a test plays, and its hub between commits."""

import asyncio
import tracemalloc
from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, aclosing
from dataclasses import replace

import pytest

from gateway.domain.states import State
from gateway.errors import GatewayError, Reason
from gateway.identity.principal import Principal
from gateway.service import hub as hubs
from gateway.service.hub import Hub
from gateway.service.resume_tokens import ResumePoint
from gateway.service.watch_team import TeamEvent
from support.caller import batch_job

RANKING = Principal("dev:ranking")
READERS = 10_000


class Reader:
    """Reads one watch of team ranking, an event at a time."""

    def __init__(self, gateway, token: str = "") -> None:
        self.events: AsyncGenerator[TeamEvent, None] = gateway.app.use_cases.watch_team(RANKING, "ranking", token)

    async def next(self) -> TeamEvent:
        return await anext(self.events)

    async def change(self) -> TeamEvent:
        """The next message that shows a batch job."""
        while not isinstance((event := await self.next()).what, hubs.Shown):
            pass
        return event

    async def synced(self) -> TeamEvent:
        while not (event := await self.next()).synced:
            pass
        return event


@pytest.fixture
async def hub(gateway) -> Hub:
    """A hub that nobody has joined."""
    watch = gateway.app.use_cases.watch_team
    async with AsyncExitStack() as stack:
        yield stack.enter_context(watch._hubs.joined("ranking"))


def reads_of(gateway) -> list[str]:
    """What is read of the store from now on."""
    read: list[str] = []
    gateway.app.core.database.api._timed = lambda op, *_: read.append(op)
    return read


async def test_a_slow_reader_gets_the_latest_state_once(gateway):
    caller, reader = gateway.caller("ranking"), Reader(gateway)
    async with aclosing(reader.events):
        await reader.synced()
        job = await caller.create()
        assert (await reader.change()).what.view.job.state is State.QUEUED
        await gateway.move(job.name, State.SUBMITTING, State.PENDING, State.RUNNING)
        other = await caller.create()
        seen = [(await reader.change()).what.view.job for _ in range(2)]
    assert [(each.name, each.state) for each in seen] == [(job.name, State.RUNNING), (other.name, State.QUEUED)]
    history = [entry.state for entry in seen[0].transitions]
    assert history == [State.QUEUED, State.SUBMITTING, State.PENDING, State.RUNNING]


async def test_one_that_fell_behind_what_the_hub_holds_misses_nothing(gateway, monkeypatch):
    """And is not sent what it will be sent anew anyway."""
    monkeypatch.setattr("gateway.service.stretch.Tail.MOST", 3)
    monkeypatch.setattr(hubs, "PAGE", 2)
    caller = gateway.caller("ranking")
    slow, quick = Reader(gateway), Reader(gateway)
    async with aclosing(slow.events), aclosing(quick.events):
        await slow.synced()
        await quick.synced()
        jobs = []
        for _ in range(8):
            jobs.append(await caller.create())
            await quick.change()
        await caller.cancel(jobs[2].name)
        await quick.change()
        seen = [(await slow.change()).what.view.job for _ in range(8)]
    left = [job.name for job in jobs if job is not jobs[2]]
    assert [each.name for each in seen] == [*left, jobs[2].name]
    assert seen[-1].state is State.CANCELLED


async def test_ten_thousand_readers_share_what_is_read(start_gateway):
    """One who never reads holds nothing of what the others are shown."""
    gateway = await start_gateway(role="api", watches=READERS, watches_per_principal=READERS)
    caller = gateway.caller("ranking")
    await caller.create()
    readers = [Reader(gateway) for _ in range(READERS)]
    for reader in readers:
        await reader.synced()
    read = reads_of(gateway)
    waiting = [asyncio.ensure_future(reader.change()) for reader in readers[1:]]
    await asyncio.sleep(0)
    job = await caller.create()
    events = await asyncio.gather(*waiting)
    assert {event.what.view.job.name for event in events} == {job.name}
    assert len({id(event.what) for event in events}) == 1, "everyone is shown the same object, written once"
    assert 1 <= read.count("changes") <= 2
    assert (await readers[0].change()).what.view.job.name == job.name
    for reader in readers:
        await reader.events.aclose()
    assert not gateway.app.use_cases.watch_team._hubs._hubs


async def test_all_who_wait_for_why_it_waits_are_shown_one_object(gateway, hub, monkeypatch):
    """However long that takes to say: they would each write the same message anew."""
    await gateway.caller("ranking").create()
    job = await hub.next_live(0, await hub.begin())
    asked, answer, view = asyncio.Event(), asyncio.Event(), hub._explainer.view

    async def slow(job):
        asked.set()
        await answer.wait()
        return await view(job)

    monkeypatch.setattr(hub._explainer, "view", slow)
    waiting = [asyncio.ensure_future(hub.shown(job)) for _ in range(5)]
    await asked.wait()
    answer.set()
    first, *others = await asyncio.gather(*waiting)
    assert all(other is first for other in others)


async def test_what_a_reader_costs_does_not_grow_with_what_it_does_not_read(start_gateway):
    gateway = await start_gateway(role="api")
    caller = gateway.caller("ranking")
    jobs = [await caller.create(batch_job(labels={"n": "x" * 60})) for _ in range(20)]
    readers = [Reader(gateway) for _ in range(200)]
    for reader in readers:
        await reader.next()
    tracemalloc.start()
    for job in jobs:
        await gateway.move(job.name, State.SUBMITTING, State.PENDING, State.RUNNING)
    grown, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert grown / len(readers) < 2000
    for reader in readers:
        await reader.events.aclose()


async def test_a_live_stretch_from_before_a_reader_began_is_not_shown_to_it(gateway, monkeypatch):
    """What was created in between stands neither in the old stretch nor among the changes that follow."""
    monkeypatch.setattr(hubs, "PAGE", 1)
    watch, caller = gateway.app.use_cases.watch_team, gateway.caller("ranking")
    first = await caller.create()
    with watch._hubs.joined("ranking") as hub:
        began = await hub.begin()
        assert (await hub.next_live(0, began)).name == first.name
        last = (await hub.next_live(0, began)).id
        assert await hub.next_live(last, began) is None
        second = await caller.create()
        # A reader that began by the newer of two stretches, while the older one of the end is fresh still.
        assert (await hub.next_live(last, began + 1)).name == second.name


async def test_a_reader_at_a_revision_that_was_purged_meanwhile_is_told(gateway, hub):
    caller = gateway.caller("ranking")
    jobs = [await caller.create() for _ in range(2)]
    await hub.begin()
    await gateway.sql("UPDATE teams SET purged_revision = 2")
    with pytest.raises(GatewayError) as ended:
        await hub.next_change(0)
    assert ended.value.reason is Reason.RESUME_TOKEN_EXPIRED
    assert len(jobs) == 2


async def test_a_hub_that_slept_through_a_purge_ends_its_watches(gateway, hub):
    """A machine that was suspended for days: its hub must not go on as if it had heard of every delete."""
    caller = gateway.caller("ranking")
    await hub.begin()
    await caller.create()
    await gateway.sql("UPDATE teams SET purged_revision = 1")
    with pytest.raises(GatewayError) as ended:
        await hub.next_change(0)
    assert ended.value.reason is Reason.RESUME_TOKEN_EXPIRED
    assert hub.lost
    with gateway.app.use_cases.watch_team._hubs.joined("ranking") as fresh:
        assert fresh is not hub
        assert await fresh.begin() == 1


async def test_a_token_ahead_of_what_this_replica_has_heard_is_looked_up(gateway, hub):
    """Whoever resumes here may come from a replica that knows more: only the store says that a token is ahead."""
    await hub.begin()
    await gateway.sql("INSERT INTO teams (team, revision) VALUES ('ranking', 5)")
    incarnation = hub._at.incarnation
    await hub.resume(ResumePoint(incarnation, 5))
    with pytest.raises(GatewayError, match="ahead"):
        await hub.resume(ResumePoint(incarnation, 6))
    with pytest.raises(GatewayError, match="backup"):
        await hub.resume(ResumePoint("0" * 32, 1))


async def test_reads_that_many_wait_for_fail_for_all_of_them_and_are_tried_again(gateway, hub, monkeypatch):
    await hub.begin()
    changes, tried = hub._reads.changes, []

    async def away(*_args):
        tried.append("read")
        raise GatewayError(Reason.STORE_UNAVAILABLE, "It is away.")

    monkeypatch.setattr(hub._reads, "changes", away)
    gateway.app.core.feed.hint("ranking", 1)
    outcomes = await asyncio.gather(*(hub.next_change(0) for _ in range(50)), return_exceptions=True)
    assert {type(each) for each in outcomes} == {GatewayError}
    assert len(tried) <= 2
    monkeypatch.setattr(hub._reads, "changes", changes)
    job = await gateway.caller("ranking").create()
    assert (await hub.next_change(0)).name == job.name


async def test_why_it_waits_is_not_older_than_a_second(start_gateway):
    gateway = await start_gateway(role="api", driven=True)
    await gateway.caller("ranking").create()
    with gateway.app.use_cases.watch_team._hubs.joined("ranking") as hub:
        job = await hub.next_live(0, await hub.begin())
        shown = await hub.shown(job)
        assert await hub.shown(job) is shown
        await gateway.advance(1)
        later = await hub.shown(job)
        assert later is not shown
        assert later.view.waiting.as_of_time > shown.view.waiting.as_of_time
        assert await hub.shown(replace(job, revision=job.revision + 1)) is not later
