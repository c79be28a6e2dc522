"""Connections: what the start refuses, and how a database that goes away and comes back looks from here."""

import asyncio
import socket
from contextlib import suppress
from dataclasses import replace

import asyncpg
import pytest

from gateway.domain.states import State
from gateway.errors import GatewayError, Reason
from gateway.store.changes import Changes
from gateway.store.connections import Connections
from gateway.store.creates import Creates
from gateway.store.database import LIMITS, Database, Sizes
from gateway.store.driver import DRIVER_ERRORS, translate
from gateway.store.embedded import EmbeddedPostgres, Shutdown
from gateway.store.errors import StoreBusyError, StoreUnavailableError, UnfitDatabaseError
from gateway.store.reads import Reads
from gateway.store.session_settings import Limits, judge, milliseconds
from support.blocking import team_lock
from support.database import PATIENT, database_name, run_sql
from support.pooler import pooling
from support.store import allow, create, moved, new_batch_job, unobserved

FIT = {
    "server_version_num": "160014",
    "fsync": "on",
    "synchronous_commit": "on",
    "statement_timeout": "5s",
    "lock_timeout": "2s",
    "idle_in_transaction_session_timeout": "3s",
    "tcp_keepalives_idle": "10",
    "tcp_keepalives_interval": "5",
}


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("server_version_num", "130020"),
        ("fsync", "off"),
        ("synchronous_commit", "off"),
        ("statement_timeout", "0"),
        ("lock_timeout", "1min"),
        ("idle_in_transaction_session_timeout", "0"),
        ("tcp_keepalives_idle", "7200"),
        ("tcp_keepalives_interval", "0"),
    ],
)
def test_every_setting_that_a_promise_needs_is_judged(setting: str, value: str) -> None:
    assert judge(FIT, Limits(), over_tcp=True) == []
    assert len(judge({**FIT, setting: value}, Limits(), over_tcp=True)) == 1


def test_keepalives_are_not_asked_of_a_unix_socket() -> None:
    assert judge({**FIT, "tcp_keepalives_idle": "0"}, Limits(), over_tcp=False) == []


def test_durations_are_read_as_postgresql_shows_them() -> None:
    shown = ["0", "250ms", "5s", "2min", "1h", "1d", "10"]
    assert [milliseconds(text) for text in shown] == [0, 250, 5000, 120_000, 3_600_000, 86_400_000, 10_000]


async def test_a_database_that_forgets_commits_is_refused(database_url: str) -> None:
    await run_sql(database_url, f"ALTER DATABASE {database_name(database_url)} SET synchronous_commit = off")
    with pytest.raises(UnfitDatabaseError, match="synchronous_commit"):
        await Database.open(database_url)


async def test_a_transaction_pooler_is_refused(postgres: EmbeddedPostgres, database_url: str) -> None:
    direct = postgres.database_url(database_name(database_url), tcp=True)
    async with pooling(postgres.port) as port:
        with pytest.raises(UnfitDatabaseError, match="pooler"):
            await Database.open(direct.replace(f":{postgres.port}/", f":{port}/"))


async def test_whoever_times_the_store_is_told_how_it_failed(database_url: str) -> None:
    told: list[tuple[str, str]] = []
    impatient = {**LIMITS, "controller": Limits(statement=5_000, lock=50)}

    def timed(op: str, _seconds: float, failure: str) -> None:
        told.append((op, failure))

    database = await Database.open(database_url, limits=impatient, timed=timed)
    try:
        job = await create(database)
        async with team_lock(database_url, job.team):
            with pytest.raises(StoreBusyError):
                await Changes(database.controller, unobserved).change(job.team, job.id, moved(State.CANCELLED))
    finally:
        await database.close()
    assert {("connect", ""), ("create", ""), ("change", "busy")} <= set(told)

    nobody = Connections("postgresql://nobody@127.0.0.1:1/none", "api", 1, Limits(), timed)
    with pytest.raises(StoreUnavailableError):
        await nobody.connect()
    assert told[-1] == ("connect", "unavailable")


async def test_every_session_has_its_limits_over_tcp_too(postgres: EmbeddedPostgres, database_url: str) -> None:
    database = await Database.open(postgres.database_url(database_name(database_url), tcp=True))
    for name in ("api", "controller", "lease", "feed"):
        group: Connections = getattr(database, name)
        async with group.session("look") as session:
            shown = {
                setting: milliseconds(await session.value(f"SHOW {setting}"))
                for setting in ("statement_timeout", "lock_timeout", "idle_in_transaction_session_timeout")
            }
        assert list(shown.values()) == [
            LIMITS[name].statement,
            LIMITS[name].lock,
            LIMITS[name].idle_in_transaction,
        ]
    await database.close()


async def test_a_replica_frozen_inside_a_transaction_does_not_hold_a_team_for_ever(
    database: Database, database_url: str
) -> None:
    """Its session is ended, so its lock is gone; what it meant to commit is not committed."""
    job = await create(database)
    frozen = await Database.open(
        database_url, limits={name: replace(limits, idle_in_transaction=50) for name, limits in PATIENT.items()}
    )
    with pytest.raises(StoreUnavailableError):
        await hold_and_freeze(frozen, Changes(database.controller, unobserved), job.id)
    await frozen.close()


async def hold_and_freeze(frozen: Database, others: Changes, job_id: int) -> None:
    async with frozen.controller.transaction("frozen") as transaction:
        await transaction.run("SELECT 1 FROM teams FOR UPDATE")
        assert await others.change("ranking", job_id, moved(State.CANCELLED)) is not None
        await transaction.run("SELECT 1")


async def test_a_database_that_stops_and_starts_loses_nothing_and_is_used_again(
    postgres: EmbeddedPostgres, database: Database
) -> None:
    kept = await create(database)
    creates, reads = Creates(database, unobserved), Reads(database.api)
    changes = Changes(database.api, unobserved)
    await asyncio.to_thread(postgres.halt, Shutdown.IMMEDIATE)
    for call in (
        lambda: creates.admit(new_batch_job(), allow),
        lambda: creates.validate(new_batch_job(), allow),
        lambda: reads.get("ranking", kept.id),
        lambda: reads.page("ranking", 5),
        lambda: changes.change("ranking", kept.id, moved(State.CANCELLED)),
    ):
        with pytest.raises(GatewayError) as refusal:
            await call()
        assert refusal.value.reason is Reason.STORE_UNAVAILABLE
        assert refusal.value.retry_after is not None
        assert refusal.value.retry_pushback
    with pytest.raises(StoreUnavailableError):
        await Changes(database.controller, unobserved).change("ranking", kept.id, moved(State.CANCELLED))
    await asyncio.to_thread(postgres.start)
    assert await reads.get("ranking", kept.id) == kept
    assert (await creates.admit(new_batch_job(), allow)).job.revision == 2


async def test_a_create_that_waits_while_the_database_goes_is_unavailable_and_was_not_made(
    postgres: EmbeddedPostgres, database: Database, database_url: str
) -> None:
    await create(database)
    creates = Creates(database, unobserved)
    with suppress(asyncpg.InterfaceError):  # The lock's own session is gone as well.
        async with team_lock(database_url) as holder:
            creating = asyncio.create_task(creates.admit(new_batch_job(), allow))
            await holder.until_blocked()
            await asyncio.to_thread(postgres.restart, Shutdown.FAST)
    with pytest.raises(GatewayError) as refusal:
        await creating
    assert refusal.value.reason is Reason.STORE_UNAVAILABLE
    assert refusal.value.retry_pushback
    assert (await Reads(database.api).usage("ranking")).queued_jobs == 1


async def test_a_database_that_is_not_there_is_unavailable(postgres: EmbeddedPostgres) -> None:
    with pytest.raises(StoreUnavailableError):
        await Database.open(postgres.database_url("nothing"))
    with pytest.raises(StoreUnavailableError):
        await Database.open("postgresql://nobody@127.0.0.1:1/nothing")


async def test_a_connection_whose_peer_is_gone_is_noticed_on_our_side_too(
    postgres: EmbeddedPostgres, database_url: str
) -> None:
    database = await Database.open(postgres.database_url(database_name(database_url), tcp=True))
    connection = await database.api.connect()
    raw = connection._transport.get_extra_info("socket")
    assert raw.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE) == 1
    assert raw.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT) == 20_000
    await connection.close()
    await database.close()


async def test_how_long_each_operation_took_is_told(database_url: str) -> None:
    told: list[tuple[str, float]] = []

    def timed(op: str, seconds: float, _failure: str) -> None:
        told.append((op, seconds))

    database = await Database.open(database_url, Sizes(api=1), timed=timed)
    await create(database)
    await Reads(database.api).page("ranking", 1)
    assert [op for op, _ in told if op != "connect"] == ["create", "page"]
    assert all(seconds >= 0 for _, seconds in told)
    await database.close()


def test_a_connection_that_dies_between_two_statements_is_unavailable() -> None:
    """The driver says then that its own state is wrong, by an error that is neither of its other two families."""
    error = asyncpg.InternalClientError("cannot switch to state 12; another operation (2) is in progress")
    assert isinstance(error, DRIVER_ERRORS)
    assert isinstance(translate(error), StoreUnavailableError)
