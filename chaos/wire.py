"""A TCP proxy: it relays, and cuts, stops or loses bytes at the moment when a given piece of a message passes."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from enum import Enum, auto, unique

Address = Callable[[], tuple[str, int]]
Act = Callable[[], Awaitable[None]]


@unique
class When(Enum):
    """When a trap springs: with the piece still here, with it passed on, or with its answer here.

    What is held here when it springs never passes: the connection breaks once the trap's act is over.
    """

    BEFORE = auto()
    AFTER = auto()
    LOSE_ANSWER = auto()


@dataclass(eq=False, slots=True)
class Trap:
    """Springs once, when all `pieces` have passed from the caller to the server on one connection, in their order.

    `answer` is a piece of the answer that LOSE_ANSWER waits for: a connection may carry several calls at once.
    """

    pieces: tuple[bytes, ...]
    when: When
    act: Act
    answer: bytes = b""
    sprung: bool = False


class Wire:
    """Relays to whatever `address` says when a connection is made."""

    def __init__(self, address: Address) -> None:
        self._address = address
        self._server: asyncio.Server
        self._pairs: set[tuple[asyncio.StreamWriter, asyncio.StreamWriter]] = set()
        self._traps: list[Trap] = []
        self._away = False
        self._flowing = asyncio.Event()
        self._flowing.set()
        self.port = 0

    async def start(self) -> None:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0, backlog=512)
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        self._server.close()
        self.cut()

    def cut(self) -> None:
        """Break every connection; new ones may be made."""
        for pair in tuple(self._pairs):
            for side in pair:
                side.transport.abort()

    async def away(self, seconds: float) -> None:
        """Break every connection and take no new one for a while."""
        self._away = True
        self.cut()
        try:
            await asyncio.sleep(seconds)
        finally:
            self._away = False

    async def hold(self, seconds: float) -> None:
        """Pass nothing on for a while, in either direction; what is sent meanwhile arrives afterwards."""
        self.stand_still()
        try:
            await asyncio.sleep(seconds)
        finally:
            self.go_on()

    def stand_still(self) -> None:
        """Pass nothing on until `go_on`."""
        self._flowing.clear()

    def go_on(self) -> None:
        """Pass on what has come meanwhile, and what comes."""
        self._flowing.set()

    async def flowing(self) -> None:
        """Return when bytes may pass."""
        await self._flowing.wait()

    def set_trap(self, trap: Trap) -> None:
        self._traps.append(trap)

    def take_back(self, trap: Trap) -> None:
        with suppress(ValueError):
            self._traps.remove(trap)

    async def _serve(self, caller: asyncio.StreamReader, to_caller: asyncio.StreamWriter) -> None:
        if self._away:
            to_caller.transport.abort()
            return
        try:
            server, to_server = await asyncio.open_connection(*self._address())
        except OSError:
            to_caller.transport.abort()
            return
        pair = (to_caller, to_server)
        self._pairs.add(pair)
        connection = _Connection(self, server, to_server, caller, to_caller)
        try:
            await connection.relay()
        finally:
            self._pairs.discard(pair)
            for side in pair:
                side.transport.abort()

    def step(self, progress: dict[Trap, int], data: bytes) -> Trap | None:
        """The trap that this data springs, given how many pieces of each this connection has seen."""
        for trap in tuple(self._traps):
            seen = progress.get(trap, 0)
            while seen < len(trap.pieces) and trap.pieces[seen] in data:
                seen += 1
            progress[trap] = seen
            if seen == len(trap.pieces) and not trap.sprung:
                trap.sprung = True
                self.take_back(trap)
                return trap
        return None


class _Connection:
    """Both directions of one connection."""

    def __init__(
        self,
        wire: Wire,
        server: asyncio.StreamReader,
        to_server: asyncio.StreamWriter,
        caller: asyncio.StreamReader,
        to_caller: asyncio.StreamWriter,
    ) -> None:
        self._wire = wire
        self._server, self._to_server, self._caller, self._to_caller = server, to_server, caller, to_caller
        self._progress: dict[Trap, int] = {}
        self._losing: Trap | None = None

    async def relay(self) -> None:
        """Until either side is gone."""
        both = [asyncio.ensure_future(self._requests()), asyncio.ensure_future(self._answers())]
        try:
            await asyncio.wait(both, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for each in both:
                each.cancel()
            await asyncio.gather(*both, return_exceptions=True)

    async def _requests(self) -> None:
        with suppress(OSError):
            while data := await self._caller.read(65536):
                await self._wire.flowing()
                trap = self._wire.step(self._progress, data)
                if trap and trap.when is When.BEFORE:
                    await trap.act()
                    return
                if trap and trap.when is When.LOSE_ANSWER:
                    self._losing = trap
                self._to_server.write(data)
                await self._to_server.drain()
                if trap and trap.when is When.AFTER:
                    await trap.act()

    async def _answers(self) -> None:
        """An answer that is to be lost was given: the server has acted. Then the connection breaks."""
        with suppress(OSError):
            while data := await self._server.read(65536):
                await self._wire.flowing()
                if self._losing is not None and self._losing.answer in data:
                    await self._losing.act()
                    return
                self._to_caller.write(data)
                await self._to_caller.drain()
