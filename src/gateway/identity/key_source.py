"""Keeps one issuer's keys: read again now and then, sooner for a key that is not known, and kept while it is away."""

import asyncio
from collections.abc import Callable, Iterable
from typing import Any, Final, Protocol

import structlog

from gateway.clock import Clock
from gateway.identity.issuers import Algorithm
from gateway.identity.key_set import KeySet, KeySetError, parse_key_set

log = structlog.get_logger(__name__)

FETCH_INTERVAL: Final = 300.0
"""Seconds between two reads of keys where nothing is amiss."""
LOOK_INTERVAL: Final = 10.0
"""The same of a file, whose reading costs nothing; and the least between two reads for the sake of unknown keys, so
that tokens with made-up key ids cannot make the gateway press the issuer."""
READ_SECONDS: Final = 5.0
"""How long one read may take as a whole, however it goes on: after that it has failed."""
LOOK_SECONDS: Final = 1.0
"""How long a call waits for a key that is not known."""
MOST_WAITING: Final = 200
"""How many calls wait so at a time: whoever makes key ids up can have no more of them held here."""


class FetchError(Exception):
    """The keys cannot be read now; the message says why, without any secret."""


class KeysObserver(Protocol):
    """Told what comes of each read."""

    def keys_read(self, alias: str) -> None:
        """The keys were read."""
        ...


class KeySource:
    """The keys of the issuer `alias`.

    Args:
        alias: the issuer's.
        algorithms: those that its keys may verify.
        read: reads its JWKS, blocking; raises FetchError.
        clock: what the waits go by.
        observer: told of each read that worked.
        interval: seconds between two reads.
        changed: called when other keys than before were taken.

    """

    def __init__(
        self,
        alias: str,
        algorithms: Iterable[Algorithm],
        read: Callable[[], bytes],
        *,
        clock: Clock,
        observer: KeysObserver,
        interval: float = FETCH_INTERVAL,
        changed: Callable[[], None] = lambda: None,
    ) -> None:
        self.alias = alias
        self._algorithms = tuple(algorithms)
        self._read, self._clock, self._observer, self._interval = read, clock, observer, interval
        self._changed = changed
        self._current = KeySet()
        self._last_read = float("-inf")
        self._flight: asyncio.Task[None] | None = None
        self._reading: asyncio.Future[bytes] | None = None
        self._waiting = 0
        self._complained = ""

    @property
    def current(self) -> KeySet:
        """The keys in force; without any until the first read has worked."""
        return self._current

    @property
    def loaded(self) -> bool:
        return bool(self._current.keys)

    @property
    def stale(self) -> bool:
        """Whether the last read failed, so that there may be keys that are not known here."""
        return bool(self._complained)

    async def first(self) -> None:
        """Read the keys where the gateway must not start without; raises FetchError and KeySetError."""
        self._last_read = self._clock.boottime()
        await self._take()

    async def look_for(self, kid: str | None) -> bool:
        """Read the keys again where this one is not among those in force and the last read is not too recent.

        Returns:
            False where the read takes too long to wait for, or too many wait for it already.

        """
        if self.loaded and self._current.knows(kid):
            return True
        due = self._clock.boottime() >= self._last_read + LOOK_INTERVAL
        flight = self._begin() if due else self._flight
        if flight is None:
            return True
        if self._waiting >= MOST_WAITING:
            return False
        self._waiting += 1
        try:
            return await self._ends(flight, LOOK_SECONDS)
        finally:
            self._waiting -= 1

    async def refresh(self) -> None:
        """Read the keys. Who comes while they are being read waits for that read; what fails changes nothing."""
        await asyncio.shield(self._begin())

    async def run(self) -> None:
        """Read the keys again and again until cancelled."""
        while True:
            await self.refresh()
            await self._clock.sleep(self._interval if self.loaded else min(self._interval, LOOK_INTERVAL))

    def _begin(self) -> "asyncio.Task[None]":
        """The read that is under way, or a new one."""
        if self._flight is None:
            self._last_read = self._clock.boottime()
            self._flight = asyncio.create_task(self._try())
            self._flight.add_done_callback(self._landed)
        return self._flight

    def _landed(self, _flight: "asyncio.Task[None]") -> None:
        self._flight = None

    async def _try(self) -> None:
        try:
            await self._take()
        except (FetchError, KeySetError) as error:
            self._complain(str(error))

    async def _take(self) -> None:
        content = await self._read_in_time()
        if content != self._current.content:
            self._current = parse_key_set(content, self._algorithms)
            known, left_out = sorted({kid for kid, _ in self._current.keys}), dict(self._current.left_out)
            log.info("issuer keys read", issuer=self.alias, keys=known, **({"left_out": left_out} if left_out else {}))
            self._changed()
        self._complained = ""
        self._observer.keys_read(self.alias)

    async def _read_in_time(self) -> bytes:
        """What was read. A thread cannot be stopped: while one goes on after its time no other is begun beside it."""
        if self._reading is not None:
            raise FetchError("an earlier read of them has still not ended")
        self._reading = reading = asyncio.ensure_future(asyncio.to_thread(self._read))
        reading.add_done_callback(self._read_ended)
        if not await self._ends(reading, READ_SECONDS):
            raise FetchError(f"they were not there within {READ_SECONDS:g} s")
        try:
            return reading.result()
        finally:
            del reading  # Its error holds this frame, and must not be held by it.

    def _read_ended(self, reading: asyncio.Future[bytes]) -> None:
        """What comes after its time is of no use; an error of then is taken note of, so that nobody warns of it."""
        self._reading = None
        if not reading.cancelled():
            reading.exception()

    async def _ends(self, work: asyncio.Future[Any], seconds: float) -> bool:
        """Wait so long, and say whether the work has ended by then; it goes on where it has not."""
        late = asyncio.ensure_future(self._clock.sleep(seconds))
        try:
            await asyncio.wait({work, late}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            late.cancel()
        return work.done()

    def _complain(self, why: str) -> None:
        """Say it once, not at every read."""
        if why != self._complained:
            log.error("issuer keys cannot be read", issuer=self.alias, error=why, kept=len(self._current.keys))
        self._complained = why
