"""What fair share is told of each (pool, team) beside its counts."""

from datetime import timedelta

from gateway.clock import SystemClock
from gateway.domain.level import Shift
from gateway.domain.shares import Standing
from gateway.domain.states import State
from gateway.store.changes import Changes
from gateway.store.database import Database
from gateway.store.dispatches import Dispatches
from gateway.store.lease import Lease
from support.store import OTHER_POOL, POOL, create, dispatch, moved, unobserved


async def a_term(database: Database) -> str:
    held = await Lease(database.controller, SystemClock(), holder="test", duration=timedelta(minutes=5)).acquire()
    assert held
    return held.term


async def test_what_active_batch_jobs_were_charged_is_told_apart_from_what_was_used(database: Database) -> None:
    term = await a_term(database)
    for charge in (600.0, 30.0):
        await dispatch(database, await create(database), term, charge=charge)
    await create(database)
    (contender,) = (await Dispatches(database.controller, unobserved).snapshot({})).contenders
    assert (contender.active, contender.backlogged, contender.charged) == (2, True, 630.0)


async def test_every_queue_is_found_and_nothing_else_is_taken_for_one(database: Database) -> None:
    """From one queue its index leads to the next, over the ends of pools and past teams that have nothing queued."""
    term = await a_term(database)
    queued = {(OTHER_POOL, "maps"): 3, (OTHER_POOL, "zoo"): 1, (POOL, "ads"): 1, (POOL, "maps"): 2, (POOL, "search"): 1}
    for (pool, team), count in queued.items():
        for _ in range(count):
            await create(database, team=team, pool=pool)
    gone = await create(database, team="alone")
    await Changes(database.controller, unobserved).change("alone", gone.id, moved(State.CANCELLED))
    await dispatch(database, await create(database, team="news"), term)
    contenders = (await Dispatches(database.controller, unobserved).snapshot({})).contenders
    assert {(c.pool, c.team): c.backlogged for c in contenders} == dict.fromkeys(queued, True) | {(POOL, "news"): False}
    assert [(c.pool, c.team) for c in contenders] == sorted([*queued, (POOL, "news")])


async def test_a_store_with_nothing_open_has_no_contenders(database: Database) -> None:
    assert (await Dispatches(database.controller, unobserved).snapshot({})).contenders == ()


async def test_a_team_with_nothing_open_is_shown_until_its_standing_is_idle(database: Database) -> None:
    """Else its next batch job would be judged as if the team had contended all along."""
    dispatches, term = Dispatches(database.controller, unobserved), await a_term(database)
    job = await create(database)
    await dispatches.level(term, [Shift(POOL, "ranking", 0, Standing.CONTENDING)])
    await Changes(database.controller, unobserved).change("ranking", job.id, moved(State.CANCELLED))
    (contender,) = (await dispatches.snapshot({})).contenders
    assert (contender.active, contender.backlogged, contender.share.standing) == (0, False, Standing.CONTENDING)
    await dispatches.level(term, [Shift(POOL, "ranking", 0, Standing.IDLE)])
    assert (await dispatches.snapshot({})).contenders == ()
