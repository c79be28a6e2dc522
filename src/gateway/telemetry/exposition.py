"""The metrics listener: Prometheus text over plain HTTP, on a port of its own and off the event loop."""

import asyncio
import socket
from http import HTTPStatus
from socketserver import ThreadingMixIn
from threading import Thread
from types import TracebackType
from typing import Any, Final, Self
from wsgiref.handlers import SimpleHandler
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer

from prometheus_client import CollectorRegistry, disable_created_metrics, make_wsgi_app

LONGEST_LINE: Final = 65_536
"""Bytes of a request's first line."""


class MetricsListener:
    """Serves `/metrics` while entered. Scrapes run in their own threads, so a slow scraper delays no call.

    Args:
        registry: what is shown.
        host: the address to bind.
        port: the port, 0 for any free one; `port` of the entered listener is the real one.

    """

    def __init__(self, registry: CollectorRegistry, host: str, port: int) -> None:
        self._registry = registry
        self._host = host
        self.port = port
        self._server: WSGIServer | None = None
        self._thread: Thread | None = None

    async def __aenter__(self) -> Self:
        """Bind and serve.

        Raises:
            OSError: the address cannot be bound.

        """
        # The creation time of every series would double their number and is used by nobody here.
        disable_created_metrics()  # type: ignore[no-untyped-call]  # The library left it untyped.
        server = _Server(self._host, self.port)
        server.set_app(make_wsgi_app(self._registry))
        self.port = server.server_port
        self._server, self._thread = server, Thread(target=server.serve_forever, daemon=True)
        self._thread.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await asyncio.to_thread(self._stop)

    def _stop(self) -> None:
        if self._server is not None and self._thread is not None:
            self._server.shutdown()
            self._server.server_close()
            self._thread.join()


class _Scrape(WSGIRequestHandler):
    """One request. Whoever sees metrics need not know what software shows them: left to itself, the library names it in
    every answer, also where there is nothing to show.
    """

    def handle(self) -> None:
        self.raw_requestline = self.rfile.readline(LONGEST_LINE + 1)
        if len(self.raw_requestline) > LONGEST_LINE:
            self.requestline = self.request_version = self.command = ""
            self.send_error(HTTPStatus.REQUEST_URI_TOO_LONG)
        elif self.parse_request():
            here: Any = self  # The library's own types do not fit each other.
            answer = SimpleHandler(here.rfile, here.wfile, here.get_stderr(), self.get_environ(), multiprocess=False)
            answer.run(here.server.get_app())

    def send_response(self, code: int, message: str | None = None) -> None:
        self.send_response_only(code, message)
        self.send_header("Date", self.date_time_string())

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the library's own name
        """Log nothing."""


class _Server(ThreadingMixIn, WSGIServer):
    """A thread a scrape, none of which keeps the process from ending."""

    daemon_threads = True

    def __init__(self, host: str, port: int) -> None:
        family, *_, place = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0]
        self.address_family = family
        super().__init__((str(place[0]), port), _Scrape)
