"""A real Prometheus that scrapes one gateway every second."""

import asyncio
import json
import math
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.error import URLError
from urllib.parse import urlencode
from urllib.request import urlopen

import yaml

JOB = "gateway"
PATIENCE = 60.0
Answer = dict[str, float]
"""Values by what stands in the labels, `a b` for two; what is not a number is left out."""


@dataclass(frozen=True)
class Prometheus:
    """Asked over its HTTP API."""

    url: str

    def ask(self, expression: str, at: float | None = None) -> Answer:
        """An instant query, now or at a time."""
        asked = {"query": expression} | ({} if at is None else {"time": f"{at:.3f}"})
        url = f"{self.url}/api/v1/query?{urlencode(asked)}"
        with urlopen(url, timeout=10) as answer:  # noqa: S310 - an http address of this machine
            found = json.load(answer)["data"]["result"]
        values = {
            " ".join(each["metric"][key] for key in sorted(each["metric"])): float(each["value"][1]) for each in found
        }
        return {labels: value for labels, value in values.items() if not math.isnan(value)}

    async def until(self, expression: str, holds: Callable[[Answer], bool]) -> None:
        """Ask again and again until the answer is as wanted."""
        async with asyncio.timeout(PATIENCE):
            while not holds(await asyncio.to_thread(self.ask, expression)):  # noqa: ASYNC110 - it tells nobody
                await asyncio.sleep(0.2)

    async def scraped(self, times: int = 2) -> None:
        """Return once it has scraped so often after now."""
        for _ in range(times):
            now = time.time()
            await self.until(
                f'timestamp(batchjobs_leader{{job="{JOB}"}})', lambda seen, now=now: min(seen.values(), default=0) > now
            )


@contextmanager
def scraping(program: str, port: int, folder: Path) -> Iterator[Prometheus]:
    """Prometheus, scraping the metrics listener on that port; it ends with the block."""
    target = {"job_name": JOB, "scrape_interval": "1s", "static_configs": [{"targets": [f"127.0.0.1:{port}"]}]}
    (folder / "prometheus.yaml").write_text(yaml.safe_dump({"scrape_configs": [target]}))
    address = f"127.0.0.1:{_free_port()}"
    arguments = ("--config.file", "prometheus.yaml", "--storage.tsdb.path", "data", "--web.listen-address", address)
    with (folder / "prometheus.log").open("wb") as log:
        process = subprocess.Popen([program, *arguments], cwd=folder, stdout=log, stderr=log)
        try:
            _wait_until_ready(f"http://{address}/-/ready", process)
            yield Prometheus(f"http://{address}")
        finally:
            process.terminate()
            process.wait(20)


def _wait_until_ready(url: str, process: subprocess.Popen[bytes]) -> None:
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        assert process.poll() is None, "Prometheus has ended; see prometheus.log"
        try:
            with urlopen(url, timeout=2):  # noqa: S310 - as above
                return
        except (URLError, OSError):
            time.sleep(0.1)
    raise AssertionError("Prometheus does not get ready")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
