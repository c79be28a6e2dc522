"""`python -m clients.stand`: a gateway with TLS and tokens, REST and the emulator, until its input ends."""

import asyncio
import json
import sys
import tempfile
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

from clients.samples import write_samples
from gateway.cli.dev_stack import DevOptions, DevStack, dev_stack

HERE: Final = Path(__file__).parent
FLAGS: Final[dict[str, Any]] = {
    **{f"{each}_listen": "127.0.0.1:0" for each in ("api", "mtls", "health", "metrics")},
    "vertex_api": True,
    "dispatch_interval": timedelta(seconds=0.2),
    "poll_interval": timedelta(seconds=0.2),
    "watch_age": timedelta(seconds=1),  # shorter than a batch job, so that every watch has to be opened again
}


async def stand() -> None:
    """Run everything, and say in one line of JSON where it is."""
    with tempfile.TemporaryDirectory(prefix="gateway-stand-") as folder:
        buckets, tables = Path(folder, "buckets"), Path(folder, "tables")
        write_samples(buckets, tables)
        options = DevOptions(
            policy=HERE / "policy.yaml",
            buckets=buckets,
            tables=tables,
            emulator_config=HERE / "emulator.yaml",
            tls=True,
            rest_listen="127.0.0.1:0",
            flags=FLAGS,
        )
        async with dev_stack(options) as running:
            print(json.dumps(places(running)), flush=True)
            await asyncio.to_thread(sys.stdin.read)


def places(running: DevStack) -> dict[str, str]:
    """Where things are, by the names that `clients.standing.Standing` gives them."""
    if running.identity is None:
        raise AssertionError("the stack was asked for TLS")
    return {
        "endpoint": running.app.api_target.replace("127.0.0.1", "localhost"),
        "rest": (running.rest or "").replace("127.0.0.1", "localhost"),
        "identity": str(running.identity.folder),
        "storage_url": running.emulator.storage_url,
        "bigquery_url": running.emulator.bigquery_url,
    }


if __name__ == "__main__":
    asyncio.run(stand())
