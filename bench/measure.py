"""One run of calls against one server, with the processor time that it cost the server."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from google.protobuf.message import Message

from bench import load
from bench.stage import OTHERS, Server

OURS = "batchjobs.v1.BatchJobs"


@dataclass(frozen=True, slots=True)
class Measured:
    """One run; `cpu` is the server's processor time per call, in microseconds."""

    load: load.Load
    cpu: float

    @property
    def rate(self) -> float:
        """Calls a second."""
        return self.load.rate


async def measure(
    server: Server,
    method: str,
    requests: Iterable[bytes],
    *,
    callers: int,
    seconds: float,
    team: str = "bench",
    once: bool = False,
    service: str = OURS,
) -> Measured:
    """Call for half a second to warm up, then count for `seconds`; `once` sends each request once and no more."""
    warm_up = 0.0 if once else 0.5
    before = server.cpu
    run = await load.run(
        server.target,
        f"/{service}/{method}",
        requests,
        callers=callers,
        seconds=seconds,
        warm_up=warm_up,
        once=once,
        headers={"x-batchjobs-team": team},
        pinned=OTHERS,
    )
    # The calls of the warm-up are in the processor time and not among those that were counted.
    return Measured(run, (server.cpu - before) / (run.calls * (1 + warm_up / run.seconds)) * 1e6)


def compared(bare: Measured, ours: Measured) -> str:
    """A line for people."""
    return (
        f"bare {bare.rate:6.0f}/s {bare.cpu:5.0f} us   gateway {ours.rate:6.0f}/s {ours.cpu:5.0f} us, "
        f"p50 {ours.load.p50 * 1000:.1f} ms, p99 {ours.load.p99 * 1000:.1f} ms   "
        f"ratio {ours.rate / bare.rate:.2f}, by processor time {bare.cpu / ours.cpu:.2f}"
    )


def answer_file(folder: Path, answer: Message) -> Path:
    """A file with a message in it, for the bare server."""
    path = folder / "answer"
    path.write_bytes(answer.SerializeToString())
    return path
