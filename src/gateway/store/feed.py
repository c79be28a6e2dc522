"""The change feed: revisions read from the teams' rows; notifications are only hints to read sooner."""

from collections.abc import Callable

from gateway.store.database import Database


class Feed:
    """Knows, per team, the highest committed revision, and wakes whoever waits for it to grow."""

    def __init__(self, database: Database) -> None:
        raise AssertionError

    async def run(self) -> None:
        """Listen, prove it, and read all revisions once a second, until cancelled. Survives the database's absence."""
        raise AssertionError

    async def started(self) -> None:
        """Return when the listener has proven itself and all revisions were read once."""
        raise AssertionError

    def hint(self, team: str, revision: int) -> None:
        """Say that a commit took the team to this revision; gathered for a few milliseconds, then sent to all replicas."""
        raise AssertionError

    def revision(self, team: str) -> int:
        """The highest revision known here; 0 for a team without batch jobs."""
        raise AssertionError

    async def wait(self, team: str, after: int) -> int:
        """Return the team's revision as soon as it is above `after`. Bound it with asyncio.timeout."""
        raise AssertionError

    def subscribe(self, callback: Callable[[], None]) -> Callable[[], None]:
        """Call `callback` whenever any team's revision has grown; the answer ends the subscription."""
        raise AssertionError
