"""The load generator, a small Go program: built once, run as a process beside the server that it measures."""

import asyncio
import json
import struct
import subprocess
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

SOURCE = Path(__file__).parent / "load"
PROGRAM = Path(__file__).parents[1] / "build" / "load"


class LoadError(Exception):
    """The generator could not be built or run, or a call did not end OK."""


@dataclass(frozen=True, slots=True)
class Load:
    """What one run counted. Times are in seconds."""

    calls: int
    seconds: float
    p50: float
    p99: float

    @property
    def rate(self) -> float:
        """Calls a second."""
        return self.calls / self.seconds


def build() -> Path:
    """The program, built where it is not there or older than its source. Needs Go."""
    newest = max(path.stat().st_mtime for path in SOURCE.iterdir())
    if not PROGRAM.exists() or PROGRAM.stat().st_mtime < newest:
        PROGRAM.parent.mkdir(exist_ok=True)
        subprocess.run(["go", "build", "-o", str(PROGRAM), "."], cwd=SOURCE, check=True)  # noqa: S603, S607 - our own
    return PROGRAM


async def run(
    target: str,
    method: str,
    requests: Iterable[bytes],
    *,
    callers: int,
    seconds: float = 5.0,
    warm_up: float = 1.0,
    connections: int = 0,
    once: bool = False,
    first: bool = False,
    pause: float = 0.0,
    refused_too: bool = False,
    headers: Mapping[str, str] | None = None,
    pinned: tuple[str, ...] = (),
) -> Load:
    """Call `method` with requests drawn by chance, or with each of them `once`, a caller resting for `pause` seconds. A
    stream is read to its `first` message and left.

    Where `target` is a URL the method is HTTP's, and requests are paths.

    Raises:
        LoadError: a call did not end OK: such a run measures nothing, unless it is there to be `refused_too`.

    """
    options = {
        "callers": callers,
        "connections": connections,
        "warm-up": f"{warm_up}s",
        "duration": f"{seconds}s",
        "once": str(once).lower(),
        "first": str(first).lower(),
        "pause": f"{pause}s",
    }
    with written(requests) as file:
        command = [*pinned, *arguments(target, method, file, headers or {}, **options)]
        process = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE)
        try:
            output, _ = await process.communicate()
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()
    if process.returncode:
        raise LoadError(f"the generator ended with {process.returncode}")
    return _read(json.loads(output), refused_too=refused_too)


@contextmanager
def written(requests: Iterable[bytes]) -> Iterator[str]:
    """The requests in a file as the generator reads them."""
    with tempfile.NamedTemporaryFile(prefix="requests-") as file:
        for request in requests:
            file.write(struct.pack(">I", len(request)) + request)
        file.flush()
        yield file.name


def arguments(target: str, method: str, requests: str, headers: Mapping[str, str], **options: object) -> list[str]:
    """How the generator is called."""
    metadata = ",".join(f"{key}={value}" for key, value in headers.items())
    every = {"target": target, "method": method, "requests": requests, "headers": metadata, **options}
    return [str(PROGRAM), *(f"-{name}={value}" for name, value in every.items())]


def _read(report: Mapping[str, object], *, refused_too: bool) -> Load:
    statuses = report["statuses"]
    if not isinstance(statuses, dict) or (set(statuses) != {"OK"} and not refused_too):
        raise LoadError(f"not every call ended OK: {statuses} {report.get('error', '')}")
    values = {name: float(str(report[name])) for name in ("seconds", "p50", "p99")}
    return Load(int(str(report["calls"])), **values)
