"""One log line for every call of the API, under an id that stands on every other line of the call too."""

import random
import re
import time
from typing import Any, Final

import structlog

from gateway.api.call import Call, Proceed

ID_HEADER: Final = "x-request-id"
_ID: Final = re.compile(r"[A-Za-z0-9._:/+=-]{1,64}")
_QUIET: Final = frozenset({"grpc.health.v1.Health", "grpc.reflection.v1alpha.ServerReflection"})


class Logging:
    """Names the call by `rpc_id`, the caller's `x-request-id` where that is a plain one; its line comes at its end."""

    def __init__(self) -> None:
        # Bound once: a logger that is made anew for every line costs as much as the line.
        self._log = structlog.get_logger(__name__).bind()

    async def around(self, call: Call, proceed: Proceed) -> Any:
        """Write method, code, reason and seconds; who called and about what has been named on the way."""
        began = time.perf_counter()
        call.rpc_id = call.names["rpc_id"] = _sent_id(call) or f"{random.getrandbits(128):032x}"
        try:
            answer = await proceed(call)
        except BaseException as error:
            self._write(call, error, began)
            raise
        self._write(call, None, began)
        return answer

    def _write(self, call: Call, error: BaseException | None, began: float) -> None:
        write = self._log.debug if call.service in _QUIET else self._log.info
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
