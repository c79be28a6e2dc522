"""Time as the gateway reads it outside SQL; inside SQL it is the schema's `store_clock()`.

Deadlines inside one process use `boottime`, which goes on while a machine sleeps; stored times come from the store.
"""

import asyncio
import time
from datetime import UTC, datetime
from typing import Protocol


class Clock(Protocol):
    """What loops and deadlines read. Tests pass a clock that they drive."""

    def now(self) -> datetime:
        """The wall-clock time, aware, in UTC."""
        ...

    def boottime(self) -> float:
        """Seconds on a clock that never runs backwards and counts suspended time too."""
        ...

    async def sleep(self, seconds: float) -> None:
        """Return when `seconds` have passed on this clock."""
        ...


class SystemClock:
    """The machine's own clocks."""

    def now(self) -> datetime:
        return datetime.now(UTC)

    def boottime(self) -> float:
        return time.clock_gettime(time.CLOCK_BOOTTIME)

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)
