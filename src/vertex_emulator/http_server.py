"""The one HTTP listener: the routes of Cloud Storage and of BigQuery, and the control routes."""

from __future__ import annotations

import asyncio
import logging
import socket
from collections.abc import Awaitable, Callable
from typing import Protocol

from aiohttp import web

from vertex_emulator.calls import Call, CallLog
from vertex_emulator.clock import Clock
from vertex_emulator.faults import CallFacts, Fault, FaultKind, Faults, TakenFaults
from vertex_emulator.http_errors import HttpError, error_response

_log = logging.getLogger(__name__)
_Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
_MAX_BODY = 1_100_000_000


class Routes(Protocol):
    """One API's routes. Calls are recorded under their route's name; those of unnamed routes are not recorded."""

    def add_to(self, app: web.Application) -> None: ...


class HttpServer:
    """Serves routes, with the script's faults applied to them and every call recorded."""

    def __init__(self, clock: Clock, calls: CallLog, faults: Faults, routes: tuple[Routes, ...]) -> None:
        self._clock = clock
        self._calls = calls
        self._faults = faults
        # Requests may be a job's whole input, which is up to 1 GB.
        app = web.Application(middlewares=[self._middleware], client_max_size=_MAX_BODY)
        for each in routes:
            each.add_to(app)
        self._app = app
        self._listener: socket.socket | None = None
        self._runner = web.AppRunner(app, handler_cancellation=True, shutdown_timeout=1.0, access_log=None)

    def route_names(self) -> list[str]:
        return sorted({route.name for route in self._app.router.routes() if route.name is not None})

    async def start(self, host: str, port: int) -> int:
        """Listen; the port that was taken."""
        await self._runner.setup()
        listener = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
        self._listener = listener
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((host, port))
        except OSError as error:
            raise OSError(error.errno, f"cannot listen on {host}:{port}: {error.strerror}") from error
        await web.SockSite(self._runner, listener).start()
        return int(listener.getsockname()[1])

    async def stop(self) -> None:
        if self._listener is not None and self._listener.fileno() >= 0:
            # A connection that is being accepted while its server closes would stay open for ever. So accept no more,
            # and give those that have been the turns of the loop that they take to be known to the server.
            asyncio.get_running_loop().remove_reader(self._listener.fileno())
            for _ in range(3):
                await asyncio.sleep(0)
        await self._runner.cleanup()
        if self._listener is not None:
            self._listener.close()

    @web.middleware
    async def _middleware(self, request: web.Request, handler: _Handler) -> web.StreamResponse:
        name = request.match_info.route.name
        if name is None:
            return await _answer(request, handler)
        facts = {**request.match_info, **request.query}
        resource = "/".join(request.match_info.values())
        call = self._calls.begin(name, facts, peer=str(request.remote), metadata=_metadata(request))
        taken = self._faults.take(CallFacts(name, resource=resource))
        call.faults = taken.kinds
        try:
            return await self._apply(call, taken, request, handler)
        except asyncio.CancelledError:
            call.client_gone = True
            self._calls.answer(call, "499", "the client has gone")
            raise

    async def _apply(
        self, call: Call, taken: TakenFaults, request: web.Request, handler: _Handler
    ) -> web.StreamResponse:
        if taken.one(FaultKind.HANG):
            await self._sleep(float("inf"))
        await self._sleep(taken.seconds(FaultKind.DELAY))
        if refused := taken.one(FaultKind.STATUS):
            response: web.StreamResponse = _scripted(refused)
        else:
            response = await _answer(request, handler)
            self._calls.effect(call)
        await self._sleep(taken.seconds(FaultKind.LATE_ANSWER))
        if taken.one(FaultKind.DROP_ANSWER) and request.transport is not None:
            request.transport.close()
        self._calls.answer(call, str(response.status))
        return response

    async def _sleep(self, seconds: float) -> None:
        if seconds > 0:
            await self._clock.spawn(self._clock.sleep(seconds))


async def _answer(request: web.Request, handler: _Handler) -> web.StreamResponse:
    try:
        return await handler(request)
    except HttpError as error:
        return error_response(error.status, error.message, error.headers, error.reason)
    except web.HTTPNotFound:
        return error_response(501, f"{request.path} is not served here.")
    except web.HTTPException as error:
        return error_response(error.status, f"{request.method} {request.path}: {error.reason}.")


def _scripted(fault: Fault) -> web.Response:
    # A fault for every method, `*`, may carry the name of a gRPC code.
    status = int(fault.code) if fault.code.isdecimal() else 503
    return error_response(status, fault.message or "This answer was scripted.", reason=fault.reason)


def _metadata(request: web.Request) -> dict[str, str]:
    kept = {key: request.headers[key] for key in ("User-Agent", "X-Goog-User-Project") if key in request.headers}
    return {**kept, "authorization": "present" if "Authorization" in request.headers else "absent"}
