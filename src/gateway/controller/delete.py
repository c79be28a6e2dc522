"""Deletes the Vertex jobs of deleted batch jobs; a row goes for good only when its Vertex job has gone."""

from collections.abc import Collection

from gateway.cloud.vertex_errors import Code, VertexError
from gateway.controller.guard import Guard
from gateway.controller.per_pool import PerPool
from gateway.controller.term import Term
from gateway.domain.batch_job import BatchJob, PoolId

_AT_ONCE = 100


class Delete(PerPool):
    """One pool at a time. What Vertex would not delete is tried again later, behind what has not been tried."""

    name = "delete"

    def __init__(self, term: Term, guard: Guard) -> None:
        super().__init__(term, guard)
        self._later: dict[int, float] = {}

    async def pools(self) -> Collection[PoolId]:
        return await self._term.store.tombstones.pools()

    async def run_pool(self, pool: PoolId) -> None:
        now = self._term.clock.boottime()
        self._later = {job_id: when for job_id, when in self._later.items() if when > now}
        due = await self._term.store.tombstones.in_pool(pool, _AT_ONCE, but=self._later)
        await self._guard.each(self.name, due, self._delete)

    async def _delete(self, row: BatchJob) -> None:
        self._later[row.id] = self._term.clock.boottime() + self._term.config.delete_retry.total_seconds()
        if await self._gone(row):
            del self._later[row.id]
            await self._term.fenced(lambda fence: self._term.store.sweeps.vertex_deleted(fence, row.team, row.id))

    async def _gone(self, row: BatchJob) -> bool:
        try:
            return await self._term.ask(row.pool, lambda vertex: vertex.delete(row.vertex_name))
        except VertexError as error:
            if not error.from_server or error.code not in {Code.FAILED_PRECONDITION, Code.NOT_FOUND}:
                raise
            if error.code is Code.NOT_FOUND:
                return True
        # It runs though its batch job has ended: a name that came to light too late. It has to end first.
        await self._term.ask(row.pool, lambda vertex: vertex.cancel(row.vertex_name))
        return False
