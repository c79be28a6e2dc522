"""How fast news is told: as fast as it goes out.

Whoever is told writes to a stream, and gRPC deals with all writes, and with all that arrives, in one line. Were news
told faster than that, hundreds of writes would stand before every other call. A reader who takes none must hold nobody
up.
"""

import asyncio
from collections.abc import Hashable
from contextlib import suppress
from typing import Final

AT_ONCE: Final = 16
"""So many may be under way with what they were told. Others are told once half of them are through."""
PATIENCE_SECONDS: Final = 0.01


class Pace:
    """Who was told and has not passed it on yet."""

    def __init__(self, *, at_once: int = AT_ONCE, patience: float = PATIENCE_SECONDS) -> None:
        self._at_once, self._patience = at_once, patience
        self._under_way: set[Hashable] = set()
        self._fewer: asyncio.Future[None] | None = None

    @property
    def full(self) -> bool:
        """Whether nobody else should be told now."""
        return len(self._under_way) >= self._at_once

    def begun(self, who: Hashable) -> None:
        """It has been told."""
        self._under_way.add(who)

    def done(self, who: Hashable) -> None:
        """It has passed on what it was told, or is gone."""
        self._under_way.discard(who)
        if self._fewer is not None and not self._fewer.done() and self._few:
            self._fewer.set_result(None)

    async def room(self) -> None:
        """Return when few are under way. Those who take too long are no longer counted."""
        self._fewer = asyncio.get_running_loop().create_future()
        with suppress(TimeoutError):
            async with asyncio.timeout(self._patience):
                await self._fewer
                return
        self._under_way.clear()

    @property
    def _few(self) -> bool:
        return len(self._under_way) <= self._at_once // 2
