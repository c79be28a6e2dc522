"""Removes what has been kept for long enough: ended batch jobs, then their tombstones, then their request_ids."""

from gateway.controller import moves
from gateway.controller.bells import Bell
from gateway.controller.guard import Guard
from gateway.controller.term import Term
from gateway.domain.batch_job import BatchJob

_NAME = "retain"
_AT_ONCE = 200


class Retain:
    """All pools at once: Vertex jobs of tombstones are delete's to remove."""

    def __init__(self, term: Term, guard: Guard) -> None:
        self._term, self._guard = term, guard

    async def run_once(self) -> None:
        term = self._term
        due = await term.store.sweeps.past_retention(_AT_ONCE)
        await self._guard.each(_NAME, due, self._retire)
        if due:
            term.bells.ring(Bell.DELETE)
        window = term.config.resume_window
        await term.fenced(lambda fence: term.store.sweeps.purge(fence, window, _AT_ONCE))
        await term.fenced(lambda fence: term.store.sweeps.purge_request_ids(fence, _AT_ONCE))

    async def _retire(self, row: BatchJob) -> None:
        await self._term.change(row, moves.retire)
