"""Settles what became of ambiguous creates: by looking, never by sending again before it is known."""

from collections import Counter
from collections.abc import Mapping

import structlog

from gateway.controller import gate, moves
from gateway.controller.bells import Bell
from gateway.controller.flights import Flights
from gateway.controller.guard import Guard
from gateway.controller.per_pool import PerPool
from gateway.controller.scan import Scanner
from gateway.controller.term import Term
from gateway.domain.batch_job import BatchJob, PoolId
from gateway.domain.states import State


class Resolve(PerPool):
    """Looks at rows that are SUBMITTING while nobody here is creating for them, and scans where a scan is wanted."""

    name = "resolve"

    def __init__(self, term: Term, guard: Guard, scanner: Scanner, flights: Flights) -> None:
        super().__init__(term, guard)
        self._scanner, self._flights = scanner, flights
        self._unresolved: Counter[str] = Counter()
        self._log = structlog.get_logger(__name__)

    @property
    def unresolved(self) -> Mapping[str, int]:
        """How many creates are ambiguous now, by pool."""
        return self._unresolved

    async def run_pool(self, pool: PoolId) -> None:
        """Scan if anything waits for it, and settle what is proven."""
        rows = [
            row
            for row in await self._term.store.sweeps.active(pool)
            if row.state is State.SUBMITTING and not self._flights.under_way(row.id)
        ]
        self._unresolved[str(pool)] = len(rows)
        await self._close_gate(pool, rows)
        scans = self._term.scans
        if rows or scans.wanted(pool) or not scans.ready(pool):
            await self._scanner.scan(pool, *(scans.reach(row) for row in rows))
        await self._guard.each(self.name, [row for row in rows if scans.prove_absent(row)], self._settle)

    async def _close_gate(self, pool: PoolId, rows: list[BatchJob]) -> None:
        """What an earlier leader left behind closes the gate as our own unanswered creates do."""
        known = self._term.state(pool).last_ambiguous_time
        if any(row.submit_time and (known is None or row.submit_time > known) for row in rows):
            await self._term.write_pool(pool, gate.unanswered)

    async def _settle(self, row: BatchJob) -> None:
        term, attempt = self._term, row.attempt
        if attempt is None:
            return
        config = term.config
        change = moves.absent(attempt.id, config.settle_after, config.max_ambiguous, term.retention(row.team))
        # Before the write: where its commit is not answered, nobody comes back here to say that it was put back.
        term.scans.put_back(row)
        changed = await term.change(row, change)
        if changed is None:
            return
        after = changed.after
        how = "given_up" if after.state is State.FAILED else "absent"
        term.metrics.vertex.resolved(how)
        self._log.warning("submit_resolved", batch_job=row.name, attempt=attempt.number, how=how, to=after.state)
        if after.state is State.QUEUED:
            term.bells.ring(Bell.RESOLVE, row.pool)
