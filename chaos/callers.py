"""The callers' processes: started, killed, started again."""

import asyncio
import sys
import time
from pathlib import Path

from chaos import journal
from chaos.caller import Orders
from chaos.sizes import REGIONS, Size


class Callers:
    """So many processes, each with some of the teams."""

    def __init__(self, folder: Path, size: Size, target: str, seed: str, teams: list[str]) -> None:
        self.count = size.callers
        self._folder = folder
        self._processes: dict[int, asyncio.subprocess.Process] = {}
        began = time.time()
        for number in range(self.count):
            mine = teams[number :: self.count]
            each = size.creates // len(teams)
            Orders(target, mine, list(REGIONS), each, size.seconds, began, seed).write(folder / f"caller-{number}.json")

    async def start(self) -> None:
        for number in range(self.count):
            await self._start(number)

    async def kill(self, number: int) -> None:
        """SIGKILL, and a new process that reads the journal."""
        process = self._processes[number]
        if process.returncode is None:
            process.kill()
        await process.wait()
        await self._start(number)

    async def stop(self) -> None:
        for process in self._processes.values():
            if process.returncode is None:
                process.terminate()
            await process.wait()

    def done(self) -> bool:
        """Whether every caller has had all its answers."""
        return all(any(line["event"] == "creates done" for line in lines) for lines in self.journals().values())

    def journals(self) -> dict[int, list[dict[str, object]]]:
        """What each was told so far."""
        return {number: journal.read(self._folder / f"caller-{number}.jsonl") for number in range(self.count)}

    async def _start(self, number: int) -> None:
        with (self._folder / f"caller-{number}.log").open("ab") as log:
            self._processes[number] = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", "chaos.caller", str(self._folder), str(number)), stdout=log, stderr=log
            )
