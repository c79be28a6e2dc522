"""The emulator as a process, told from outside what to do."""

import asyncio
import json
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp

from chaos.sizes import RUN

CREATE = "CreateBatchPredictionJob"
LIST = "ListBatchPredictionJobs"


class Vertex:
    """The control routes of one emulator."""

    def __init__(self, addresses: dict[str, str], session: aiohttp.ClientSession) -> None:
        self.storage_url = addresses["storage_url"]
        host, _, port = addresses["target"].rpartition(":")
        self.address = (host, int(port))
        self.by_hand: dict[str, float] = {}
        """The Vertex jobs that were deleted by hand, and when."""
        self._session = session

    async def fault(self, method: str, kind: str, **values: Any) -> int:
        """Script a fault; its number."""
        return int((await self._post("faults", {"method": method, "kind": kind, **values}))["id"])

    async def heal(self, number: int) -> None:
        """Take a fault back; one that is used up is gone already."""
        async with self._session.delete(f"{self.storage_url}/emulator/faults/{number}") as answer:
            await answer.read()

    async def during(self, lasting: float, method: str, kind: str, **values: Any) -> None:
        """A fault that befalls every call for a while."""
        number = await self.fault(method, kind, times=None, **values)
        try:
            await asyncio.sleep(lasting)
        finally:
            await self.heal(number)

    async def jobs(self) -> list[dict[str, Any]]:
        return list(await self._get("jobs"))

    async def gone(self) -> list[dict[str, Any]]:
        """What was deleted, by the gateway or by hand."""
        return list(await self._get("jobs?gone=true"))

    async def calls(self) -> list[dict[str, Any]]:
        """Every call of Vertex's methods that changes something, and every list."""
        return [call for call in await self._get("calls") if "." not in call["method"]]

    async def delete_by_hand(self, job: str) -> None:
        self.by_hand[job] = time.time()
        await self._post(f"jobs/{job}/delete", {})

    async def _get(self, what: str) -> Any:
        async with self._session.get(f"{self.storage_url}/emulator/{what}") as answer:
            answer.raise_for_status()
            return await answer.json()

    async def _post(self, what: str, body: dict[str, Any]) -> Any:
        async with self._session.post(f"{self.storage_url}/emulator/{what}", json=body) as answer:
            answer.raise_for_status()
            return await answer.json()


@asynccontextmanager
async def vertex_process(folder: Path, buckets: Path) -> AsyncIterator[Vertex]:
    """An emulator whose jobs take about a second."""
    options = {"buckets": buckets, "bucket-check": "off", "pending-seconds": 0.2, "run-seconds": RUN}
    options |= {"cancel-seconds": 0.3}
    flags = [f"--{name}={value}" for name, value in options.items()]
    with (folder / "emulator.log").open("wb") as log:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "vertex_emulator", *flags), stdout=asyncio.subprocess.PIPE, stderr=log
        )
    try:
        if process.stdout is None:
            raise AssertionError("its output was asked for")
        addresses = json.loads(await process.stdout.readline())
        async with aiohttp.ClientSession() as session:
            yield Vertex(addresses, session)
    finally:
        if process.returncode is None:
            process.terminate()
        await process.wait()
