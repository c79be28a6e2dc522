"""A whole run: guided, then in bulk, then what is left of the gateway."""

import asyncio
import json
import os
import sys
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from typing import Final

from bench.stage import Server, Stage
from fuzz import log
from fuzz.guided_inputs import read_corpus
from fuzz.limits import GROWTH, SLACK_BYTES, WORKERS, Size
from fuzz.stage import SETTINGS, stage, steady_batch_job
from fuzz.surface import methods_at

MIB: Final = 1 << 20
FAULTS: Final = Path("build") / "fuzz-faults.jsonl"
MOST_TOLD: Final = 10
WIDTH: Final = 400


@dataclass
class Outcome:
    """What came of a run. `faults` is everything that is wrong, each a sentence or a finding's line."""

    counts: Counter[str] = field(default_factory=Counter)
    passed: Counter[str] = field(default_factory=Counter)
    faults: list[str] = field(default_factory=list)
    memory: list[int] = field(default_factory=list)

    @property
    def calls(self) -> int:
        return self.counts.total()


async def run(folder: Path, size: Size, seed: int) -> int:
    """Print what is done and what was found; 1 where anything was."""
    print(f"seed {seed}", flush=True)
    outcome = Outcome()
    async with stage(folder) as ready:
        corpus = folder / "corpus"
        corpus.mkdir()
        await _guided(ready, corpus, size, seed, outcome)
        async with ready.gateway("all", 0, **SETTINGS) as gateway:
            began = time.monotonic()
            await _in_bulk(gateway, corpus, size, seed, outcome)
            print(f"  {outcome.calls} calls in {time.monotonic() - began:.0f} s: {_told(outcome.counts)}", flush=True)
            print(f"  answered OK: {_told(outcome.passed)}", flush=True)
            await _what_is_left(gateway, outcome)
            if size.whole:
                outcome.faults += await _left_out(gateway, size, outcome)
    if outcome.faults:
        FAULTS.parent.mkdir(exist_ok=True)
        FAULTS.write_text("\n".join(outcome.faults) + "\n", encoding="utf-8")
        for fault in outcome.faults[:MOST_TOLD]:
            print(f"  {fault[:WIDTH]}")
        print(f"  all of them, whole: {FAULTS}; `python -m fuzz --replay {FAULTS}` makes the calls again")
    print(f"calls={outcome.calls} faults={len(outcome.faults)}")
    return 1 if outcome.faults else 0


async def _guided(ready: Stage, corpus: Path, size: Size, seed: int, outcome: Outcome) -> None:
    if find_spec("atheris") is None:
        print("  coverage-guided: left out, since atheris has no build for this Python", flush=True)
        return
    found = ready.folder / "found.jsonl"
    command = (sys.executable, "-m", "fuzz.guided", str(found), str(corpus), str(size.guided), str(seed))
    told = ready.folder / "guided.log"
    with told.open("wb") as output:
        environment = ready.environment("api", **SETTINGS)
        process = await asyncio.create_subprocess_exec(*command, env=environment, stdout=output, stderr=output)
        code = await process.wait()
    if found.exists():
        outcome.faults += found.read_text(encoding="utf-8").splitlines()
    said = told.read_text(encoding="utf-8", errors="replace").splitlines()
    if code != 0:
        outcome.faults += [f"the coverage-guided part ended with {code}", *said[-20:]]
    outcome.faults += [line for line in said if '"exception"' in line]
    progress = [line for line in said if " cov: " in line]
    kept = len(await asyncio.to_thread(read_corpus, corpus))
    print(f"  coverage-guided: {progress[-1].strip() if progress else 'nothing told'}; {kept} inputs kept", flush=True)


async def _in_bulk(gateway: Server, corpus: Path, size: Size, seed: int, outcome: Outcome) -> None:
    watching = asyncio.create_task(_watch_memory(gateway, outcome))
    try:
        shares = [size.calls // WORKERS] * WORKERS
        await asyncio.gather(
            *(_work(gateway, corpus, size, seed * WORKERS + each, share, outcome) for each, share in enumerate(shares))
        )
    finally:
        watching.cancel()


async def _work(gateway: Server, corpus: Path, size: Size, seed: int, calls: int, outcome: Outcome) -> None:
    words: Sequence[str] = (gateway.target, str(seed), str(calls), str(size.seconds), str(corpus))
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "fuzz.worker", *words),
        env={**os.environ, "GRPC_VERBOSITY": "NONE"},
        stdout=asyncio.subprocess.PIPE,
        limit=16 * MIB,
    )
    if process.stdout is None:
        raise AssertionError("its output was asked for")
    async for line in process.stdout:
        told = json.loads(line)
        if "counts" in told:
            outcome.counts.update(told["counts"])
            outcome.passed.update(told["passed"])
        else:
            outcome.faults.append(line.decode().strip())
    if code := await process.wait():
        outcome.faults.append(f"a caller ended with {code}")


async def _watch_memory(gateway: Server, outcome: Outcome) -> None:
    while gateway.process.returncode is None:
        outcome.memory.append(gateway.memory)
        await asyncio.sleep(1.0)


async def _what_is_left(gateway: Server, outcome: Outcome) -> None:
    """The process, its memory, its log, and the other team's batch job."""
    if gateway.process.returncode is not None:
        outcome.faults.append(f"the gateway ended with {gateway.process.returncode}")
        return
    state = await steady_batch_job(gateway.target)
    if state != "SUCCEEDED":
        outcome.faults.append(f"another team's batch job ended {state}")
    half, end = outcome.memory[len(outcome.memory) // 2], outcome.memory[-1]
    print(f"  memory {half / MIB:.0f} MiB at half time, {end / MIB:.0f} MiB at the end", flush=True)
    if end > half * GROWTH + SLACK_BYTES:
        outcome.faults.append(f"memory grew from {half} to {end} bytes in the second half")
    outcome.faults += log.faults_in(gateway.log)


async def _left_out(gateway: Server, size: Size, outcome: Outcome) -> list[str]:
    """What a long run owes: all of its calls, and of each method one that passed."""
    methods = {each.path for each in await asyncio.to_thread(methods_at, gateway.target)}
    missing = [f"no call of {path} was ever OK" for path in sorted(methods - set(outcome.passed))]
    if outcome.calls < size.calls:
        missing.append(f"only {outcome.calls} of {size.calls} calls were made")
    return missing


def _told(counts: Counter[str]) -> str:
    return ", ".join(f"{code} {count}" for code, count in counts.most_common())
