"""Turns between teams: over real connections where calls meet, and alone where a clock or a cancellation counts."""

import asyncio
from collections.abc import Callable
from contextlib import nullcontext
from typing import Any

import pytest

from api.served import RANKING, Served, serving
from api.test_limits import Held
from batchjobs.v1 import batch_jobs_pb2 as pb
from gateway.api.call import Call
from gateway.api.interceptors import lines as module
from gateway.api.interceptors.lines import RECENT_SECONDS
from gateway.api.interceptors.turns import Share, Turns, whose_turns
from gateway.identity.development import OPERATOR
from gateway.identity.principal import Principal
from support.caller import refusal
from support.gateway import StartGateway

ADS = (("x-batchjobs-team", "ads"),)
TWO = Share(creates=1, others=2, waiting=3, alone=20)


@pytest.fixture(autouse=True)
def no_team_falls_silent(monkeypatch: pytest.MonkeyPatch) -> None:
    """However slow the machine is."""
    monkeypatch.setattr(module, "RECENT_SECONDS", float("inf"))


async def watching(_request: Any, context: Any) -> None:
    await context.write(pb.WatchEvent(resume_token="t"))
    await context.write(pb.WatchEvent(resume_token="u"))
    await asyncio.Event().wait()


def waiting(served: Served) -> float:
    return served.gauge("batchjobs_calls_waiting")


async def until_waiting(served: Served, many: int) -> None:
    while waiting(served) != many:  # noqa: ASYNC110 - nothing tells of a call that waits but the metric
        await asyncio.sleep(0)


async def called_by_ads(served: Served, held: Held) -> "asyncio.Task[pb.BatchJob]":
    """A call of another team, under way: from then on turns count."""
    call = asyncio.create_task(served.get(metadata=ADS))
    await held.began.get()
    return call


async def both_under_way(served: Served, held: Held) -> "list[asyncio.Task[pb.BatchJob]]":
    """One call of another team, and as many of ranking as it has beside it: its next one waits."""
    calls = [await called_by_ads(served, held)]
    calls += [asyncio.create_task(served.get()) for _ in range(TWO.others)]
    for _ in range(TWO.others):
        await held.began.get()
    return calls


async def test_beside_another_team_a_team_has_its_share_under_way_and_the_rest_waits() -> None:
    held = Held()
    async with serving(share=TWO, GetBatchJob=held) as served:
        other = await called_by_ads(served, held)
        calls = [asyncio.create_task(served.get(f"{number}")) for number in range(4)]
        for _ in range(2):
            await held.began.get()
        await until_waiting(served, 2)
        more = asyncio.create_task(served.get(metadata=ADS))
        await held.began.get()  # The line of one team does not stand before another's call.
        assert (waiting(served), held.began.empty()) == (2, True)
        held.go.set()
        await asyncio.gather(other, more, *calls)
        assert waiting(served) == 0


async def test_a_team_that_calls_alone_is_not_held_back() -> None:
    held = Held()
    async with serving(share=TWO, GetBatchJob=held) as served:
        calls = [asyncio.create_task(served.get()) for _ in range(20)]
        for _ in calls:
            await held.began.get()
        held.go.set()
        await asyncio.gather(*calls)


async def test_creates_and_other_calls_do_not_wait_for_each_other() -> None:
    held, creating = Held(), Held()

    async def create(_request: Any, context: Any) -> pb.BatchJob:
        return await creating(pb.BatchJob(name="n"), context)

    async with serving(share=TWO, GetBatchJob=held, CreateBatchJob=create) as served:
        request = pb.CreateBatchJobRequest(parent="teams/ranking")
        calls = [await called_by_ads(served, held)]
        calls += [asyncio.ensure_future(served.stub.CreateBatchJob(request, metadata=RANKING)) for _ in range(2)]
        await creating.began.get()
        await until_waiting(served, 1)
        calls += [asyncio.create_task(served.get()) for _ in range(2)]
        for _ in range(2):
            await held.began.get()
        assert creating.began.empty()
        held.go.set()
        creating.go.set()
        await asyncio.gather(*calls)


async def test_one_call_too_many_in_line_is_refused_and_told_when_to_come_again() -> None:
    held = Held()
    async with serving(share=TWO, GetBatchJob=held) as served:
        calls = [await called_by_ads(served, held)]
        calls += [asyncio.create_task(served.get()) for _ in range(5)]
        await until_waiting(served, 3)
        refused = await refusal(served.get())
        assert (refused.code, refused.reason) == ("RESOURCE_EXHAUSTED", "OVERLOADED")
        assert refused.retry_after is not None
        assert "this team" in refused.message
        held.go.set()
        await asyncio.gather(*calls)


async def test_where_the_lines_are_full_the_longest_gives_way_to_another_teams() -> None:
    held = Held()
    async with serving(share=TWO, GetBatchJob=held) as served:
        calls = [await called_by_ads(served, held)]
        calls += [asyncio.create_task(served.get(f"{number}")) for number in range(4)]
        await until_waiting(served, 2)
        last = asyncio.create_task(served.get("last"))
        await until_waiting(served, 3)
        calls += [asyncio.create_task(served.get(metadata=ADS)) for _ in range(2)]  # The second of them has to wait.
        assert (await refusal(last)).reason == "OVERLOADED"
        assert waiting(served) == 3
        held.go.set()
        await asyncio.gather(*calls)
        assert waiting(served) == 0


async def test_calls_that_wait_leave_the_work_to_others() -> None:
    held = Held()
    async with serving(share=TWO, most=4, GetBatchJob=held) as served:
        calls = [await called_by_ads(served, held)]
        calls += [asyncio.create_task(served.get()) for _ in range(5)]
        await until_waiting(served, 3)
        calls.append(asyncio.create_task(served.get(metadata=ADS)))
        for _ in range(3):
            await held.began.get()
        assert (await refusal(served.get(metadata=ADS))).message.startswith("This replica works on as many")
        held.go.set()
        await asyncio.gather(*calls)


async def test_a_deadline_that_passes_in_line_is_told_as_one_after_which_nothing_was_done() -> None:
    held = Held()
    async with serving(share=TWO, GetBatchJob=held) as served:
        calls = await both_under_way(served, held)
        late = await refusal(served.stub.GetBatchJob(pb.GetBatchJobRequest(), metadata=RANKING, timeout=2))
        assert late.code == "DEADLINE_EXCEEDED"
        assert "Nothing was done" in late.message
        held.go.set()
        await asyncio.gather(*calls)


async def test_a_watch_gives_its_turn_back_with_its_first_message() -> None:
    held = Held()
    async with serving(share=TWO, GetBatchJob=held, WatchBatchJob=watching) as served:
        calls = [await called_by_ads(served, held)]
        streams = []
        for _ in range(9):
            stream = served.stub.WatchBatchJob(pb.WatchBatchJobRequest(name="n"), metadata=RANKING)
            assert [(await stream.read()).resume_token for _ in range(2)] == ["t", "u"]
            streams.append(stream)
        held.go.set()
        await asyncio.gather(*calls)
        for stream in streams:
            stream.cancel()


async def test_a_watch_that_says_nothing_gives_its_turn_back_at_its_end() -> None:
    async def ends(_request: Any, _context: Any) -> None:
        return

    held = Held()
    async with serving(share=TWO, GetBatchJob=held, WatchBatchJob=ends) as served:
        call = await called_by_ads(served, held)
        for _ in range(5):
            stream = served.stub.WatchBatchJob(pb.WatchBatchJobRequest(name="n"), metadata=RANKING)
            assert [event async for event in stream] == []
        held.go.set()
        await call


async def test_callers_that_give_up_in_line_leave_it() -> None:
    held = Held()
    async with serving(share=TWO, GetBatchJob=held) as served:
        calls = await both_under_way(served, held)
        leaving = [asyncio.create_task(served.get()) for _ in range(3)]
        await until_waiting(served, 3)
        for each in leaving:
            each.cancel()
        await until_waiting(served, 0)
        last = asyncio.create_task(served.get("last"))
        await until_waiting(served, 1)
        held.go.set()
        await asyncio.gather(*calls)
        assert (await last).name == "last"


class Driven:
    """The layer alone, its clock in the test's hand."""

    def __init__(self) -> None:
        self.time = 0.0
        self.later: list[tuple[float, Callable[[], None]]] = []
        self.turns = Turns(
            Share(creates=1, others=2, waiting=3, alone=5, watch_seconds=0.25),
            lambda principal: principal.name,
            lambda _call: nullcontext(),
            lambda: self.time,
            lambda seconds, what: self.later.append((seconds, what)),
        )
        self.under_way: dict[str, asyncio.Future[None]] = {}
        self.tasks: list[asyncio.Task[Any]] = []

    def call(self, team: str, name: str) -> "asyncio.Task[None]":
        call: Any = Call("s", "GetBatchJob", "unary", None, (), principal=Principal(team))  # type: ignore[arg-type]

        async def proceed(_call: Call) -> None:
            self.under_way[name] = asyncio.get_running_loop().create_future()
            await self.under_way[name]

        self.tasks.append(asyncio.create_task(self.turns.around(call, proceed)))
        return self.tasks[-1]

    def watch(self, team: str, reader: "Reader") -> "asyncio.Task[None]":
        call: Any = Call("s", "WatchBatchJob", "server_stream", reader, (), principal=Principal(team))  # type: ignore[arg-type]

        async def write(call: Call) -> None:
            await call.context.write("first")

        self.tasks.append(asyncio.create_task(self.turns.around(call, write)))
        return self.tasks[-1]

    async def pass_time(self, seconds: float) -> None:
        """What was to be called by then is called."""
        self.time += seconds
        due, self.later = self.later, []
        for after, what in due:
            assert after <= seconds
            what()
        await self.settle()

    async def end(self, name: str) -> None:
        self.under_way[name].set_result(None)
        await self.settle()

    async def settle(self) -> None:
        for _ in range(5):
            await asyncio.sleep(0)


class Reader:
    """A stream's context that never gets a message out."""

    def __init__(self, received: list[Any]) -> None:
        self._received = received

    async def write(self, message: Any) -> None:
        self._received.append(message)
        await asyncio.Event().wait()


async def test_who_has_waited_longest_goes_first() -> None:
    driven = Driven()
    driven.call("b", "b")
    tasks = [driven.call("a", name) for name in ("1", "2", "3", "4", "5")]
    await driven.settle()
    for ended, begins in (("2", "3"), ("1", "4"), ("3", "5")):
        driven.under_way[ended].set_result(None)
        await driven.settle()
        assert list(driven.under_way)[-1] == begins
    for name in ("b", "4", "5"):
        driven.under_way[name].set_result(None)
    await asyncio.gather(*tasks)
    assert driven.turns.waiting == 0


async def test_all_who_wait_go_on_once_no_other_team_calls_any_more(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "RECENT_SECONDS", RECENT_SECONDS)
    driven = Driven()
    driven.call("b", "b")
    for name in ("1", "2", "3", "4", "5"):
        driven.call("a", name)
    await driven.settle()
    assert set(driven.under_way) == {"b", "1", "2"}
    driven.time = RECENT_SECONDS
    driven.under_way["1"].set_result(None)
    await driven.settle()
    assert set(driven.under_way) == {"b", "1", "2", "3", "4", "5"}
    driven.call("a", "6")
    await driven.settle()
    assert "6" in driven.under_way


async def test_a_team_whose_own_calls_take_long_is_held_back_as_long_as_another_calls(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, "RECENT_SECONDS", RECENT_SECONDS)
    driven = Driven()
    driven.call("b", "b1")
    for name in ("1", "2", "3", "4"):
        driven.call("a", name)
    await driven.settle()
    driven.time = RECENT_SECONDS - 0.1
    driven.call("b", "b2")
    driven.time = RECENT_SECONDS + 0.1
    await driven.settle()
    await driven.end("1")
    assert set(driven.under_way) == {"b1", "b2", "1", "2", "3"}


async def test_who_comes_once_others_call_no_more_does_not_overtake_those_who_wait(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, "RECENT_SECONDS", RECENT_SECONDS)
    driven = Driven()
    driven.call("b", "b")
    for name in ("1", "2", "3", "4"):
        driven.call("a", name)
    await driven.settle()
    driven.time = RECENT_SECONDS
    driven.call("a", "5")
    await driven.settle()
    assert set(driven.under_way) == {"b", "1", "2", "3", "4", "5"}
    assert driven.turns.waiting == 0


async def test_a_watch_whose_reader_never_reads_keeps_no_turn() -> None:
    driven, received = Driven(), list[Any]()
    driven.call("b", "b")
    watches = [driven.watch("a", Reader(received)) for _ in range(3)]
    await driven.settle()
    for begun in (1, 2, 3):
        assert received == ["first"] * begun
        await driven.pass_time(0.25)
    for watch in watches:
        watch.cancel()


async def test_watches_of_a_team_begin_some_time_apart_while_others_call(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "RECENT_SECONDS", RECENT_SECONDS)
    driven, received = Driven(), list[Any]()
    alone = [driven.watch("a", Reader(received)) for _ in range(5)]
    await driven.settle()
    assert received == ["first"] * 5
    driven.call("b", "b")
    await driven.settle()
    waits = driven.watch("a", Reader(received))
    await driven.settle()
    assert (received, driven.turns.waiting) == (["first"] * 5, 1)
    await driven.pass_time(0.25)
    assert (received, driven.turns.waiting) == (["first"] * 6, 0)
    for watch in (*alone, waits):
        watch.cancel()


async def test_a_call_that_gives_way_and_is_left_in_the_same_moment_passes_no_turn_on() -> None:
    callers = module.Callers()
    lines = module.Lines(2, callers)
    for team in ("a", "b"):
        callers.called(team)
    for team in ("a", "b"):
        assert lines.goes((team, 0), 1, 1)
        assert not lines.goes((team, 0), 1, 1)
    first, last = (asyncio.create_task(lines.turn(("a", 0))) for _ in range(2))
    await asyncio.sleep(0)
    other = asyncio.create_task(lines.turn(("b", 0)))
    await asyncio.sleep(0)  # It has pushed the last one out, which does not know yet.
    last.cancel()
    with pytest.raises(asyncio.CancelledError):
        await last
    assert (first.done(), other.done(), lines.waiting) == (False, False, 2)
    for team, task in (("a", first), ("b", other)):
        lines.pass_on((team, 0))
        await task
        lines.pass_on((team, 0))
    assert lines.waiting == 0


async def test_strangers_hold_nobody_back() -> None:
    driven = Driven()
    driven.call("", "stranger")
    for name in ("1", "2", "3", "4"):
        driven.call("a", name)
    await driven.settle()
    assert set(driven.under_way) == {"stranger", "1", "2", "3", "4"}


async def test_a_turn_given_to_a_call_that_was_left_goes_to_the_next() -> None:
    driven = Driven()
    driven.call("b", "b")
    tasks = {name: driven.call("a", name) for name in ("1", "2", "3", "4")}
    await driven.settle()
    driven.under_way["1"].set_result(None)
    while not tasks["1"].done():  # noqa: ASYNC110 - who awaits it would be told a turn of the loop later
        await asyncio.sleep(0)
    tasks["3"].cancel()  # Its turn has come, and it has not gone on yet.
    await driven.settle()
    assert set(driven.under_way) == {"b", "1", "2", "4"}


async def test_members_of_a_team_share_its_turns_and_others_have_their_own(start_gateway: StartGateway) -> None:
    gateway = await start_gateway()
    policy = gateway.app.core.policies.current
    assert whose_turns(policy, Principal("dev:ranking")) == "ranking"
    assert whose_turns(policy, Principal("dev:nobody")) == ""
    assert whose_turns(policy, OPERATOR) == "operators:"
    exposed = gateway.metrics()
    assert "batchjobs_calls_waiting 0.0" in exposed
