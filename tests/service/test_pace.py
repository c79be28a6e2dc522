"""News is told as fast as it goes out, and whoever takes none holds nobody up."""

import asyncio

from gateway.service.pace import Pace


async def test_others_are_told_once_half_of_those_who_were_told_are_through() -> None:
    pace = Pace(at_once=4, patience=3600)
    for who in range(4):
        assert not pace.full
        pace.begun(who)
    assert pace.full
    room = asyncio.ensure_future(pace.room())
    for who in range(2):
        await asyncio.sleep(0)
        assert not room.done()
        pace.done(who)
    await room
    assert not pace.full


async def test_those_who_take_too_long_are_counted_no_longer() -> None:
    pace = Pace(at_once=2, patience=0)
    for who in range(2):
        pace.begun(who)
    await pace.room()
    assert not pace.full
    pace.done(0)
