"""Asks Vertex to cancel what is wanted cancelled, again and again until an end is seen."""

from gateway.cloud.vertex_errors import Code, VertexError
from gateway.controller.bells import Bell
from gateway.controller.guard import Guard
from gateway.controller.per_pool import PerPool
from gateway.controller.term import Term
from gateway.domain.batch_job import BatchJob, PoolId


class Cancel(PerPool):
    """One pool at a time. What is SUBMITTING keeps its attempt: once its name is known, it comes here."""

    name = "cancel"

    def __init__(self, term: Term, guard: Guard) -> None:
        super().__init__(term, guard)
        self._sent: dict[int, float] = {}

    async def run_pool(self, pool: PoolId) -> None:
        rows = [row for row in await self._term.store.sweeps.active(pool) if row.cancel_time and row.vertex_name]
        now, repeat = self._term.clock.boottime(), self._term.config.cancel_repeat.total_seconds()
        self._sent = {job_id: sent for job_id, sent in self._sent.items() if now - sent < repeat}
        await self._guard.each(self.name, [row for row in rows if row.id not in self._sent], self._cancel)

    async def _cancel(self, row: BatchJob) -> None:
        began = self._term.clock.boottime()
        try:
            with self._term.traces.span(self.name, about=row.name, pool=str(row.pool)):
                await self._term.ask(row.pool, lambda vertex: vertex.cancel(row.vertex_name))
        except VertexError as error:
            # It has ended or is gone: what it came to is the poll's to find out.
            if not error.from_server or error.code not in {Code.FAILED_PRECONDITION, Code.NOT_FOUND}:
                raise
        self._sent[row.id] = began
        self._term.bells.ring(Bell.POLL, row.pool)
