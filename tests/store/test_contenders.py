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
from support.store import POOL, create, dispatch, moved, unobserved


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
    assert (contender.active, contender.queued, contender.charged) == (2, 1, 630.0)


async def test_a_team_with_nothing_open_is_shown_until_its_standing_is_idle(database: Database) -> None:
    """Else its next batch job would be judged as if the team had contended all along."""
    dispatches, term = Dispatches(database.controller, unobserved), await a_term(database)
    job = await create(database)
    await dispatches.level(term, [Shift(POOL, "ranking", 0, Standing.CONTENDING)])
    await Changes(database.controller, unobserved).change("ranking", job.id, moved(State.CANCELLED))
    (contender,) = (await dispatches.snapshot({})).contenders
    assert (contender.active, contender.queued, contender.share.standing) == (0, 0, Standing.CONTENDING)
    await dispatches.level(term, [Shift(POOL, "ranking", 0, Standing.IDLE)])
    assert (await dispatches.snapshot({})).contenders == ()
