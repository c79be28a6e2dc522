"""Ends what has waited in the queue for too long."""

from gateway.controller import moves
from gateway.controller.guard import Guard
from gateway.controller.term import Term
from gateway.domain.batch_job import BatchJob

_NAME = "expire"
_AT_ONCE = 200


class Expire:
    """All pools at once: nothing here asks Vertex."""

    def __init__(self, term: Term, guard: Guard) -> None:
        self._term, self._guard = term, guard

    async def run_once(self) -> None:
        await self._guard.each(_NAME, await self._term.store.sweeps.past_deadline(_AT_ONCE), self._expire)

    async def _expire(self, row: BatchJob) -> None:
        await self._term.change(row, moves.expire(self._term.retention(row.team)))
