"""Connections to PostgreSQL, one group for each kind of work, and transactions whose outcome is known or said not to be."""

from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Any, Self


@dataclass(frozen=True, slots=True)
class Sizes:
    """How many connections each group may hold. The feed holds one more, to listen on."""

    api: int = 8
    controller: int = 4
    lease: int = 1
    feed: int = 1


class Connections:
    """One group of connections. It recovers by itself when PostgreSQL comes back."""

    def transaction(self, op: str) -> AbstractAsyncContextManager[Any]:
        """BEGIN … COMMIT. Raises StoreError's family; COMMIT is shielded from the caller's cancellation."""
        raise AssertionError

    def session(self, op: str) -> AbstractAsyncContextManager[Any]:
        """One connection for single statements that commit by themselves."""
        raise AssertionError


class Database:
    """The groups: `api`, `controller`, `lease`, `feed` (Connections each), opened together and checked at start."""

    api: Connections
    controller: Connections
    lease: Connections
    feed: Connections

    @classmethod
    async def open(cls, url: str, sizes: Sizes = Sizes()) -> Self:
        """Open and check. Raises StoreUnavailableError, or UnfitDatabaseError for settings that break a promise."""
        raise AssertionError

    async def close(self) -> None:
        """Close every connection; what is in a transaction is waited for, briefly."""
        raise AssertionError
