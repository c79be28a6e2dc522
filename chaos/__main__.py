"""Run the harness: `python -m chaos [--short] [--seed N] [--regime within|beyond] [--keep FOLDER]`.

It ends with 1 where any counter of a run's last line is not zero, or where too few creates or faults came about.
"""

import argparse
import asyncio
import random
import signal
import sys
import tempfile
from collections.abc import Coroutine
from pathlib import Path
from typing import Any

from chaos.audit.evidence import Evidence
from chaos.audit.report import Report
from chaos.run import run
from chaos.sizes import FULL, SHORT, Regime, Size


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m chaos", description=__doc__)
    parser.add_argument("--short", action="store_true", help="a run of at most four minutes")
    parser.add_argument("--seed", type=int, help="which schedule of faults; any, where it is left out")
    parser.add_argument(
        "--regime", choices=[*Regime], help="one regime; both, one after the other, where it is left out"
    )
    parser.add_argument("--keep", type=Path, metavar="FOLDER", help="keep logs and journals there")
    options = parser.parse_args()
    seed = options.seed if options.seed is not None else random.randrange(10_000)
    size = SHORT if options.short else FULL
    regimes = [Regime(options.regime)] if options.regime else [*Regime]
    if there := [
        folder for regime in regimes if options.keep and (folder := options.keep / f"{regime}-{seed}").exists()
    ]:
        parser.error(f"{there[0]} is there already: another run is kept in it")
    clean = [_regime(seed, regime, size, options.keep) for regime in regimes]
    return 0 if all(clean) else 1


def _regime(seed: int, regime: Regime, size: Size, keep: Path | None) -> bool:
    print(
        f"{regime} T, seed {seed}: {size.creates} creates, {size.faults} faults over {size.seconds:.0f} s", flush=True
    )
    with tempfile.TemporaryDirectory(prefix="chaos-") as temporary:
        folder = keep / f"{regime}-{seed}" if keep else Path(temporary)
        folder.mkdir(parents=True, exist_ok=True)
        evidence, met = asyncio.run(_until_told(run(seed, regime, size, folder)))
        report = Report.of(evidence)
    print(report.findings, end="\n" if report.findings else "")
    print(f"  {report.beside} Vertex jobs were found beside a recorded one, or where none was wanted any more")
    enough = met >= size.met and report.creates >= size.creates
    if not enough:
        print(f"  too little: {report.creates} of {size.creates} creates, {met} faults met, and {size.met} should have")
    print(report.last_line, flush=True)
    return report.clean and enough


async def _until_told(work: Coroutine[Any, Any, tuple[Evidence, int]]) -> tuple[Evidence, int]:
    """SIGTERM ends it as Ctrl-C does: every process that it has started ends with it."""
    task = asyncio.ensure_future(work)
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
    return await task


if __name__ == "__main__":
    sys.exit(main())
