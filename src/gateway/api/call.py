"""One call on its way through the server: what the layers around it tell each other."""

from collections.abc import Awaitable, Callable
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any, Final

import grpc

from gateway.identity.principal import Metadata, Principal

UNKNOWN: Final = "unknown"


@dataclass(slots=True)
class Call:
    """What is known of a call. `code` and `reason` say how it ended; None while nothing has refused it."""

    service: str
    method: str
    kind: str
    """`unary`, `server_stream` or `bidi_stream`."""
    context: grpc.aio.ServicerContext[Any, Any]
    metadata: Metadata = field(repr=False)
    request: Any = field(default=None, repr=False)
    """What was received: the stream of it, until the layers have let the call through; then bytes, then the message."""
    names: dict[str, str] = field(default_factory=dict)
    """What stands on the call's log lines: who calls, and what about."""
    rpc_id: str = ""
    principal: Principal | None = None
    begun: bool = False
    """Whether the layers have let it through to its method: before that nothing of it is done."""
    code: grpc.StatusCode | None = None
    reason: str = ""

    @property
    def unary(self) -> bool:
        return self.kind == "unary"

    @property
    def sends_stream(self) -> bool:
        """Whether its caller may send more than one message."""
        return self.kind in {"bidi_stream", "client_stream"}

    def ended_by(self, error: BaseException | None) -> grpc.StatusCode:
        """The code that the caller saw, or would have seen had it waited: a call cut short is CANCELLED."""
        if error is None:
            return grpc.StatusCode.OK
        return self.code or grpc.StatusCode.CANCELLED


Proceed = Callable[[Call], Awaitable[Any]]
"""What stands further inside: the next layer, or the method itself."""

CURRENT: Final[ContextVar[Call]] = ContextVar("call")


def principal() -> Principal:
    """Who makes the current call; the identity layer has put it there."""
    caller = CURRENT.get().principal
    if caller is None:
        raise AssertionError("a method of the API was reached around the identity layer")
    return caller
