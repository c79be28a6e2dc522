"""The driver's exceptions, translated once. What is not listed here is a defect and passes through."""

import socket
from typing import Final

import asyncpg
from asyncpg import Connection

from gateway.store.errors import StoreBusyError, StoreError, StoreUnavailableError

DRIVER_ERRORS: Final = (
    asyncpg.PostgresError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,
    OSError,
    TimeoutError,
)
"""Everything a call of the driver raises, apart from its warnings. InternalClientError: its connection dies."""

_BUSY: Final = frozenset({"55P03", "40P01", "40001"})
"""A lock not had in time, a deadlock that PostgreSQL resolved against us, a serialization failure."""

_UNAVAILABLE_CLASSES: Final = frozenset({"08", "28", "53", "57", "58", "F0"})
"""Connection, authorization, resources, operator intervention (statement timeout too), system and configuration."""

_UNAVAILABLE: Final = frozenset({"25006", "25P03", "3D000"})
"""A standby that may only read, a session ended for idling inside a transaction, a database that is not there."""

_ROLLED_BACK_CLASSES: Final = frozenset({"23", "40"})
_COMPLETION_UNKNOWN: Final = "40003"


def translate(error: Exception) -> Exception:
    """The store's error for a driver's; the same error where it shows a defect."""
    if isinstance(error, asyncpg.PostgresError):
        state = str(getattr(error, "sqlstate", "") or "")
        if state in _BUSY:
            return StoreBusyError(str(error))
        if state in _UNAVAILABLE or state[:2] in _UNAVAILABLE_CLASSES:
            return StoreUnavailableError(f"{state}: {error}")
        return error
    if isinstance(error, ValueError):  # The driver's DataError: an argument of ours has the wrong type.
        return error
    if isinstance(error, DRIVER_ERRORS):
        return StoreUnavailableError(f"{type(error).__name__}: {error}")
    return error


def surely_rolled_back(error: Exception) -> bool:
    """Whether PostgreSQL itself said at COMMIT that the transaction is undone. Everything else leaves it unknown."""
    if isinstance(error, StoreError):
        return True
    state = str(getattr(error, "sqlstate", "") or "")
    return state[:2] in _ROLLED_BACK_CLASSES and state != _COMPLETION_UNKNOWN


def keep_alive(connection: Connection, *, idle: int, interval: int, count: int, user_timeout: int) -> None:
    """Have our side notice a peer that vanished. In seconds, `user_timeout` in milliseconds; TCP only."""
    # The driver has no public way to its socket.
    transport = connection._transport  # type: ignore[attr-defined]  # noqa: SLF001 - see above
    raw = transport.get_extra_info("socket")
    if raw is None or raw.family not in {socket.AF_INET, socket.AF_INET6}:
        return
    raw.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    wanted = {"TCP_KEEPIDLE": idle, "TCP_KEEPINTVL": interval, "TCP_KEEPCNT": count, "TCP_USER_TIMEOUT": user_timeout}
    for name, value in wanted.items():
        if option := getattr(socket, name, None):
            raw.setsockopt(socket.IPPROTO_TCP, option, value)
