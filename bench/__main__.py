"""Take every figure and print one table: `python -m bench [NAME ...] [--write]`.

It exits with 1 where a target was missed or a figure could not be taken. Nothing else should run on the machine.
"""

import argparse
import asyncio
import shutil
import subprocess
import sys
import tempfile
import time
import traceback
from pathlib import Path

import uvloop

from bench import load
from bench.figures import FIGURES, Figure
from bench.machine import describe
from bench.page import page
from bench.rows import Row, table
from gateway.telemetry import logs

PAGE = Path(__file__).parents[1] / "docs" / "bench.md"
NO_GENERATOR = (
    "The load generator is a small Go program, and there is no `go` here. Install Go 1.26 or newer, or copy a built "
    f"one to {load.PROGRAM.relative_to(PAGE.parents[1])}. Until then the figures that need it are not taken."
)


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"only these of {', '.join(f.name for f in FIGURES)}")
    parser.add_argument("--write", action="store_true", help="keep the table in docs/bench.md")
    options = parser.parse_args()
    if unknown := set(options.names) - {figure.name for figure in FIGURES}:
        parser.error(f"there is no figure {', '.join(sorted(unknown))}")
    logs.configure(sys.stderr, level="WARNING")
    chosen = [figure for figure in FIGURES if not options.names or figure.name in options.names]
    machine, generator = describe(), built()
    rows = [row for figure in chosen for row in taken(figure, generator=generator)]
    print(f"\n{machine}\n\n{table(rows)}")
    if options.write:
        PAGE.write_text(page(machine, rows), encoding="utf-8")
    return 1 if any(row.met is False for row in rows) else 0


def built() -> bool:
    """Whether the load generator is there; where it is not and cannot be built, this says why."""
    if shutil.which("go") is None and not load.PROGRAM.exists():
        print(NO_GENERATOR)
        return False
    try:
        load.build()
    except (OSError, subprocess.CalledProcessError) as error:
        print(f"The load generator was not built, and figures that need it are left out: {error}")
        return False
    return True


def taken(figure: Figure, *, generator: bool) -> list[Row]:
    """The rows of one figure; one that cannot be taken is a missed target, and the others are still taken."""
    if figure.generator and not generator:
        return [Row(f"{figure.name}: needs the load generator", "not taken", met=False)]
    print(f"{figure.name} …", end="", flush=True)
    began = time.monotonic()
    try:
        with tempfile.TemporaryDirectory(prefix="bench-") as folder:
            rows = uvloop.run(_take(figure, Path(folder)))
    except Exception as error:  # noqa: BLE001 - it is told and counts as missed; the other figures do not depend on it
        traceback.print_exc()
        return [Row(f"{figure.name}: {type(error).__name__}", "not taken", met=False)]
    print(f" {time.monotonic() - began:.0f} s", flush=True)
    return rows


async def _take(figure: Figure, folder: Path) -> list[Row]:
    async with asyncio.timeout(300):
        return await figure.take(folder)


if __name__ == "__main__":
    sys.exit(main())
