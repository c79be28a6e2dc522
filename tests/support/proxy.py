"""A TCP proxy in front of PostgreSQL that can lose the answer to a statement after PostgreSQL has acted on it."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from urllib.parse import urlsplit


@dataclass
class Proxy:
    """`lose_answer_to` names the statement; whoever sends it next gets a broken connection instead of an answer."""

    port: int = 0
    lose_answer_to: bytes = b""
    lost: int = 0

    def url(self, through: str) -> str:
        """The same database by way of the proxy."""
        parts = urlsplit(through)
        return parts._replace(netloc=f"{parts.username}:{parts.password}@127.0.0.1:{self.port}").geturl()


@asynccontextmanager
async def proxied(port: int) -> AsyncIterator[Proxy]:
    """A proxy for the server at that port of the loopback interface."""
    proxy = Proxy()
    tasks: set[asyncio.Task[None]] = set()

    async def serve(client: asyncio.StreamReader, back: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        tasks.add(task)
        try:
            await _relay(proxy, port, client, back)
        except (ConnectionError, asyncio.CancelledError):
            back.transport.abort()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    proxy.port = server.sockets[0].getsockname()[1]
    try:
        yield proxy
    finally:
        server.close()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks)
        await server.wait_closed()


async def _relay(proxy: Proxy, port: int, client: asyncio.StreamReader, back: asyncio.StreamWriter) -> None:
    upstream, to_server = await asyncio.open_connection("127.0.0.1", port)
    losing = asyncio.Event()

    async def answers() -> None:
        while data := await upstream.read(65536):
            if losing.is_set():  # PostgreSQL has answered, so it has acted: now the connection breaks.
                proxy.lost += 1
                break
            back.write(data)
            await back.drain()
        back.transport.abort()

    answering = asyncio.create_task(answers())
    try:
        while data := await client.read(65536):
            if proxy.lose_answer_to and proxy.lose_answer_to in data:
                proxy.lose_answer_to = b""
                losing.set()
            to_server.write(data)
            await to_server.drain()
    finally:
        to_server.transport.abort()
        answering.cancel()
        await asyncio.wait([answering])
