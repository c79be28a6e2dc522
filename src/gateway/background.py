"""Tasks that run as long as the process does. One that ends by itself is a defect, and the process ends with it."""

import asyncio
from collections.abc import Coroutine
from typing import Any

import structlog

log = structlog.get_logger(__name__)


class Background:
    """Runs tasks, and knows when one of them has failed."""

    def __init__(self) -> None:
        self._tasks: list[asyncio.Task[None]] = []
        self._failed = asyncio.Event()
        self._stopping = False

    def run(self, name: str, work: Coroutine[Any, Any, None]) -> None:
        """Start a task under a name for the log."""
        task = asyncio.create_task(work, name=name)
        task.add_done_callback(self._ended)
        self._tasks.append(task)

    async def failed(self) -> None:
        """Return when a task has ended that should not have."""
        await self._failed.wait()

    def may_end(self) -> None:
        """From here on the process is stopping, and tasks may end by themselves."""
        self._stopping = True

    async def stop(self) -> None:
        """Cancel every task and wait until it is gone."""
        self.may_end()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _ended(self, task: asyncio.Task[None]) -> None:
        if self._stopping or task.cancelled():
            return
        error = task.exception()
        log.critical("background task ended", task=task.get_name(), exc_info=error)
        self._failed.set()
