"""Gates before every statement and every commit."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from contextvars import ContextVar
from typing import Any
from weakref import WeakKeyDictionary

import pytest

from gateway.store.changes import Changes
from gateway.store.connections import Connections, Session, Transaction
from gateway.store.dispatches import Dispatches
from gateway.store.errors import CommitUnknownError
from support.schedules.footprints import Footprint, Held, name_of, of_statement
from support.schedules.gates import Actor, arrive, current, touch

_operation: ContextVar[str] = ContextVar("operation", default="")
_UNFENCED = frozenset({"record", "caller"})

Watch = Callable[["Actor", str, bool], Awaitable[None]]
"""`watch(actor, what, fenced)`: told before a commit that writes and after a fence was passed."""


def as_caller() -> None:
    """From here on this task writes as a caller of the API does, without the fence."""
    _operation.set("caller")


class StoreGates:
    """What the open transactions of all actors have written and locked so far."""

    def __init__(self, watch: Watch) -> None:
        self._watch = watch
        self._held: WeakKeyDictionary[Session, Held] = WeakKeyDictionary()

    def install(self, patch: pytest.MonkeyPatch) -> None:
        for method in ("rows", "row", "value", "run", "run_each"):
            patch.setattr(Session, method, self._statement(getattr(Session, method)))
        patch.setattr(Connections, "_connection", _begin(Connections._connection))
        commit, roll_back = Transaction.commit, Transaction.roll_back
        patch.setattr(Transaction, "roll_back", self._roll_back(roll_back))
        patch.setattr(Transaction, "commit", self._commit(commit, roll_back))
        patch.setattr(Changes, "record", _named("record", Changes.record))
        patch.setattr(Dispatches, "take", _named("take", Dispatches.take))

    def _statement(self, original: Any) -> Any:
        async def run(session: Session, query: str, *args: Any) -> Any:
            actor = current.get()
            if actor is None:
                return await original(session, query, *args)
            footprint, inside = of_statement(query), isinstance(session, Transaction)
            # What a transaction writes is seen when it commits.
            seen = Footprint(footprint.reads, frozenset(), footprint.locks) if inside else footprint
            await arrive(name_of(query), seen, backend=session._connection.get_server_pid())
            if inside:
                await self._hold(session, actor, footprint)
            result = await original(session, query, *args)
            if result and name_of(query) == "locks.fence":
                await self._watch(actor, "fence", True)
            return result

        return run

    async def _hold(self, session: Session, actor: Actor, footprint: Footprint) -> None:
        if session not in self._held:
            self._held[session] = Held()
            actor.transactions += 1
        self._held[session].add(footprint)
        if not self._held[session].in_order:
            await self._watch(actor, f"locks in another order: {self._held[session].locks}", False)

    def _commit(self, commit: Any, roll_back: Any) -> Any:
        async def run(session: Transaction, seconds: float) -> None:
            actor = current.get()
            if actor is None:
                await commit(session, seconds)
                return
            held, operation = self._held.get(session, Held()), _operation.get()
            try:
                await arrive(f"COMMIT {operation}".strip(), held.end(kept=True))
            except asyncio.CancelledError:  # The process was killed here: PostgreSQL never heard of it.
                self._forget(session, actor)
                await roll_back(session, seconds)
                raise
            self._forget(session, actor)
            if held.writes:
                await self._watch(actor, "commit", operation not in _UNFENCED)
            await _end(session, seconds, actor.faults.pop(operation, ""), commit, roll_back)

        return run

    def _roll_back(self, original: Any) -> Any:
        async def run(session: Transaction, seconds: float) -> None:
            touch(self._held.get(session, Held()).end(kept=False))
            self._forget(session, current.get())
            await original(session, seconds)

        return run

    def _forget(self, session: Session, actor: Actor | None) -> None:
        if self._held.pop(session, None) is not None and actor is not None:
            actor.transactions -= 1


async def _end(session: Transaction, seconds: float, fate: str, commit: Any, roll_back: Any) -> None:
    """Commit; or with a fate, "kept" or "undone", do that and lose the answer."""
    if not fate:
        await commit(session, seconds)
        return
    session._hooks.clear()
    await (commit if fate == "kept" else roll_back)(session, seconds)
    raise CommitUnknownError("the answer to COMMIT was lost")


def _begin(original: Any) -> Any:
    @asynccontextmanager
    async def connection(self: Connections, op: str) -> AsyncIterator[Any]:
        await arrive(f"begin {op}")
        async with original(self, op) as opened:
            yield opened

    return connection


def _named(operation: str, original: Any) -> Any:
    """Know the commits of step 1 and of step 3 from all others."""

    async def run(*args: Any, **kwargs: Any) -> Any:
        token = _operation.set(operation)
        try:
            return await original(*args, **kwargs)
        finally:
            _operation.reset(token)

    return run
