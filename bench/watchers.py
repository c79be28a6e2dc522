"""Many open watches in the load generator, and how long a change takes to reach all of them."""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Protocol

from bench import load
from bench.load import LoadError


@dataclass(frozen=True, slots=True)
class Delivered:
    """Seconds from a change until the middle and the last watcher had it."""

    median: float
    last: float


class Change(Protocol):
    """A change of everything that is watched."""

    async def prepare(self, mark: str) -> None:
        """Do all that comes before the moment from which a watcher may know of it; `mark` stands in what is sent."""
        ...

    async def commit(self) -> None:
        """Make it."""
        ...


class Watchers:
    """Streams that are open and have had their first message."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process

    async def deliver(self, mark: str, change: Change) -> Delivered:
        """Make a change after which every stream must bring a message with the mark in it.

        Raises:
            LoadError: a stream has ended, or has not brought it within a minute.

        """
        if self._process.stdin is None:
            raise AssertionError("its input was asked for")
        self._process.stdin.write(f"{mark}\n".encode())
        await self.line()
        await change.prepare(mark)
        began = time.time()
        await change.commit()
        report = json.loads(await self.line())
        if "error" in report:
            raise LoadError(f"{report['arrived']:,} watches had the change: {report['error']}")
        return Delivered(report["median"] - began, report["last"] - began)

    async def line(self) -> str:
        """What the generator says next."""
        if self._process.stdout is None:
            raise AssertionError("its output was asked for")
        line = await self._process.stdout.readline()
        if not line:
            raise LoadError("the generator has ended")
        return line.decode()


@asynccontextmanager
async def watching(
    target: str,
    method: str,
    requests: Iterable[bytes],
    *,
    connections: int,
    headers: Mapping[str, str],
    pinned: tuple[str, ...] = (),
) -> AsyncIterator[Watchers]:
    """A stream for each request; all have had their first message once this is entered."""
    pipe = asyncio.subprocess.PIPE
    with load.written(requests) as file:
        command = [*pinned, *load.arguments(target, method, file, headers, connections=connections, watch="true")]
        process = await asyncio.create_subprocess_exec(*command, stdin=pipe, stdout=pipe)
        try:
            watchers = Watchers(process)
            await watchers.line()
            yield watchers
        finally:
            if process.returncode is None:
                process.kill()
            await process.wait()
