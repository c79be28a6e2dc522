"""An HTTP server that records every request and answers what a test says, and credentials that count their tokens."""

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from aiohttp import web
from google.auth.credentials import CredentialsWithQuotaProject
from google.auth.exceptions import RefreshError

OBJECT = b'{"size": "16"}'


@dataclass
class Answer:
    """One answer. `wait` is what it waits for."""

    body: bytes = OBJECT
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    wait: asyncio.Event | None = None


@dataclass
class ScriptedHttp:
    """Gives `answers` in turn, and then `usual`; to a token in `refused` it says 401."""

    url: str = ""
    answers: list[Answer] = field(default_factory=list)
    usual: Answer = field(default_factory=Answer)
    refused: set[str] = field(default_factory=set)
    seen: list[web.BaseRequest] = field(default_factory=list)
    under_way: int = 0
    most: int = 0
    enough: int = 0
    full: asyncio.Event = field(default_factory=asyncio.Event)
    """Set once `enough` requests are under way."""

    async def answer(self, request: web.BaseRequest) -> web.Response:
        self.seen.append(request)
        said = self.answers.pop(0) if self.answers else self.usual
        self.under_way += 1
        self.most = max(self.most, self.under_way)
        if self.under_way == self.enough:
            self.full.set()
        try:
            if said.wait:
                await said.wait.wait()
        finally:
            self.under_way -= 1
        if request.headers.get("Authorization", "").removeprefix("Bearer ") in self.refused:
            return web.Response(status=401)
        return web.Response(body=said.body, status=said.status, headers=said.headers)

    def header(self, name: str) -> list[str]:
        """What each request said in this header, "" for nothing."""
        return [request.headers.get(name, "") for request in self.seen]


@asynccontextmanager
async def scripted_http(host: str = "127.0.0.1", tls: ssl.SSLContext | None = None) -> AsyncIterator[ScriptedHttp]:
    """Serve at `url` until the end of the block."""
    script = ScriptedHttp()
    runner = web.ServerRunner(web.Server(script.answer), shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, host, 0, ssl_context=tls).start()
    script.url = f"{'https' if tls else 'http'}://{host}:{runner.addresses[0][1]}"
    try:
        yield script
    finally:
        await runner.cleanup()


class CountedCredentials(CredentialsWithQuotaProject):  # type: ignore[misc]  # Google's library has no types here.
    """Gives `token-1`, `token-2` and so on, each for `lifetime`; `failure` is what it gives instead."""

    def __init__(self, lifetime: timedelta = timedelta(hours=1)) -> None:
        super().__init__()
        self.fetched = 0
        self.lifetime = lifetime
        self.failure: RefreshError | None = None
        self._quota_project_id = "payer"

    def refresh(self, _request: Any) -> None:
        self.fetched += 1
        if self.failure:
            raise self.failure
        self.token = f"token-{self.fetched}"
        self.expiry = datetime.now(UTC).replace(tzinfo=None) + self.lifetime
