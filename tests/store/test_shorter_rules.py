"""Why the store's rules are not shorter: each shorter rule, put in place of ours, is seen to fail.

The rule as it is has its own tests beside these; here the failing case itself is kept alive.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Any

import asyncpg
import pytest

from gateway.domain.batch_job import BatchJob
from gateway.domain.states import State
from gateway.errors import GatewayError
from gateway.store import admissions, locks, sweeps
from gateway.store.changes import Changes
from gateway.store.connections import Connections, Transaction
from gateway.store.creates import Creates
from gateway.store.database import Database
from gateway.store.errors import LeaseLostError, StoreBusyError
from gateway.store.lease import Lease
from gateway.store.reads import Reads
from support.blocking import holding, team_lock
from support.database import PATIENT, StoreTime, run_sql
from support.store import allow, at_most_queued, create, moved, new_batch_job, unobserved


def shorter(patch: pytest.MonkeyPatch, module: Any, **queries: str) -> None:
    """Have a module of the store use other statements."""
    patch.setattr(module, "SQL", MappingProxyType({**module.SQL, **queries}))


async def test_a_transaction_s_own_start_as_its_time_runs_backwards_after_a_wait(
    database: Database, database_url: str
) -> None:
    """`now()` was read before the wait: what was committed later carries the earlier time."""
    await run_sql(
        database_url, "CREATE OR REPLACE FUNCTION store_clock() RETURNS timestamptz LANGUAGE sql AS 'SELECT now()'"
    )
    first, second = await create(database), await create(database)
    changes = Changes(database.controller, unobserved)
    async with team_lock(database_url) as holder:
        waiting = asyncio.create_task(changes.change("ranking", first.id, moved(State.CANCELLED)))
        await holder.until_blocked()
        await holder.connection.execute(
            "UPDATE batch_jobs SET update_time = clock_timestamp() WHERE id = $1", second.id
        )
    changed = await waiting
    earlier = await changes.read("ranking", second.id)
    assert changed is not None
    assert earlier is not None
    assert changed.after.update_time < earlier.update_time, "though it was committed after it"


async def test_a_lock_and_a_count_in_one_statement_pass_a_quota_of_one(
    database: Database, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def unlocked(*_: object) -> None:
        """The count's own statement takes the lock."""

    await run_sql(database_url, "INSERT INTO teams (team) VALUES ('ranking')")
    monkeypatch.setattr(locks, "lock_or_make_team", unlocked)
    query = admissions.SQL["admission"]
    shorter(monkeypatch, admissions, admission=f"{query} FOR NO KEY UPDATE OF t")
    both = (Creates(database, unobserved), Creates(database, unobserved))
    async with team_lock(database_url) as holder:
        creating = [asyncio.create_task(each.admit(new_batch_job(), at_most_queued(1))) for each in both]
        await holder.until_blocked(2)
    outcomes = await asyncio.gather(*creating, return_exceptions=True)
    assert not [each for each in outcomes if isinstance(each, GatewayError)]
    assert (await Reads(database.api).usage("ranking")).queued_jobs == 2, "where one was allowed"


async def test_two_teams_in_two_orders_deadlock(database: Database) -> None:
    for team in ("ads", "ranking"):
        await create(database, team=team)
    met = asyncio.Barrier(2)

    async def both(*teams: str) -> None:
        async with database.controller.transaction("both") as transaction:
            await transaction.run("SET deadlock_timeout = '20ms'")
            await locks.lock_team(transaction, teams[0])
            await met.wait()
            await locks.lock_team(transaction, teams[1])

    outcomes = await asyncio.gather(both("ads", "ranking"), both("ranking", "ads"), return_exceptions=True)
    assert [type(each) for each in outcomes if each is not None] == [StoreBusyError]


async def test_a_revision_taken_before_the_guard_leaves_a_gap(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = await create(database)
    apply = Changes._apply

    async def revision_first(
        self: Changes, transaction: Transaction, team: str, job_id: int, change: Any
    ) -> object | None:
        await locks.lock_team(transaction, team)
        await transaction.run("UPDATE teams SET revision = revision + 1 WHERE team = $1", team)
        return await apply(self, transaction, team, job_id, change)

    changes = Changes(database.controller, unobserved)
    with monkeypatch.context() as patch:
        patch.setattr(Changes, "_apply", revision_first)
        assert await changes.change("ranking", job.id, lambda _job, _now: None) is None
    changed = await changes.change("ranking", job.id, moved(State.CANCELLED))
    assert changed is not None
    assert changed.after.revision == job.revision + 2, "nobody will ever see the one between"


async def test_without_a_limit_on_idling_a_frozen_replica_holds_a_team(database: Database, database_url: str) -> None:
    job = await create(database)
    impatient = await Database.open(
        database_url, limits={name: replace(limits, lock=50) for name, limits in PATIENT.items()}
    )
    async with database.controller.transaction("frozen") as transaction:
        await locks.lock_team(transaction, "ranking")
        for _ in range(3):
            with pytest.raises(StoreBusyError):
                await Changes(impatient.controller, unobserved).change("ranking", job.id, moved(State.CANCELLED))
    await impatient.close()


async def late_write(database: Database, url: str, job: BatchJob, term: str) -> bool:
    """Whether a write gets through that looks at the lease while the takeover is under way."""
    changes = Changes(database.controller, unobserved)
    async with (
        holding(url, "SELECT 1 FROM lease FOR UPDATE") as takeover,
        holding(url, "SELECT 1 FROM teams WHERE team = 'ranking' FOR NO KEY UPDATE") as team,
    ):
        writing = asyncio.create_task(changes.change("ranking", job.id, moved(State.CANCELLED), term=term))
        await team.until_blocked()
        await takeover.connection.execute("UPDATE lease SET term = 'new'")
        await takeover.release()
        await takeover.connection.execute("BEGIN")
    try:
        return await writing is not None
    except LeaseLostError:
        return False


@pytest.mark.parametrize(
    ("fence", "passes"),
    [
        (locks.SQL["fence"], False),
        ("SELECT EXISTS (SELECT FROM lease WHERE term = $1 AND expires_at > store_clock())", True),
    ],
    ids=["FOR KEY SHARE", "WHERE EXISTS"],
)
async def test_a_plain_look_at_the_lease_lets_a_late_write_through(
    database: Database,
    database_url: str,
    store_time: StoreTime,
    monkeypatch: pytest.MonkeyPatch,
    fence: str,
    passes: bool,
) -> None:
    job = await create(database)
    held = await Lease(database.lease, store_time.clock, holder="one", duration=timedelta(seconds=10)).acquire()
    assert held is not None
    shorter(monkeypatch, locks, fence=fence)
    assert await late_write(database, database_url, job, held.term) is passes


async def test_without_the_expiry_in_the_fence_a_busy_old_leader_puts_a_takeover_off(
    database: Database, store_time: StoreTime, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each of its writes begins before the one before it has ended, so that the lease's row is never free."""
    first = Lease(database.lease, store_time.clock, holder="one", duration=timedelta(seconds=10))
    held = await first.acquire()
    assert held is not None
    shorter(monkeypatch, locks, fence="SELECT true FROM lease WHERE term = $1 FOR KEY SHARE")
    await store_time.advance(10)
    taking: asyncio.Task[object] | None = None
    async with _writes(database.controller, held.term) as begin:
        await begin()
        taking = asyncio.create_task(first.acquire())
        for _ in range(5):
            await begin()
        assert not taking.done()
    assert await taking is not None


@asynccontextmanager
async def _writes(connections: Connections, term: str) -> AsyncIterator[Callable[[], Awaitable[None]]]:
    """Writes of a leader that overlap: each `begin` opens one under the fence, then ends the one before it."""
    under_way: list[tuple[asyncio.Task[None], asyncio.Event]] = []

    async def write(begun: asyncio.Event, end: asyncio.Event) -> None:
        async with connections.transaction("busy") as transaction:
            await locks.fence(transaction, term)
            begun.set()
            await end.wait()

    async def begin() -> None:
        begun, end = asyncio.Event(), asyncio.Event()
        task = asyncio.create_task(write(begun, end))
        await begun.wait()
        await finish()
        under_way.append((task, end))

    async def finish() -> None:
        while under_way:
            task, end = under_way.pop()
            end.set()
            await task

    try:
        yield begin
    finally:
        await finish()


@asynccontextmanager
async def commits_wait_for_their_flush(url: str) -> AsyncIterator[None]:
    """Every COMMIT stays in its flush, as on a slow disk: it waits for a standby that is not there."""
    await run_sql(url, "ALTER SYSTEM SET synchronous_standby_names = 'nobody'")
    await run_sql(url, "SELECT pg_reload_conf()")
    try:
        yield
    finally:
        await run_sql(url, "ALTER SYSTEM RESET synchronous_standby_names")
        await run_sql(url, "SELECT pg_reload_conf()")


_FLUSHING = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event = 'SyncRep'"


@pytest.mark.parametrize("notify", [False, True])
async def test_a_notify_inside_a_writing_transaction_makes_every_other_wait_for_its_flush(
    database: Database, database_url: str, notify: bool
) -> None:
    """PostgreSQL takes one lock for all notifying commits, before the flush."""

    async def write(team: str) -> None:
        async with database.api.transaction("write") as transaction:
            await transaction.run("INSERT INTO teams (team) VALUES ($1)", team)
            if notify:
                await transaction.run("SELECT pg_notify('x', $1)", team)

    async with holding(database_url, "SELECT 1") as watcher:
        async with commits_wait_for_their_flush(database_url):
            writing = [asyncio.create_task(write(team)) for team in ("ads", "ranking")]
            await _until_in_flush(database_url, 1 if notify else 2)
            if notify:
                await watcher.until_blocked()
        await asyncio.gather(*writing)


async def _until_in_flush(url: str, sessions: int) -> None:
    watcher = await asyncpg.connect(url)
    try:
        async with asyncio.timeout(60):
            while await watcher.fetchval(_FLUSHING) < sessions:
                pass
    finally:
        await watcher.close()


async def test_a_purge_that_leaves_no_word_hides_a_delete_from_a_watcher(
    database: Database, store_time: StoreTime, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It resumes from before the delete, is not told that its token is too old, and finds no tombstone."""
    held = await Lease(database.lease, store_time.clock, holder="one", duration=timedelta(days=9)).acquire()
    assert held is not None
    job, window = await create(database), timedelta(hours=24)

    def delete(row: BatchJob, now: datetime) -> BatchJob:
        return row.move(State.CANCELLED, time=now, reason="X", actor="t").evolve(delete_time=now)

    await Changes(database.controller, unobserved).change("ranking", job.id, delete)
    await store_time.advance(window)
    shorter(monkeypatch, sweeps, note_purge="SELECT $1::text, $2::bigint")
    assert await sweeps.Sweeps(database.controller).purge(held.term, window, 10) == 1

    page = await Reads(database.api).changes("ranking", job.revision, 10)
    assert page.feed.purged_revision <= job.revision, "nothing says that the token is too old"
    assert page.jobs == (), "and nothing says that the batch job is gone"


async def test_a_purge_before_the_resume_window_has_passed_expires_tokens_that_were_promised(
    database: Database, store_time: StoreTime
) -> None:
    held = await Lease(database.lease, store_time.clock, holder="one", duration=timedelta(days=9)).acquire()
    assert held is not None
    job = await create(database)
    await Changes(database.controller, unobserved).change("ranking", job.id, moved(State.CANCELLED))
    await Changes(database.controller, unobserved).change(
        "ranking", job.id, lambda row, now: row.evolve(delete_time=now)
    )
    await store_time.advance(1)
    assert await sweeps.Sweeps(database.controller).purge(held.term, timedelta(0), 10) == 1
    assert (await Reads(database.api).feed("ranking")).purged_revision > job.revision, "a second after the delete"


async def test_one_create_a_commit_costs_a_flush_each(
    database: Database, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Twenty that wait for one another: two commits as it is, twenty-one with groups of one."""

    async def commits() -> int:
        names: list[str] = []
        monkeypatch.setattr(database.api, "_timed", lambda op, *_: names.append(op))
        creates = Creates(database, unobserved)
        async with team_lock(database_url) as holder:
            first = asyncio.create_task(creates.admit(new_batch_job(), allow))
            await holder.until_blocked()
            rest = [asyncio.create_task(creates.admit(new_batch_job(), allow)) for _ in range(20)]
            await asyncio.sleep(0)
        await asyncio.gather(first, *rest)
        return names.count("create")

    await create(database)
    assert await commits() == 2
    monkeypatch.setattr("gateway.store.creates.GROUP", 1)
    assert await commits() == 21
