"""What every session of the store sets, and what the start refuses."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import asyncpg
from asyncpg import Connection

from gateway.store.errors import UnfitDatabaseError
from gateway.store.queries import load

SQL: Final = load("session_settings")
OLDEST_SERVER: Final = 140000
POOLER_ROUNDS: Final = 3
_POOLER_ERRORS: Final = (asyncpg.InvalidSQLStatementNameError, asyncpg.DuplicatePreparedStatementError)
"""A statement prepared in one session is missing from, or there already in, what claims to be the same one."""


@dataclass(frozen=True, slots=True)
class Limits:
    """The time limits of one group's sessions, in milliseconds.

    `idle_in_transaction` lies well below the lease's length: a replica that is frozen inside a transaction must not
    hold a team, or the lease, for ever.
    """

    statement: int = 5_000
    lock: int = 2_000
    idle_in_transaction: int = 3_000


KEEPALIVE: Final = {"idle": 10, "interval": 5, "count": 3, "user_timeout": 20_000}
"""Seconds, and milliseconds for the user timeout; set on both ends of a TCP connection."""


def server_settings(limits: Limits, name: str) -> dict[str, str]:
    """What a session asks for as it connects."""
    return {
        "application_name": f"batchjobs-gateway {name}",
        "timezone": "UTC",
        "default_transaction_isolation": "read committed",
        "statement_timeout": str(limits.statement),
        "lock_timeout": str(limits.lock),
        "idle_in_transaction_session_timeout": str(limits.idle_in_transaction),
        "tcp_keepalives_idle": str(KEEPALIVE["idle"]),
        "tcp_keepalives_interval": str(KEEPALIVE["interval"]),
        "tcp_keepalives_count": str(KEEPALIVE["count"]),
        "tcp_user_timeout": str(KEEPALIVE["user_timeout"]),
    }


async def check_session(connection: Connection, limits: Limits) -> None:
    """Refuse a session whose settings are not in force, and a server that does not keep what it commits."""
    shown = {name: await connection.fetchval(SQL[f"show_{name}"]) for name in _SHOWN}
    over_tcp = bool(await connection.fetchval(SQL["over_tcp"]))
    if problems := judge(shown, limits, over_tcp=over_tcp):
        raise UnfitDatabaseError("The database does not fit: " + "; ".join(problems) + ".")


def judge(shown: Mapping[str, str], limits: Limits, *, over_tcp: bool) -> list[str]:
    """What is wrong with a server that shows these settings, in words; empty when it fits."""
    problems = [] if int(shown["server_version_num"]) >= OLDEST_SERVER else ["PostgreSQL 14 or newer is needed"]
    problems += [f"{name} must not be off" for name in ("fsync", "synchronous_commit") if shown[name] == "off"]
    wanted: dict[str, int] = {
        "statement_timeout": limits.statement,
        "lock_timeout": limits.lock,
        "idle_in_transaction_session_timeout": limits.idle_in_transaction,
    }
    if over_tcp:
        wanted |= {
            "tcp_keepalives_idle": KEEPALIVE["idle"] * 1000,
            "tcp_keepalives_interval": KEEPALIVE["interval"] * 1000,
        }
    problems += [
        f"{name} is {shown[name]} where the gateway set {value} ms"
        for name, value in wanted.items()
        if milliseconds(shown[name]) != value
    ]
    return problems


_SHOWN: Final = (
    *("server_version_num", "fsync", "synchronous_commit"),
    *("statement_timeout", "lock_timeout", "idle_in_transaction_session_timeout"),
    *("tcp_keepalives_idle", "tcp_keepalives_interval"),
)
_UNITS: Final = {"ms": 1, "s": 1_000, "min": 60_000, "h": 3_600_000, "d": 86_400_000}


def milliseconds(text: str) -> int:
    """What SHOW says of a duration: `5s`, `250ms`, `2min`. Bare numbers are the keepalives' seconds, or 0."""
    digits = text.rstrip("abcdefghijklmnopqrstuvwxyz")
    return int(digits) * _UNITS[text[len(digits) :] or "s"]


async def check_direct(one: Connection, other: Connection) -> None:
    """Refuse a transaction pooler: two sessions open at once have two backends, and each keeps its own."""
    try:
        direct = [await _keep_apart(one, other) for _ in range(POOLER_ROUNDS)]
    except _POOLER_ERRORS:
        direct = [False]
    if not all(direct):
        raise UnfitDatabaseError(
            "A transaction pooler stands between the gateway and PostgreSQL. Locks, timeouts and notifications "
            "need a session: connect to PostgreSQL itself, or to a pooler in session mode."
        )


async def _keep_apart(one: Connection, other: Connection) -> bool:
    before = await one.fetchval(SQL["backend"])
    async with other.transaction():
        elsewhere = await other.fetchval(SQL["backend"])
        after = await one.fetchval(SQL["backend"])
    return bool(before == after != elsewhere)
