"""Questions that share queries, and never the answer of a query that began before they were asked."""

import asyncio

import pytest

from gateway.errors import GatewayError, Reason
from gateway.store.database import Database
from gateway.store.errors import StoreUnavailableError
from gateway.store.kept import Kept
from gateway.store.reads import Reads
from gateway.store.together import Together, gather_seconds
from support.store import create


class Store:
    """Answers what it holds as each query begins; a query goes on when the test says so."""

    def __init__(self) -> None:
        self.held: dict[str, int] = {}
        self.asked: list[list[str]] = []
        self.began = asyncio.Semaphore(0)
        self.go_on = asyncio.Semaphore(0)
        self.error: Exception | None = None

    async def read(self, _kept: Kept, keys: list[str]) -> dict[str, int]:
        found = {key: self.held[key] for key in keys if key in self.held}
        self.asked.append(keys)
        self.began.release()
        await self.go_on.acquire()
        if self.error:
            raise self.error
        return found


@pytest.fixture
def store() -> Store:
    return Store()


@pytest.fixture
def together(store: Store, database: Database) -> Together[str, int]:
    return Together("test", database.api, store.read)


async def test_who_asks_before_a_query_starts_shares_it(store: Store, together: Together[str, int]) -> None:
    store.held = {"a": 1}
    asking = [asyncio.ensure_future(together.ask(key)) for key in ("a", "b", "a")]
    await store.began.acquire()
    store.go_on.release()
    assert await asyncio.gather(*asking) == [1, None, 1]
    assert store.asked == [["a", "b"]]


async def test_who_asks_while_a_query_is_under_way_is_answered_by_the_next(
    store: Store, together: Together[str, int]
) -> None:
    store.held = {"a": 1}
    early = asyncio.ensure_future(together.ask("a"))
    await store.began.acquire()
    store.held = {"a": 2}
    late = [asyncio.ensure_future(together.ask("a")) for _ in range(3)]
    store.go_on.release()
    assert await early == 1
    await store.began.acquire()
    store.go_on.release()
    assert await asyncio.gather(*late) == [2, 2, 2]
    assert store.asked == [["a"], ["a"]]


async def test_while_many_ask_questions_gather_for_the_next_query(store: Store, database: Database) -> None:
    slept, wake = asyncio.Semaphore(0), asyncio.Semaphore(0)

    async def sleep(_seconds: float) -> None:
        slept.release()
        await wake.acquire()

    together = Together[str, int]("test", database.api, store.read, sleep=sleep)
    asking = [asyncio.ensure_future(together.ask(key)) for key in ("a", "b")]
    await store.began.acquire()
    asking.append(asyncio.ensure_future(together.ask("c")))
    store.go_on.release()
    await slept.acquire()
    asking.append(asyncio.ensure_future(together.ask("d")))
    await asyncio.sleep(0)
    wake.release()
    await store.began.acquire()
    store.go_on.release()
    await asyncio.gather(*asking)
    assert store.asked == [["a", "b"], ["c", "d"]]


@pytest.mark.parametrize(("asked", "seconds"), [(2, 0.001), (8, 0.004), (10, 0.005), (500, 0.005)])
def test_the_more_ask_the_longer_they_gather_up_to_five_milliseconds(asked: int, seconds: float) -> None:
    assert gather_seconds(asked) == pytest.approx(seconds)


async def test_who_asks_alone_does_not_wait_for_company(store: Store, database: Database) -> None:
    async def sleep(_seconds: float) -> None:
        pytest.fail("it slept")

    together = Together[str, int]("test", database.api, store.read, sleep=sleep)
    for _ in range(2):
        asking = asyncio.ensure_future(together.ask("a"))
        await store.began.acquire()
        late = asyncio.ensure_future(together.ask("b"))
        store.go_on.release()
        await asking
        await store.began.acquire()
        store.go_on.release()
        await late


async def test_everybody_hears_why_a_query_failed_and_the_next_one_is_tried(
    store: Store, together: Together[str, int]
) -> None:
    store.error = StoreUnavailableError("away")
    asking = [asyncio.ensure_future(together.ask(key)) for key in ("a", "b")]
    await store.began.acquire()
    store.go_on.release()
    for refused in await asyncio.gather(*asking, return_exceptions=True):
        assert isinstance(refused, GatewayError)
        assert refused.reason is Reason.STORE_UNAVAILABLE
    store.error, store.held = None, {"a": 1}
    store.go_on.release()
    assert await together.ask("a") == 1


async def test_one_that_gives_up_takes_nothing_from_the_others(store: Store, together: Together[str, int]) -> None:
    store.held = {"a": 1}
    leaving, staying = (asyncio.ensure_future(together.ask("a")) for _ in range(2))
    await store.began.acquire()
    leaving.cancel()
    store.go_on.release()
    assert await staying == 1


async def test_creates_that_come_together_share_the_look_for_their_request_ids(database: Database) -> None:
    jobs = [await create(database, team=team, request_id="once", content_hash="c") for team in ("ads", "ranking")]
    queries: list[str] = []
    database.api._timed = lambda op, *_: queries.append(op)
    reads = Reads(database.api)
    found = await asyncio.gather(*(reads.replay(team, "once", "c") for team in ("ads", "ranking", "search")))
    assert found == [*jobs, None]
    assert queries == ["replay"]
