"""The Vertex emulator as a process of its own, as `gateway dev` runs it."""

import asyncio
import json
import sys
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Final

START_SECONDS: Final = 60.0
STOP_SECONDS: Final = 10.0


class EmulatorError(Exception):
    """The emulator did not start; the message ends with what it said."""


@dataclass(frozen=True, slots=True)
class EmulatorProcess:
    """A started emulator: where its JobService, its Cloud Storage and its BigQuery answer."""

    target: str
    storage_url: str
    bigquery_url: str


class Emulating:
    """Runs the emulator while entered. It is in a session of its own, so Ctrl-C reaches it only through us."""

    def __init__(self, buckets: Path, tables: Path, log: Path, arguments: tuple[str, ...] = ()) -> None:
        folders = ("--buckets", str(buckets), "--tables", str(tables))
        self._command = (sys.executable, "-m", "vertex_emulator", *folders, *arguments)
        self._log = log
        self._process: asyncio.subprocess.Process | None = None

    async def __aenter__(self) -> EmulatorProcess:
        """Start it and wait until it serves; raises EmulatorError."""
        with self._log.open("ab") as log:
            self._process = await asyncio.create_subprocess_exec(
                *self._command, stdout=asyncio.subprocess.PIPE, stderr=log, start_new_session=True
            )
        try:
            return await self._addresses(self._process)
        except BaseException:
            await self._stop(self._process)
            raise

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._process is not None:
            await self._stop(self._process)

    async def _addresses(self, process: asyncio.subprocess.Process) -> EmulatorProcess:
        """The addresses from the one line that it prints once it serves."""
        if process.stdout is None:
            raise AssertionError("its output is a pipe")
        try:
            async with asyncio.timeout(START_SECONDS):
                line = await process.stdout.readline()
            said = json.loads(line)
            return EmulatorProcess(said["target"], said["storage_url"], said["bigquery_url"])
        except (TimeoutError, ValueError, KeyError) as error:
            text = await asyncio.to_thread(self._log.read_text, errors="replace")
            last = text.strip().splitlines()[-1:] or ["it said nothing"]
            raise EmulatorError(f"the Vertex emulator did not start: {last[0]}") from error

    async def _stop(self, process: asyncio.subprocess.Process) -> None:
        if process.returncode is None:
            process.terminate()
        try:
            async with asyncio.timeout(STOP_SECONDS):
                await process.communicate()
        except TimeoutError:
            process.kill()
            await process.communicate()
