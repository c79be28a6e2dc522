"""One log line for every call of the API, under an id that stands on every other line of the call too."""

import re
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final
from uuid import uuid4

import structlog

from gateway.api.call import Call

ID_HEADER: Final = "x-request-id"
_ID: Final = re.compile(r"[A-Za-z0-9._:/+=-]{1,64}")
_QUIET: Final = frozenset({"grpc.health.v1.Health", "grpc.reflection.v1alpha.ServerReflection"})

log = structlog.get_logger(__name__)


class Logging:
    """Binds `rpc_id`, the caller's `x-request-id` where that is a plain one, and writes the line at the end."""

    @asynccontextmanager
    async def around(self, call: Call) -> AsyncIterator[None]:
        """Write method, code, reason and seconds; who called and about what has been bound on the way."""
        began = time.perf_counter()
        call.rpc_id = _sent_id(call) or uuid4().hex
        structlog.contextvars.bind_contextvars(rpc_id=call.rpc_id)
        try:
            yield
        except BaseException as error:
            self._write(call, error, began)
            raise
        self._write(call, None, began)

    def _write(self, call: Call, error: BaseException | None, began: float) -> None:
        write = log.debug if call.service in _QUIET else log.info
        reason = {"reason": call.reason} if call.reason else {}
        write(
            "rpc",
            method=f"{call.service}/{call.method}",
            code=call.ended_by(error).name,
            seconds=round(time.perf_counter() - began, 6),
            **reason,
        )


def _sent_id(call: Call) -> str | None:
    sent = [value for key, value in call.metadata if key == ID_HEADER]
    return sent[0] if len(sent) == 1 and isinstance(sent[0], str) and _ID.fullmatch(sent[0]) else None
