"""COMMIT: never cut short by a cancellation, and never guessed about."""

import asyncio

import asyncpg
import pytest

from gateway.domain.batch_job import BatchJob
from gateway.domain.states import State
from gateway.errors import GatewayError, Reason
from gateway.store.changes import Changes
from gateway.store.creates import Creates
from gateway.store.database import Database
from gateway.store.embedded import EmbeddedPostgres
from gateway.store.errors import CommitUnknownError
from gateway.store.reads import Reads
from support.blocking import END_COMMITTING, commits_held, holding
from support.database import database_name, run_sql
from support.proxy import proxied
from support.store import allow, create, moved, new_batch_job, unobserved


async def test_a_cancelled_caller_does_not_cut_its_commit_short(database: Database, database_url: str) -> None:
    job = await create(database)
    told: list[BatchJob] = []
    changes = Changes(database.api, lambda _, after: told.append(after))
    async with commits_held(database_url) as holder:
        changing = asyncio.create_task(changes.change("ranking", job.id, moved(State.CANCELLED)))
        await holder.until_blocked()
        changing.cancel()
        await asyncio.sleep(0)
        assert not changing.done()
    with pytest.raises(asyncio.CancelledError):
        await changing
    row = await Reads(database.api).get("ranking", job.id)
    assert row is not None
    assert row.state is State.CANCELLED
    assert told == [row]


async def test_a_caller_cancelled_before_its_commit_leaves_nothing(database: Database, database_url: str) -> None:
    job = await create(database)
    changes = Changes(database.api, unobserved)
    async with holding(database_url, "SELECT 1 FROM teams WHERE team = 'ranking' FOR UPDATE") as holder:
        changing = asyncio.create_task(changes.change("ranking", job.id, moved(State.CANCELLED)))
        await holder.until_blocked()
        changing.cancel()
        await asyncio.wait([changing])
    assert changing.cancelled()
    assert await Reads(database.api).get("ranking", job.id) == job
    assert await changes.change("ranking", job.id, moved(State.CANCELLED)) is not None


async def test_a_connection_lost_during_commit_leaves_the_outcome_unknown(
    database: Database, database_url: str
) -> None:
    job = await create(database)
    told: list[BatchJob] = []
    changes = Changes(database.controller, lambda _, after: told.append(after))
    async with commits_held(database_url) as holder:
        changing = asyncio.create_task(changes.change("ranking", job.id, moved(State.CANCELLED)))
        await holder.until_blocked()
        await run_sql(database_url, END_COMMITTING)
        with pytest.raises(CommitUnknownError):
            await changing
    assert told == []


async def test_an_answer_that_is_lost_after_the_commit_is_unknown_too(
    postgres: EmbeddedPostgres, database: Database, database_url: str
) -> None:
    """The change is kept, but nobody here may act as if it were."""
    job = await create(database)
    name = database_name(database_url)
    told: list[BatchJob] = []
    async with proxied(postgres.port) as proxy:
        far = await Database.open(proxy.url(postgres.database_url(name, tcp=True)))
        proxy.lose_answer_to = b"COMMIT"
        with pytest.raises(CommitUnknownError):
            await Changes(far.controller, lambda _, after: told.append(after)).change(
                "ranking", job.id, moved(State.CANCELLED)
            )
        assert proxy.lost == 1
        await far.close()
    row = await Reads(database.api).get("ranking", job.id)
    assert row is not None
    assert row.state is State.CANCELLED
    assert told == []


@pytest.mark.parametrize(("request_id", "may_repeat"), [("once", True), ("", False)])
async def test_a_create_whose_commit_is_unknown_may_be_repeated_only_with_a_request_id(
    postgres: EmbeddedPostgres, database: Database, database_url: str, request_id: str, may_repeat: bool
) -> None:
    name = database_name(database_url)
    new = new_batch_job(request_id=request_id, content_hash="same")
    async with proxied(postgres.port) as proxy:
        far = await Database.open(proxy.url(postgres.database_url(name, tcp=True)))
        creates = Creates(far, unobserved)
        proxy.lose_answer_to = b"COMMIT"
        with pytest.raises(GatewayError) as refusal:
            await creates.admit(new, allow)
        assert refusal.value.reason is Reason.STORE_UNAVAILABLE
        assert refusal.value.retry_after is not None
        assert refusal.value.retry_pushback is may_repeat
        if request_id:
            assert (await creates.admit(new, allow)).replayed
        await far.close()
    assert (await Reads(database.api).usage("ranking")).queued_jobs == 1


async def test_an_unknown_commit_of_a_caller_s_change_is_unavailable(database: Database, database_url: str) -> None:
    job = await create(database)
    async with commits_held(database_url) as holder:
        changing = asyncio.create_task(
            Changes(database.api, unobserved).change("ranking", job.id, moved(State.CANCELLED))
        )
        await holder.until_blocked()
        await run_sql(database_url, END_COMMITTING)
        with pytest.raises(GatewayError) as refusal:
            await changing
    assert refusal.value.reason is Reason.STORE_UNAVAILABLE
    assert isinstance(refusal.value.__cause__, CommitUnknownError)


async def test_a_commit_that_postgresql_refuses_is_known_to_be_undone(database: Database, database_url: str) -> None:
    """A deferred constraint speaks at COMMIT: that is an answer, and a defect, not an unknown outcome."""
    job = await create(database)
    await run_sql(
        database_url,
        """
        CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS
            'BEGIN RAISE EXCEPTION ''no'' USING ERRCODE = ''23514''; END';
        CREATE CONSTRAINT TRIGGER refuse AFTER UPDATE ON batch_jobs DEFERRABLE INITIALLY DEFERRED
            FOR EACH ROW EXECUTE FUNCTION refuse()
        """,
    )
    with pytest.raises(asyncpg.CheckViolationError):
        await Changes(database.controller, unobserved).change("ranking", job.id, moved(State.CANCELLED))
    assert await Reads(database.api).get("ranking", job.id) == job
