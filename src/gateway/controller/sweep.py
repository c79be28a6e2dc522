"""The slow look at every pool: late duplicates and strays, long after anybody waits for them."""

from collections.abc import Collection

from gateway.controller.guard import Guard
from gateway.controller.per_pool import PerPool
from gateway.controller.scan import Scanner
from gateway.controller.term import Term
from gateway.domain.batch_job import PoolId


class Sweep(PerPool):
    """One pool at a time: those of the policy, and those that still hold anything."""

    name = "sweep"

    def __init__(self, term: Term, guard: Guard, scanner: Scanner) -> None:
        super().__init__(term, guard)
        self._scanner = scanner

    async def pools(self) -> Collection[PoolId]:
        return await self._term.pools() | self._term.policy.current.pools.keys()

    async def run_pool(self, pool: PoolId) -> None:
        now = await self._term.store.scanning.now()
        await self._scanner.scan(pool, now - self._term.config.sweep_window)
