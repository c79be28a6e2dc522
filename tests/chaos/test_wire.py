"""The wire relays, and springs a trap at the very piece that it waits for."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from chaos.wire import Trap, When, Wire


class Server:
    """Answers each line with itself in capitals, and keeps what it heard."""

    def __init__(self) -> None:
        self.heard: list[bytes] = []
        self.hears = asyncio.Condition()
        self.port = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while line := await reader.readline():
            async with self.hears:
                self.heard.append(line.strip())
                self.hears.notify_all()
            writer.write(line.upper())
            await writer.drain()
        writer.close()


@pytest.fixture
async def server() -> AsyncIterator[Server]:
    made = Server()
    listening = await asyncio.start_server(made.serve, "127.0.0.1", 0)
    made.port = listening.sockets[0].getsockname()[1]
    yield made
    listening.close()


@pytest.fixture
async def wire(server: Server) -> AsyncIterator[Wire]:
    made = Wire(lambda: ("127.0.0.1", server.port))
    await made.start()
    yield made
    await made.stop()


class Line:
    """A connection through the wire."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer

    @classmethod
    async def to(cls, wire: Wire) -> "Line":
        return cls(*await asyncio.open_connection("127.0.0.1", wire.port))

    async def ask(self, text: bytes) -> bytes:
        """The answer; empty where the connection breaks."""
        try:
            self._writer.write(text + b"\n")
            return (await self._reader.readline()).strip()
        except OSError:
            return b""

    def close(self) -> None:
        self._writer.transport.abort()


async def test_it_relays_both_ways(wire: Wire) -> None:
    line = await Line.to(wire)
    assert await line.ask(b"hello") == b"HELLO"
    line.close()


async def test_a_cut_breaks_connections_and_new_ones_work(wire: Wire) -> None:
    line = await Line.to(wire)
    assert await line.ask(b"hello") == b"HELLO"
    wire.cut()
    assert await line.ask(b"again") == b""
    other = await Line.to(wire)
    assert await other.ask(b"hello") == b"HELLO"
    other.close()


async def test_a_trap_springs_when_its_last_piece_has_passed(server: Server, wire: Wire) -> None:
    line, sprung = await Line.to(wire), asyncio.Event()
    seen: list[bytes] = []

    async def act() -> None:
        await wait_for(server, b"two")
        seen.extend(server.heard)
        sprung.set()

    wire.set_trap(Trap((b"one", b"two"), When.AFTER, act))
    assert await line.ask(b"one") == b"ONE"
    assert await line.ask(b"two") == b"TWO"
    await sprung.wait()
    assert seen == [b"one", b"two"]
    line.close()


async def test_what_a_trap_springs_before_never_passes(server: Server, wire: Wire) -> None:
    """Who is killed before a create leaves has sent none, and nobody sends it afterwards either."""
    line = await Line.to(wire)
    wire.set_trap(Trap((b"one", b"two"), When.BEFORE, nothing))
    assert await line.ask(b"one") == b"ONE"
    assert await line.ask(b"two") == b""
    other = await Line.to(wire)
    assert await other.ask(b"three") == b"THREE"
    assert server.heard == [b"one", b"three"]
    for each in (line, other):
        each.close()


async def nothing() -> None:
    """The connection breaks by itself."""


async def wait_for(server: Server, text: bytes) -> None:
    async with server.hears:
        await server.hears.wait_for(lambda: text in server.heard)


async def test_an_answer_is_lost_after_the_server_has_acted(server: Server, wire: Wire) -> None:
    line = await Line.to(wire)
    acted: list[list[bytes]] = []

    async def act() -> None:
        acted.append(list(server.heard))

    wire.set_trap(Trap((b"two",), When.LOSE_ANSWER, act, answer=b"TWO"))
    assert await line.ask(b"one") == b"ONE"
    assert await line.ask(b"two") == b""
    assert acted == [[b"one", b"two"]]
    line.close()


async def test_what_is_held_arrives_afterwards(server: Server, wire: Wire) -> None:
    line, beside = await Line.to(wire), Line(*await asyncio.open_connection("127.0.0.1", server.port))
    assert await line.ask(b"one") == b"ONE"
    wire.stand_still()
    held = asyncio.ensure_future(line.ask(b"two"))
    assert await beside.ask(b"three") == b"THREE"
    assert server.heard == [b"one", b"three"]
    wire.go_on()
    assert await held == b"TWO"
    for each in (line, beside):
        each.close()
