"""The metrics listener: Prometheus text over plain HTTP, on a port of its own and off the event loop."""

import asyncio
from threading import Thread
from types import TracebackType
from typing import Self
from wsgiref.simple_server import WSGIServer

from prometheus_client import CollectorRegistry, disable_created_metrics, start_http_server


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
        self._server, self._thread = start_http_server(self.port, self._host, registry=self._registry)
        self.port = self._server.server_port
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
