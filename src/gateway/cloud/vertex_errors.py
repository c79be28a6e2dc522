"""What a call to Vertex can fail with, and who said so: Vertex itself, or the way to it."""

import math
import re
from enum import IntEnum, unique
from typing import Any, Final

import grpc


@unique
class Code(IntEnum):
    """The canonical codes, with their numbers on the wire."""

    OK = 0
    CANCELLED = 1
    UNKNOWN = 2
    INVALID_ARGUMENT = 3
    DEADLINE_EXCEEDED = 4
    NOT_FOUND = 5
    ALREADY_EXISTS = 6
    PERMISSION_DENIED = 7
    RESOURCE_EXHAUSTED = 8
    FAILED_PRECONDITION = 9
    ABORTED = 10
    OUT_OF_RANGE = 11
    UNIMPLEMENTED = 12
    INTERNAL = 13
    UNAVAILABLE = 14
    DATA_LOSS = 15
    UNAUTHENTICATED = 16


class VertexError(Exception):
    """A call to Vertex without a result.

    Args:
        code: the canonical code.
        message: the words that came with it.
        from_server: True where Vertex itself answered with this code. False for everything that was made up on the
            way: a deadline, a broken connection, a reset stream, a message over this process's size limit. After a
            False nothing is known about what Vertex did.
        reason: `ErrorInfo.reason`, such as SERVICE_DISABLED; "" where Vertex gave none.

    """

    def __init__(self, code: Code, message: str, *, from_server: bool, reason: str = "") -> None:
        super().__init__(f"{code.name}: {message}")
        self.code = code
        self.message = message
        self.from_server = from_server
        self.reason = reason


class TooLateError(VertexError):
    """The request was not sent: its deadline, or the right to send it, had passed at the last look.

    `late_by` is in seconds, infinite where the right is gone for good.
    """

    def __init__(self, late_by: float) -> None:
        late = f"{late_by:.3f} s too late" if math.isfinite(late_by) else "it must not be any more"
        super().__init__(Code.DEADLINE_EXCEEDED, f"not sent, {late}", from_server=False)


# What gRPC's core writes into the details when no server sent the status. It maps resets and plain HTTP answers to
# codes that look like Vertex's own: a reset with ENHANCE_YOUR_CALM is a RESOURCE_EXHAUSTED, a proxy's 403 is a
# PERMISSION_DENIED.
_MADE_HERE: Final = re.compile(
    r"^(?:Stream removed|CLIENT: |Received http2|Received RST_STREAM|RST_STREAM|Getting metadata from plugin failed"
    r"|Deadline Exceeded$|Call dropped|failed to connect|Failed parsing HTTP/2|Established channel does not have)"
    r"|(?:message|metadata) (?:size )?(?:larger than|exceeds)|GOAWAY received|Socket closed",
    re.IGNORECASE,
)


def is_servers(code: Code, details: str, trailers: Any) -> bool:
    """Whether the status came over the wire from Vertex. Where it cannot be told, the answer is no."""
    if code is Code.DEADLINE_EXCEEDED:
        return False
    if any(key == "grpc-status-details-bin" for key, _ in trailers or ()):
        return True
    return not _MADE_HERE.search(details)


def from_rpc_error(error: grpc.RpcError, reason: str = "") -> VertexError:
    """The typed error for what gRPC raised."""
    if not isinstance(error, grpc.aio.AioRpcError):
        return VertexError(Code.UNKNOWN, str(error), from_server=False)
    code, details = Code[error.code().name], error.details() or ""
    return VertexError(code, details, from_server=is_servers(code, details, error.trailing_metadata()), reason=reason)


def from_google_error(error: Any) -> VertexError:
    """The typed error for what Google's client raised around gRPC's."""
    cause = error.response
    if isinstance(cause, grpc.RpcError):
        return from_rpc_error(cause, reason=error.reason or "")
    code = Code[error.grpc_status_code.name] if error.grpc_status_code else Code.UNKNOWN
    return VertexError(code, error.message, from_server=False)
