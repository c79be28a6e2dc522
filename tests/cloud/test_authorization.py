"""Tokens for questions on the event loop: fetched in a thread, once for all who need one, and renewed in time."""

import asyncio
from datetime import timedelta

import pytest
from google.auth.credentials import AnonymousCredentials
from google.auth.exceptions import InvalidOperation, RefreshError

from gateway.cloud.authorization import Authorization
from support.scripted_http import CountedCredentials

URL = "https://storage.example/o"


class Threads:
    """Runs calls in threads, not before `open` is set."""

    def __init__(self):
        self.begun = 0
        self.open = asyncio.Event()
        self.open.set()

    async def run(self, call):
        self.begun += 1
        await self.open.wait()
        return await asyncio.to_thread(call)


@pytest.fixture
def threads():
    return Threads()


@pytest.fixture
def credentials():
    return CountedCredentials()


@pytest.fixture
def authorization(credentials, threads):
    return Authorization(credentials, None, threads.run)


async def test_a_token_is_fetched_once_and_sent_until_it_ends(authorization, threads):
    told = [await authorization.headers(URL) for _ in range(3)]
    assert {headers["authorization"] for headers in told} == {"Bearer token-1"}
    assert threads.begun == 1


async def test_those_who_need_a_token_together_share_one_flight(authorization, credentials):
    told = await asyncio.gather(*(authorization.headers(URL) for _ in range(20)))
    assert {headers["authorization"] for headers in told} == {"Bearer token-1"}
    assert credentials.fetched == 1


async def test_a_token_is_renewed_before_it_ends(authorization, credentials):
    await authorization.headers(URL)
    credentials.expiry -= timedelta(minutes=59)
    assert (await authorization.headers(URL))["authorization"] == "Bearer token-2"


async def test_tokens_that_come_with_little_time_left_are_fetched_in_threads_alone(authorization, credentials, threads):
    credentials.lifetime = timedelta(minutes=1)
    told = [(await authorization.headers(URL))["authorization"] for _ in range(2)]
    assert told == ["Bearer token-1", "Bearer token-2"]
    assert threads.begun == 2


async def test_a_refused_token_that_another_has_renewed_is_not_renewed_again(authorization, credentials):
    await authorization.headers(URL)
    await authorization.renew("token-1")
    await authorization.renew("token-1")
    assert (authorization.token, credentials.fetched) == ("token-2", 2)


async def test_a_caller_that_gives_up_leaves_the_flight_to_the_others(authorization, threads):
    threads.open.clear()
    gone, waits = (asyncio.create_task(authorization.headers(URL)) for _ in range(2))
    await asyncio.sleep(0)
    gone.cancel()
    threads.open.set()
    assert (await waits)["authorization"] == "Bearer token-1"
    assert threads.begun == 1


async def test_a_flight_that_failed_is_told_to_who_waited_and_begun_again_by_the_next(authorization, credentials):
    credentials.failure = RefreshError("no")
    with pytest.raises(RefreshError):
        await authorization.headers(URL)
    credentials.failure = None
    assert await authorization.headers(URL)


async def test_a_failure_that_nobody_waited_for_is_nobodys_trouble(authorization, credentials, threads):
    """Otherwise asyncio would write it to the log as an exception that was never retrieved."""
    credentials.failure = RefreshError("no")
    threads.open.clear()
    gone = asyncio.create_task(authorization.headers(URL))
    await asyncio.sleep(0)
    gone.cancel()
    flight = authorization._flight
    threads.open.set()
    await asyncio.wait([flight])
    await asyncio.sleep(0)
    assert authorization._flight is None
    assert not flight._log_traceback


async def test_where_there_are_no_credentials_nothing_is_sent_and_nothing_renewed(threads):
    authorization = Authorization(AnonymousCredentials(), None, threads.run)
    assert await authorization.headers(URL) == {}
    with pytest.raises(InvalidOperation):
        await authorization.renew(None)
