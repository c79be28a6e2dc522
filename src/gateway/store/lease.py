"""The lease: one row that says who leads, and the fence that holds against a leader that slept."""

from dataclasses import dataclass
from datetime import timedelta

from gateway.clock import Clock
from gateway.store.database import Connections


@dataclass(frozen=True, slots=True)
class Held:
    """A lease that is held. `expires` is on the process's boottime clock, counted from before the request was sent."""

    term: str
    expires: float


class Lease:
    """One replica's hand on the lease row."""

    def __init__(self, connections: Connections, clock: Clock, *, holder: str, duration: timedelta) -> None:
        raise AssertionError

    async def acquire(self) -> Held | None:
        """Take the lease under a new random term, if it is free or has expired; waits for open writes of the old term."""
        raise AssertionError

    async def renew(self, held: Held) -> Held | None:
        """The same term with a later expiry; None when the term is over, whoever has it now."""
        raise AssertionError

    async def release(self, held: Held) -> None:
        """Let it expire now, so that another may take it at once."""
        raise AssertionError

    async def has_leader(self) -> bool:
        """Whether some term is in force."""
        raise AssertionError
