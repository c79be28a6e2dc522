"""A replica that shuts down takes no new calls: they are told to come again, and reach another replica."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from gateway.api.call import Call
from gateway.service.drain import Drain


class Draining:
    """Refuses calls of the API while the replica drains. Health and reflection are still answered."""

    def __init__(self, drain: Drain, guarded: frozenset[str]) -> None:
        self._drain = drain
        self._guarded = guarded

    @asynccontextmanager
    async def around(self, call: Call) -> AsyncIterator[None]:
        """Refuse, or let through."""
        if call.service in self._guarded and self._drain.begun:
            raise self._drain.refusal()
        yield
