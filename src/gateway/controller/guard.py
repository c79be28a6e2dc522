"""What keeps one failure from stopping a loop: counted, told once, left to the next pass."""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Iterable
from typing import Final, TypeVar

import structlog

from gateway.cloud.vertex_errors import VertexError
from gateway.domain.batch_job import BatchJob
from gateway.store.errors import LeaseLostError, StoreError
from gateway.telemetry.metrics import Metrics

T = TypeVar("T")
_AT_ONCE: Final = 8
_REMEMBERED: Final = 10_000


class Guard:
    """Keeps what fails in a loop from stopping it. Each failure is counted; the same one in a row is logged once."""

    def __init__(self, metrics: Metrics) -> None:
        self._metrics = metrics
        self._failing: dict[tuple[str, str], str] = {}
        self._log = structlog.get_logger(__name__)

    async def run(self, loop: str, subject: str, work: Awaitable[None]) -> bool:
        """Await `work` about `subject` (a pool, a batch job, ""). False where it failed; raises LeaseLostError only."""
        try:
            await work
        except LeaseLostError:
            raise
        except (StoreError, VertexError) as error:
            self._note(loop, subject, error)
        except Exception as error:  # noqa: BLE001 - whatever it is, it is counted, logged, and stops nothing else
            self._note(loop, subject, error, trace=True)
        else:
            self._failing.pop((loop, subject), None)
            return True
        return False

    def _note(self, loop: str, subject: str, error: Exception, *, trace: bool = False) -> None:
        self._metrics.loops.failed(loop)
        told = f"{type(error).__name__}: {error}"
        if self._failing.get((loop, subject)) != told:
            self._failing[loop, subject] = told
            if len(self._failing) > _REMEMBERED:
                del self._failing[next(iter(self._failing))]
            self._log.warning("loop_failed", loop=loop, subject=subject, error=told, exc_info=trace)

    async def each(self, loop: str, jobs: Iterable[BatchJob], work: Callable[[BatchJob], Awaitable[None]]) -> None:
        """Do `work` for every batch job, a few at a time; one that fails is left to the next pass."""
        places = asyncio.Semaphore(_AT_ONCE)

        async def one(job: BatchJob) -> None:
            async with places:
                await self.run(loop, job.name, work(job))

        await together([one(job) for job in jobs])


async def together(works: Collection[Awaitable[object]]) -> None:
    """Await all of them to the end, then raise the first error, if there was one."""
    for result in await asyncio.gather(*works, return_exceptions=True):
        if isinstance(result, BaseException):
            raise result


async def first_of(*works: Awaitable[object]) -> None:
    """Return when one of them has ended, or raise what it raised; the others are cancelled."""
    tasks = [asyncio.ensure_future(work) for work in works]
    try:
        ended, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in ended:
            task.result()
    finally:
        await stop_tasks(tasks)


async def stop_tasks(tasks: Iterable["asyncio.Future[T]"]) -> None:
    """Cancel and wait until they have ended; what they raised is nobody's any more."""
    tasks = list(tasks)
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
