"""A transaction pooler: clients that have authenticated share the server connections, one transaction at a time."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

READY, IDLE, GOODBYE = b"Z", b"I", b"X"
SSL_REQUEST = (80877103).to_bytes(4)
Server = tuple[asyncio.StreamReader, asyncio.StreamWriter]


@asynccontextmanager
async def pooling(port: int) -> AsyncIterator[int]:
    """The port of a pooler for the server at `port` of the loopback interface."""
    free: asyncio.LifoQueue[Server] = asyncio.LifoQueue()
    servers: list[Server] = []
    tasks: set[asyncio.Task[None]] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        tasks.add(task)
        try:
            server = await asyncio.open_connection("127.0.0.1", port)
            servers.append(server)
            await _authenticate(reader, writer, server)
            free.put_nowait(server)
            await _session(reader, writer, free)
        except (ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass
        writer.transport.abort()

    listening = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        yield listening.sockets[0].getsockname()[1]
    finally:
        listening.close()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks)
        for _, writer in servers:
            writer.transport.abort()
        await listening.wait_closed()


async def _authenticate(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, server: Server) -> None:
    """Pass the start-up through: its first message has no type, the last of the answers says that all is ready."""
    first = await _untyped(reader)
    if first[4:] == SSL_REQUEST:
        writer.write(b"N")
        first = await _untyped(reader)
    server[1].write(first)
    to_server = asyncio.create_task(_pass_messages(reader, server[1]))
    while True:
        kind, message = await _message(server[0])
        if kind == READY:
            break
        writer.write(message)
    to_server.cancel()
    await asyncio.wait([to_server])
    writer.write(message)


async def _untyped(reader: asyncio.StreamReader) -> bytes:
    length = await reader.readexactly(4)
    return length + await reader.readexactly(int.from_bytes(length) - 4)


async def _pass_messages(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while True:
        writer.write((await _message(reader))[1])


async def _session(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, free: "asyncio.Queue[Server]") -> None:
    """One client: each of its transactions gets whichever server was used last."""
    coming = asyncio.create_task(_message(reader))
    try:
        while (first := await coming)[0] != GOODBYE:
            server = await free.get()
            server[1].write(first[1])
            answering = asyncio.create_task(_answer_until_idle(server[0], writer))
            coming = asyncio.create_task(_message(reader))
            while not answering.done():
                await asyncio.wait({answering, coming}, return_when=asyncio.FIRST_COMPLETED)
                if coming.done() and not answering.done():
                    server[1].write(coming.result()[1])
                    coming = asyncio.create_task(_message(reader))
            free.put_nowait(server)
    finally:
        coming.cancel()


async def _answer_until_idle(server: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Pass answers back until one says that no transaction is open."""
    while True:
        kind, message = await _message(server)
        writer.write(message)
        if kind == READY and message[-1:] == IDLE:
            return


async def _message(reader: asyncio.StreamReader) -> tuple[bytes, bytes]:
    head = await reader.readexactly(5)
    return head[:1], head + await reader.readexactly(int.from_bytes(head[1:]) - 4)
