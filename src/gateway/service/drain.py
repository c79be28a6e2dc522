"""The end of a replica: new calls are refused, watches end, and both say to come again."""

import asyncio
from datetime import timedelta
from typing import Final

from gateway.errors import GatewayError, Reason

COME_AGAIN: Final = timedelta(milliseconds=500)


class Drain:
    """Begins once and never ends."""

    def __init__(self) -> None:
        self._begun = asyncio.Event()

    @property
    def begun(self) -> bool:
        return self._begun.is_set()

    def begin(self) -> None:
        self._begun.set()

    async def wait(self) -> None:
        """Return when it begins."""
        await self._begun.wait()

    def refusal(self) -> GatewayError:
        """What calls are told from then on."""
        return GatewayError(
            Reason.DRAINING,
            "This replica of the gateway is shutting down. Call again: another one answers.",
            retry_after=COME_AGAIN,
        )
