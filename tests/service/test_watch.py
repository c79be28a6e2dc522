"""Watch, at the pace of a reader that a test plays, on a driven clock."""

import asyncio

import pytest

from gateway.domain.states import State
from gateway.errors import GatewayError, Reason
from gateway.identity.principal import Principal
from gateway.service.pace import Pace
from gateway.service.view import View
from gateway.service.watching import Heartbeat

RANKING = Principal("dev:ranking")


class Reader:
    """Reads one watch, an event at a time."""

    def __init__(self, gateway, name: str) -> None:
        team, number = name.split("/")[1::2]
        self.name, self._gateway = name, gateway
        self._events = gateway.app.use_cases.watch(RANKING, team, int(number))

    async def next(self):
        return await anext(self._events)

    async def until(self, state: State):
        """The first event that shows the batch job in this state."""
        while (seen := await self.next()).job.state is not state:
            pass
        return seen

    async def after(self, seconds: float):
        """The event that comes because time passes, in steps of so many seconds."""
        return await self._gateway.advance_until(self.next(), seconds)

    async def close(self):
        await self._events.aclose()


async def heard_of_all(gateway) -> None:
    """Return once watches were told of everything that is committed now: changes are told in their order."""
    last = Reader(gateway, (await gateway.caller("ranking").create()).name)
    await last.next()
    await gateway.move(last.name, State.CANCELLED)
    await last.until(State.CANCELLED)
    await last.close()


@pytest.fixture
async def stopped(start_gateway):
    """A gateway whose time stands still."""
    return await start_gateway(role="api", driven=True)


@pytest.fixture
async def job(stopped):
    return await stopped.caller("ranking").create()


@pytest.fixture
async def reader(stopped, job):
    reading = Reader(stopped, job.name)
    yield reading
    await reading.close()


async def test_a_slow_reader_gets_the_latest_state_and_what_lay_between(stopped, job, reader):
    attentive = Reader(stopped, job.name)
    assert (await reader.next()).job.state is (await attentive.next()).job.state is State.QUEUED
    await stopped.move(job.name, State.SUBMITTING, State.PENDING, State.RUNNING)
    await attentive.until(State.RUNNING)
    await attentive.close()
    seen = await reader.next()
    assert seen.job.state is State.RUNNING
    assert [entry.state for entry in seen.job.transitions][-3:] == [State.SUBMITTING, State.PENDING, State.RUNNING]


async def test_a_reader_that_reads_on_makes_room_for_others(stopped, job, reader):
    stopped.app.use_cases.watch._herald.pace = Pace(at_once=1, patience=3600)
    other = Reader(stopped, (await stopped.caller("ranking").create()).name)
    for each in (reader, other):
        await each.next()
    for each in (reader, other):
        await stopped.move(each.name, State.SUBMITTING)
    await reader.until(State.SUBMITTING)
    reading_on = asyncio.ensure_future(reader.next())
    await other.until(State.SUBMITTING)
    reading_on.cancel()
    await asyncio.wait([reading_on])
    await other.close()


async def test_thirty_silent_seconds_bring_a_heartbeat(stopped, job, reader):
    await reader.next()
    await stopped.move(job.name, State.SUBMITTING, State.RUNNING)
    await reader.until(State.RUNNING)
    assert isinstance(await reader.after(30), Heartbeat)
    assert isinstance(await reader.after(30), Heartbeat)


async def test_what_is_deleted_while_the_reader_is_busy_is_not_found(stopped, job, reader):
    await reader.next()
    caller = stopped.caller("ranking")
    await caller.cancel(job.name)
    await caller.delete(job.name)
    await heard_of_all(stopped)
    with pytest.raises(GatewayError) as ended:
        await reader.next()
    assert ended.value.reason is Reason.NOT_FOUND


async def test_the_reason_for_waiting_is_refreshed_without_a_revision(stopped, job, reader):
    """A leader that is there again is no change of the batch job or of the policy: only looking again shows it."""
    before, began = await reader.next(), stopped.time.boottime()
    assert before.waiting.reason == "NO_LEADER"
    await stopped.lead()
    seen = await reader.after(3)
    while isinstance(seen, View) and seen.waiting == before.waiting:
        seen = await reader.after(3)
    assert seen.waiting.reason == "DISPATCHING"
    assert seen.job.revision == before.job.revision
    assert stopped.time.boottime() - began < 15


async def test_a_watch_ends_at_its_age_limit_with_a_word_about_coming_again(start_gateway):
    gateway = await start_gateway(role="api", driven=True, watch_age="20s")
    reader = Reader(gateway, (await gateway.caller("ranking").create()).name)
    await reader.next()
    began = gateway.time.boottime()
    with pytest.raises(GatewayError, match="age limit") as ended:
        await reader.after(5)
    assert ended.value.reason is Reason.DRAINING
    assert ended.value.retry_after
    assert gateway.time.boottime() - began >= 20


async def test_a_store_that_is_away_ends_the_watch_as_unavailable(stopped, job, reader, monkeypatch):
    await reader.next()

    async def away(*_args):
        raise GatewayError(Reason.STORE_UNAVAILABLE, "It is away.")

    for read in ("get", "news"):
        monkeypatch.setattr(stopped.app.use_cases.watch._herald._reads, read, away)
    await stopped.move(job.name, State.SUBMITTING)
    with pytest.raises(GatewayError) as ended:
        await reader.next()
    assert ended.value.reason is Reason.STORE_UNAVAILABLE


async def test_who_may_not_watch_any_longer_is_told_so_also_past_the_age_limit(start_gateway):
    """Its reader took nothing meanwhile: DRAINING would have it come again."""
    gateway = await start_gateway(role="api", driven=True, watch_age="20s")
    reader = Reader(gateway, (await gateway.caller("ranking").create()).name)
    await reader.next()
    await gateway.set_policy(lambda policy: policy["teams"].pop("ranking"))
    await gateway.advance(30)
    with pytest.raises(GatewayError) as ended:
        await reader.next()
    assert ended.value.reason is Reason.TEAM_FORBIDDEN
