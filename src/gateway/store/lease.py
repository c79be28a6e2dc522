"""The lease: one row that says who leads. With `locks.fence` it holds against a leader that slept."""

import secrets
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Final

from gateway.clock import Clock
from gateway.store.connections import Connections
from gateway.store.queries import load

SQL: Final = load("lease")


@dataclass(frozen=True, slots=True)
class Held:
    """A lease that is held. `expires` is on the process's boottime clock, counted from before the request was sent."""

    term: str
    expires: float


class Lease:
    """One replica's hand on the lease row. Errors are those of `errors.py`; an unknown commit means not held."""

    def __init__(self, connections: Connections, clock: Clock, *, holder: str, duration: timedelta) -> None:
        self._connections, self._clock = connections, clock
        self._holder, self._duration = holder, duration

    async def acquire(self) -> Held | None:
        """Take the lease under a new random term, if it is free or has expired.

        Looks without a lock first, since the lock of a takeover keeps the leader's writes waiting. Then waits for the
        open writes of the old term.
        """
        async with self._connections.session("lease_look") as session:
            if not await session.value(SQL["expired"]):
                return None
        held = Held(secrets.token_hex(8), self._expiry())
        async with self._connections.transaction("lease_acquire") as transaction:
            await transaction.value(SQL["lock_for_takeover"])
            taken = await transaction.value(SQL["take_over"], held.term, self._holder, self._duration)
        return held if taken else None

    async def renew(self, held: Held) -> Held | None:
        """The same term with a later expiry; None when the term is over, whoever has it now."""
        renewed = replace(held, expires=self._expiry())
        async with self._connections.transaction("lease_renew") as transaction:
            await transaction.value(SQL["lock_for_renewal"], held.term)
            kept = await transaction.value(SQL["renew"], held.term, self._duration)
        return renewed if kept else None

    async def release(self, held: Held) -> None:
        """Let it expire now, so that another may take it at once."""
        async with self._connections.session("lease_release") as session:
            await session.run(SQL["release"], held.term)

    async def left(self) -> float:
        """Seconds until the term in force runs out; 0 where none is."""
        async with self._connections.session("lease_look") as session:
            return float(await session.value(SQL["left"]))

    async def has_leader(self) -> bool:
        """Whether some term is in force."""
        async with self._connections.surfaced(), self._connections.session("lease_look") as session:
            return not await session.value(SQL["expired"])

    def _expiry(self) -> float:
        return self._clock.boottime() + self._duration.total_seconds()
