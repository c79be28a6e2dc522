"""An HTTPS server that publishes a JWKS, and can be made to fail; it counts what it is asked."""

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from aiohttp import web

from support.authority import Authority


@dataclass
class JwksServer:
    """`content` is what it answers, with `status`; while `open` is clear it keeps its callers waiting. With `drips` it
    sends each byte by itself.
    """

    content: bytes
    status: int = 200
    url: str = ""
    drips: bool = False
    asked: list[str] = field(default_factory=list)
    """The `Authorization` of each request, "" for none."""
    arrived: asyncio.Event = field(default_factory=asyncio.Event)
    open: asyncio.Event = field(default_factory=asyncio.Event)

    async def answer(self, request: web.Request) -> web.StreamResponse:
        self.asked.append(request.headers.get("Authorization", ""))
        self.arrived.set()
        await self.open.wait()
        if self.drips:
            return await self._drip(request)
        headers = {"Location": "https://elsewhere.example/"} if self.status == 302 else {}
        return web.Response(body=self.content, status=self.status, headers=headers)

    async def _drip(self, request: web.Request) -> web.StreamResponse:
        answer = web.StreamResponse(status=self.status)
        answer.content_length = len(self.content)
        with suppress(ConnectionError):  # Its reader may have had enough of it.
            await answer.prepare(request)
            for byte in self.content:
                await answer.write(bytes([byte]))
        return answer


@asynccontextmanager
async def publishing(content: bytes, authority: Authority, folder: Path) -> AsyncIterator[JwksServer]:
    """Serve the JWKS at `url`, under a certificate of the authority."""
    server = JwksServer(content)
    server.open.set()
    application = web.Application()
    application.router.add_get("/keys", server.answer)
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(*authority.server().write(folder, "jwks"))
    runner = web.AppRunner(application, access_log=None)
    await runner.setup()
    site = web.TCPSite(runner, "localhost", 0, ssl_context=context)
    await site.start()
    port = runner.addresses[0][1]
    server.url = f"https://localhost:{port}/keys"
    try:
        yield server
    finally:
        server.open.set()
        await runner.cleanup()
