"""Follows what runs: one list of a pool's running Vertex jobs, and a get for each that is missing from it."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime

from gateway.cloud.vertex_errors import Code, VertexError
from gateway.controller import gate, moves
from gateway.controller.bells import Bell
from gateway.controller.finds import Finds, Sorted
from gateway.controller.guard import Guard
from gateway.controller.observe import observe
from gateway.controller.ours import last_segment
from gateway.controller.per_pool import PerPool
from gateway.controller.term import Term
from gateway.domain.batch_job import BatchJob, PoolId
from gateway.domain.vertex_job import VertexJob
from gateway.policy.model import Counts


class Poll(PerPool):
    """One pool at a time. A watcher costs Vertex nothing: this list is all that is ever asked for."""

    name = "poll"

    def __init__(self, term: Term, guard: Guard, finds: Finds) -> None:
        super().__init__(term, guard)
        self._finds = finds

    async def run_pool(self, pool: PoolId) -> None:
        """List, follow every named batch job, and note what else takes room."""
        with self._term.traces.span(self.name, pool=str(pool)):
            await self._poll(pool)

    async def _poll(self, pool: PoolId) -> None:
        term, began = self._term, self._term.clock.boottime()
        begun = await term.store.scanning.now()
        rows = {last_segment(row.vertex_name): row for row in await term.store.sweeps.active(pool) if row.vertex_name}
        live = {each.id: each for each in await term.list(pool, lambda vertex: vertex.list_running())}
        unnamed = await self._finds.sort(pool, [each for key, each in live.items() if key not in rows])
        await self._guard.each(self.name, rows.values(), lambda row: self._follow(row, live))
        await self._write(pool, unnamed, begun)
        term.listed(pool, began)
        term.metrics.leader.polled(str(pool))
        term.bells.ring(Bell.DISPATCH)

    async def _follow(self, row: BatchJob, live: Mapping[str, VertexJob]) -> None:
        found = live.get(last_segment(row.vertex_name)) or await self._get(row)
        if found is None:
            await self._term.change(row, moves.gone(self._term.config.settle_after, self._term.retention(row.team)))
            return
        retention = self._term.retention(row.team)
        if observe(row, found, row.update_time, retention=retention) is not None:
            with self._term.traces.span("follow", about=row.name, state=found.state.value):
                await self._term.change(row, moves.follow(found, retention))

    async def _get(self, row: BatchJob) -> VertexJob | None:
        """The Vertex job that the list did not show: it has ended, or the list lags, or it is gone (None)."""
        try:
            return await self._term.ask(row.pool, lambda vertex: vertex.get(row.vertex_name))
        except VertexError as error:
            if error.from_server and error.code is Code.NOT_FOUND:
                return None
            raise

    async def _write(self, pool: PoolId, unnamed: Sorted, begun: datetime) -> None:
        held = self._term.policy.current.pools.get(pool)
        others = unnamed.others if held is not None and held.counts is Counts.ALL else 0
        await self._term.write_pool(
            pool,
            lambda state, _: replace(
                gate.listed(state, begun=begun),
                others=others,
                strays=unnamed.strays,
                last_list_time=begun,
            ),
        )
