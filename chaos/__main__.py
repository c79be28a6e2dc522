"""Run the harness: `python -m chaos [--short] [--seed N] [--regime within|beyond] [--keep FOLDER]`.

It ends with 1 where any counter of a run's last line is not zero.
"""

import argparse
import asyncio
import random
import sys
import tempfile
from pathlib import Path

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
    clean = [_regime(seed, regime, size, options.keep) for regime in regimes]
    return 0 if all(clean) else 1


def _regime(seed: int, regime: Regime, size: Size, keep: Path | None) -> bool:
    print(
        f"{regime} T, seed {seed}: {size.creates} creates, {size.faults} faults over {size.seconds:.0f} s", flush=True
    )
    with tempfile.TemporaryDirectory(prefix="chaos-") as temporary:
        folder = keep / f"{regime}-{seed}" if keep else Path(temporary)
        folder.mkdir(parents=True, exist_ok=True)
        report = Report.of(asyncio.run(run(seed, regime, size, folder)))
    print(report.findings, end="\n" if report.findings else "")
    print(f"  {report.beside} Vertex jobs were found beside a recorded one, or where none was wanted any more")
    print(report.last_line, flush=True)
    return report.clean


if __name__ == "__main__":
    sys.exit(main())
