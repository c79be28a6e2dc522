"""A replica that shuts down takes no new calls: they are told to come again, and reach another replica."""

from typing import Any

from gateway.api.call import Call, Proceed
from gateway.service.drain import Drain


class Draining:
    """Refuses calls of the API while the replica drains. Health and reflection are still answered."""

    def __init__(self, drain: Drain, guarded: frozenset[str]) -> None:
        self._drain = drain
        self._guarded = guarded

    async def around(self, call: Call, proceed: Proceed) -> Any:
        """Refuse, or let through."""
        if self._drain.begun and call.service in self._guarded:
            raise self._drain.refusal()
        return await proceed(call)
