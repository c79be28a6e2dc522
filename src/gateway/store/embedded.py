"""A real PostgreSQL out of a Python wheel, for `gateway dev`, the demo and the tests."""

from enum import StrEnum, unique
from pathlib import Path


@unique
class Shutdown(StrEnum):
    """How PostgreSQL stops: FAST ends sessions and checkpoints, IMMEDIATE is a crash that recovery repairs."""

    FAST = "fast"
    IMMEDIATE = "immediate"


class EmbeddedPostgres:
    """One server of our own. Methods block: call them from a thread when an event loop runs."""

    def __init__(self, folder: Path | None = None, *, tcp: bool = False) -> None:
        """`folder` keeps the data from run to run; None makes a temporary one that `stop` removes."""
        raise AssertionError

    @property
    def url(self) -> str:
        """`postgresql://…` of the server's `gateway` database, which exists and may be empty."""
        raise AssertionError

    def database_url(self, name: str) -> str:
        """The URL of another database of this server."""
        raise AssertionError

    def start(self) -> None:
        """Make the data folder if needed, start, and return when it accepts connections."""
        raise AssertionError

    def stop(self, how: Shutdown = Shutdown.FAST) -> None:
        """Stop and clean up. A temporary folder is removed."""
        raise AssertionError

    def restart(self, how: Shutdown = Shutdown.FAST) -> None:
        """Stop and start on the same data and address."""
        raise AssertionError
