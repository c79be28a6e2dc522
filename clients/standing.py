"""The stand of `clients.stand` as a process, and what a program needs to know of it."""

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path


class StandError(Exception):
    """The gateway did not start; the message holds what it said."""


@dataclass(frozen=True, slots=True)
class Standing:
    """A running gateway. `identity` is the folder of certificates and tokens; no `rest`, no Envoy on this machine."""

    endpoint: str
    rest: str
    identity: str
    storage_url: str
    bigquery_url: str

    @property
    def ca(self) -> Path:
        return Path(self.identity) / "ca.crt"

    def token(self, team: str) -> Path:
        """The file that holds a team's token."""
        return Path(self.identity) / f"{team}.token"


@contextmanager
def standing() -> Iterator[Standing]:
    """Start a gateway and everything behind it; stop it all when the block is left.

    Raises:
        StandError: it ended before it served.

    """
    command = [sys.executable, "-m", "clients.stand"]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    try:
        if process.stdout is None:
            raise AssertionError("its output was asked for")
        line = process.stdout.readline()
        if not line:
            raise StandError(f"the gateway ended with status {process.wait()} before it served")
        yield Standing(**json.loads(line))
    finally:
        process.communicate(input="", timeout=60)
