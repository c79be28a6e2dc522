"""A connection that is kept from one question to the next, and not a moment too long."""

import asyncio

import asyncpg
import pytest

from gateway.store.database import Database
from gateway.store.kept import Kept

PID = "SELECT pg_backend_pid()"


class Sleep:
    """Sleeps until it is told to wake."""

    def __init__(self) -> None:
        self.begun, self.over = asyncio.Semaphore(0), asyncio.Semaphore(0)

    async def __call__(self, _seconds: float) -> None:
        self.begun.release()
        await self.over.acquire()


@pytest.fixture
def sleep() -> Sleep:
    return Sleep()


@pytest.fixture
async def kept(database: Database, sleep: Sleep):
    kept = Kept(database.api, sleep=sleep)
    yield kept
    for _ in range(3):
        sleep.over.release()


async def ask(kept: Kept) -> int:
    async with kept.session("test") as session:
        return int(await session.value(PID))


def in_use(database: Database) -> int:
    pool = database.api._pool
    return pool.get_size() - pool.get_idle_size()


async def test_questions_that_follow_each_other_are_asked_on_one_connection(database, kept):
    pids = {await ask(kept) for _ in range(3)}
    assert (len(pids), in_use(database)) == (1, 1)


async def test_it_goes_back_once_no_question_has_come_for_a_moment(database, kept, sleep):
    await ask(kept)
    await sleep.begun.acquire()
    await ask(kept)
    sleep.over.release()
    await sleep.begun.acquire()
    assert in_use(database) == 1
    waiting = kept._waiting
    sleep.over.release()
    await waiting
    assert in_use(database) == 0


async def test_one_that_a_question_is_under_way_on_does_not_go_back(database, kept, sleep):
    await ask(kept)
    await sleep.begun.acquire()
    async with kept.session("test") as session:
        waiting = kept._waiting
        sleep.over.release()
        await waiting
        assert (in_use(database), await session.value("SELECT 1")) == (1, 1)
    assert in_use(database) == 1


async def test_after_a_question_that_failed_it_goes_back(database, kept):
    await ask(kept)
    with pytest.raises(asyncpg.DivisionByZeroError):
        async with kept.session("test") as session:
            await session.value("SELECT 1 / 0")
    assert in_use(database) == 0


async def test_one_that_was_cut_while_nobody_asked_is_not_asked_on(database, kept):
    first = await ask(kept)
    cut = asyncio.Event()
    kept._connection.add_termination_listener(lambda _connection: cut.set())
    async with database.api.session("cut") as session:
        await session.run("SELECT pg_terminate_backend($1)", first)
    await cut.wait()
    assert await ask(kept) != first
    assert in_use(database) == 1
