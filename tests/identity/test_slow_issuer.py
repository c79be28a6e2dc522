"""An issuer whose key URL is slow: a read of it has an end, and who makes key ids up meanwhile locks nobody out."""

import asyncio
from collections.abc import AsyncIterator
from itertools import count
from types import SimpleNamespace
from typing import Any

import pytest
import structlog

from gateway.identity import key_fetch
from gateway.identity.issuers import load_issuers
from gateway.identity.key_fetch import FETCH_SECONDS, reader_of
from gateway.identity.key_source import (
    FETCH_INTERVAL,
    LOOK_INTERVAL,
    LOOK_SECONDS,
    MOST_WAITING,
    READ_SECONDS,
    FetchError,
)
from identity.house import Door, House
from support.caller import Refusal
from support.jwks_server import JwksServer, publishing
from support.token_issuer import TokenIssuer, bearer


@pytest.fixture
async def server(house: House) -> AsyncIterator[JwksServer]:
    async with publishing(house.issuer.jwks(), house.authority, house.folder) as server:
        house.trust(corp={"jwks_file": None, "jwks_url": server.url, "ca_file": str(house.folder / "ca.crt")})
        yield server


def made_up(number: int) -> Any:
    return bearer(TokenIssuer(kid=f"made-up-{number}").token())


async def grows_slow(house: House, door: Door, server: JwksServer) -> None:
    """The keys were read, and the next read is due and hangs."""
    assert await door.who(*bearer(house.issuer.token())) == "jwt:corp:alice"
    server.open.clear()
    server.arrived.clear()
    house.clock.advance(LOOK_INTERVAL)


async def made_up_calls(house: House, door: Door, number: int) -> "list[asyncio.Task[Refusal]]":
    """So many calls with key ids that nobody has, each of which waits; the read that they wait for sleeps as well."""
    calls = [asyncio.create_task(door.refused(*made_up(each))) for each in range(number)]
    await house.clock.until_sleeping(number + 1)
    return calls


def is_told_to_come_again(refused: Refusal) -> None:
    assert (refused.code, refused.reason) == ("UNAVAILABLE", "IDENTITY_UNAVAILABLE")
    assert "not known here yet, and the keys of the issuer corp take long to read" in refused.message
    assert refused.retry_after is not None


async def test_who_waits_for_an_unknown_key_is_no_call_in_flight_and_is_told_soon(
    house: House, server: JwksServer
) -> None:
    async with house.tokens(calls_in_flight=4) as door:
        await grows_slow(house, door, server)
        calls = await made_up_calls(house, door, 4)
        assert door.served.gauge("batchjobs_calls_in_flight") == 0
        assert await door.who(*bearer(house.issuer.token())) == "jwt:corp:alice"
        assert await door.who(*bearer(house.issuer.token(sub="new"))) == "jwt:corp:new", "a token of a known key"
        house.clock.advance(LOOK_SECONDS)
        for refused in await asyncio.gather(*calls):
            is_told_to_come_again(refused)


async def test_so_many_wait_for_unknown_keys_and_more_are_refused_at_once(house: House, server: JwksServer) -> None:
    async with house.tokens() as door:
        await grows_slow(house, door, server)
        calls = await made_up_calls(house, door, MOST_WAITING)
        is_told_to_come_again(await door.refused(*made_up(MOST_WAITING)))
        assert not any(each.done() for each in calls)
        server.open.set()
        assert {each.reason for each in await asyncio.gather(*calls)} == {"NOT_AUTHENTICATED"}
        house.clock.advance(LOOK_INTERVAL)
        new = TokenIssuer(kid="key-2")
        server.content = house.issuer.jwks(new)
        assert await door.who(*bearer(new.token())) == "jwt:corp:alice", "the places are free again"


async def test_who_makes_key_ids_up_is_put_off_while_the_issuer_is_slow(house: House, server: JwksServer) -> None:
    async with house.tokens(refused_identities_per_minute=3) as door:
        known = bearer(house.issuer.token())
        await door.who(*known)
        await grows_slow(house, door, server)
        calls = await made_up_calls(house, door, 3)
        assert (await door.refused(*made_up(3))).reason == "OVERLOADED", "those who wait count already"
        house.clock.advance(LOOK_SECONDS)
        for refused in await asyncio.gather(*calls):
            is_told_to_come_again(refused)
        assert (await door.refused(*made_up(3))).reason == "OVERLOADED"
        assert await door.who(*known) == "jwt:corp:alice"


async def test_a_read_that_does_not_end_has_failed_and_the_next_one_is_made(house: House, server: JwksServer) -> None:
    async with house.tokens() as door:
        await grows_slow(house, door, server)
        [keys] = house.listening.keys
        with structlog.testing.capture_logs() as logs:
            running = asyncio.create_task(keys.run())
            await server.arrived.wait()
            house.clock.advance(READ_SECONDS)
            await house.clock.until_sleeping_for(FETCH_INTERVAL)
            assert keys.stale
            house.clock.advance(FETCH_INTERVAL)
            await house.clock.until_sleeping_for(FETCH_INTERVAL)
        assert [line["error"] for line in logs if line["event"] == "issuer keys cannot be read"] == [
            "they were not there within 5 s",
            "an earlier read of them has still not ended",
        ]
        assert len(server.asked) == 2, "no second thread waits beside the first"
        server.open.set()
        await asyncio.wait({keys._reading})
        house.clock.advance(FETCH_INTERVAL)
        await house.clock.until_sleeping_for(FETCH_INTERVAL)
        assert (len(server.asked), keys.stale) == (3, False)
        running.cancel()


async def test_the_time_of_a_fetch_is_for_the_whole_answer(
    house: House, server: JwksServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However quickly each byte comes: on this clock every look at it is a second."""
    issuer = load_issuers(house.folder / "issuers.yaml")["corp"]
    server.drips = True
    assert await asyncio.to_thread(reader_of(issuer)) == server.content
    seconds = count()
    monkeypatch.setattr(key_fetch, "time", SimpleNamespace(monotonic=lambda: float(next(seconds))))
    with pytest.raises(FetchError, match="cannot be reached: TimeoutError"):
        await asyncio.to_thread(reader_of(issuer))
    assert next(seconds) <= FETCH_SECONDS + 2
