"""Send hostile input to every RPC of a gateway: `python -m fuzz [--short] [--seed N] [--replay FILE]`.

First coverage-guided, to a gateway whose code is instrumented; then generated, and what the guided part has found
worth keeping, to a gateway as it is deployed. It exits with 1 where a call was answered UNKNOWN or INTERNAL or refused
without details, the log tells of a defect, memory grew, the process ended, or another team's batch job did not succeed.
"""

import argparse
import asyncio
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

import grpc
import uvloop

from fuzz.limits import LONG, SHORT
from fuzz.run import run
from fuzz.sending import Input, Sender
from fuzz.stage import SETTINGS, stage
from fuzz.surface import methods_at
from gateway.telemetry import logs


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m fuzz", description=__doc__)
    parser.add_argument("--short", action="store_true", help="a minute instead of a million calls")
    parser.add_argument(
        "--seed", type=int, default=1, help="repeats what is sent, as far as answers repeat (default 1)"
    )
    parser.add_argument("--replay", type=Path, metavar="FILE", help="make the calls of a file of findings again")
    options = parser.parse_args()
    logs.configure(sys.stderr, level="ERROR")
    with tempfile.TemporaryDirectory(prefix="fuzz-") as folder:
        if options.replay is not None:
            return uvloop.run(replay(Path(folder), options.replay.read_text(encoding="utf-8").splitlines()))
        return uvloop.run(run(Path(folder), SHORT if options.short else LONG, options.seed))


async def replay(folder: Path, findings: Sequence[str]) -> int:
    """Make each call again, and say how it is answered now."""
    bad = 0
    async with stage(folder) as ready, ready.gateway("all", 0, **SETTINGS) as gateway:
        methods = {each.path: each for each in await asyncio.to_thread(methods_at, gateway.target)}
        async with grpc.aio.insecure_channel(gateway.target) as channel:
            sender = Sender(channel, methods, lambda _name, _text: None)
            for line in (each for each in findings if '"message"' in each and '"path"' in each):
                code, finding = await sender.send(Input.from_json(line))
                bad += finding is not None
                print(finding.as_json() if finding else f"{code.name} {line[:200]}")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
