"""`python -m vertex_emulator`: the emulator as a program of its own."""

from __future__ import annotations

import argparse
import asyncio
import json
import logging
import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from vertex_emulator.config import BucketCheck, CapacityMode, ClockKind, EmulatorConfig
from vertex_emulator.config_file import load_config
from vertex_emulator.emulator import Emulator
from vertex_emulator.errors import ConfigError


def main(arguments: Sequence[str] | None = None) -> int:
    """Run until SIGTERM or Ctrl-C. Prints one JSON line with its addresses once it serves; 2 for bad settings."""
    options = _parser().parse_args(arguments)
    logging.basicConfig(level=logging.INFO, stream=sys.stderr, format="%(asctime)s %(levelname)s %(name)s %(message)s")
    given = {name: value for name, value in vars(options).items() if name != "config" and value is not None}
    try:
        config = load_config(options.config, given)
        asyncio.run(_serve(config))
    except (ConfigError, OSError, RuntimeError) as error:
        sys.stderr.write(f"vertex_emulator: {error}\n")
        return 2
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        "vertex_emulator", description="A local Vertex AI batch prediction, Cloud Storage and BigQuery."
    )
    add: Any = parser.add_argument
    add("--buckets", type=Path, metavar="DIR", help="folder whose subfolders are the buckets")
    add("--tables", type=Path, metavar="DIR", help="folder of tables, project/dataset/table.jsonl")
    add("--config", type=Path, metavar="FILE", help="YAML file with settings; what is given here goes before it")
    add("--host", help="address to listen on (127.0.0.1)")
    add("--port", type=int, help="port of the gRPC services; 0, the default, takes a free one")
    add(
        "--storage-port",
        type=int,
        help="port of the Cloud Storage, BigQuery and control routes; 0, the default, takes a free one",
    )
    add("--clock", choices=list(ClockKind), help="real, or driven through /emulator/clock")
    add("--time-scale", type=float, metavar="X", help="emulated seconds to one real second")
    add("--capacity", type=int, metavar="N", help="jobs that run at once in one project and region")
    add("--capacity-mode", choices=list(CapacityMode), help="what happens to a job for which there is no room")
    add("--bucket-check", choices=list(BucketCheck), help="how a bucket must lie to a job's region")
    add("--pending-seconds", type=float, metavar="S", help="from create until a job may run")
    add("--run-seconds", type=float, metavar="S", help="how long a job runs, whatever its size")
    add("--seconds-per-row", type=float, metavar="S", help="how long a row takes, where --run-seconds is not given")
    add("--cancel-seconds", type=float, metavar="S", help="from a cancel until it takes effect")
    add("--fail-row-every", type=int, metavar="N", help="make every N-th row fail")
    return parser


async def _serve(config: EmulatorConfig) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    async with Emulator(config) as emulator:
        addresses = {name: getattr(emulator, name) for name in ("target", "storage_url", "bigquery_url")}
        print(json.dumps(addresses), flush=True)  # noqa: T201 - whoever started the program reads this line.
        await stop.wait()


if __name__ == "__main__":
    sys.exit(main())
