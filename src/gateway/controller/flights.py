"""The creates that are under way in this process, from the commit of step 1 until their outcome is recorded."""

import asyncio
from collections import Counter
from collections.abc import Collection, Coroutine, Iterator
from contextlib import contextmanager, suppress
from typing import Any

from gateway.controller.guard import stop_tasks
from gateway.domain.batch_job import BatchJob, PoolId
from gateway.store.errors import LeaseLostError


class Flights:
    """They outlive the term that began them: a create that was sent is recorded, whoever leads by then."""

    def __init__(self) -> None:
        self._tasks: dict[int, asyncio.Task[None]] = {}
        self._in_pool: Counter[PoolId] = Counter()
        self._boarding: set[int] = set()
        self._shown: set[int] = set()

    @contextmanager
    def boarding(self, job_id: int) -> Iterator[None]:
        """While step 1 takes a slot for it: `start` begins its flight in here, or it has none."""
        self._boarding.add(job_id)
        try:
            yield
        finally:
            self._boarding.discard(job_id)
            self._forget(job_id)

    def start(self, job: BatchJob, work: Coroutine[Any, Any, None]) -> None:
        self._in_pool[job.pool] += 1
        self._tasks[job.id] = asyncio.create_task(self._fly(job, work))

    def under_way(self, job_id: int) -> bool:
        """Whether this process is still creating for that batch job, or recording what it created."""
        return job_id in self._tasks

    def show(self, job_ids: Collection[int]) -> None:
        """Note that Vertex has shown a Vertex job for each of them, which an earlier attempt made."""
        self._shown.update(each for each in job_ids if each in self._tasks or each in self._boarding)

    def was_shown(self, job_id: int) -> bool:
        """Whether that happened since this process took a slot for it: what has not gone out by then must not."""
        return job_id in self._shown

    def in_pool(self, pool: PoolId) -> int:
        return self._in_pool[pool]

    async def landed(self) -> None:
        """Return when nothing is under way."""
        while self._tasks:
            await asyncio.wait(self._tasks.values())

    async def abandon(self) -> None:
        """Give up what is still under way; its outcome is unknown from here on, and the next leader settles it."""
        await stop_tasks(self._tasks.values())

    async def _fly(self, job: BatchJob, work: Coroutine[Any, Any, None]) -> None:
        try:
            with suppress(LeaseLostError):
                await work
        finally:
            self._in_pool[job.pool] -= 1
            # An earlier term's flight for the batch job may end after a later one has begun.
            if self._tasks.get(job.id) is asyncio.current_task():
                del self._tasks[job.id]
                self._forget(job.id)

    def _forget(self, job_id: int) -> None:
        if job_id not in self._tasks and job_id not in self._boarding:
            self._shown.discard(job_id)
