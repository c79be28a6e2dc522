"""What a loop that goes pool by pool has to say."""

from abc import ABC, abstractmethod
from collections.abc import Collection
from typing import ClassVar

from gateway.controller.guard import Guard, together
from gateway.controller.term import Term
from gateway.domain.batch_job import PoolId


class PerPool(ABC):
    """A loop's work, one pool at a time; nothing in one pool's pass waits for another pool."""

    name: ClassVar[str]

    def __init__(self, term: Term, guard: Guard) -> None:
        self._term, self._guard = term, guard

    async def pools(self) -> Collection[PoolId]:
        """The pools to look at now: those of open rows, whether or not the policy still holds them."""
        return await self._term.pools()

    @abstractmethod
    async def run_pool(self, pool: PoolId) -> None:
        """One pass over one pool."""

    async def run_once(self) -> None:
        """One pass over every pool, side by side; what fails in one is counted and leaves the others alone."""
        await together([self._guard.run(self.name, str(pool), self.run_pool(pool)) for pool in await self.pools()])
