"""One call with raw bytes, and what is wrong with its answer."""

import asyncio
import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final, Self

import grpc
from google.protobuf.message import DecodeError, Message
from google.protobuf.message_factory import GetMessageClass

from fuzz.metadata import Metadata
from fuzz.surface import Method, strings_in

FORBIDDEN: Final = frozenset({grpc.StatusCode.UNKNOWN, grpc.StatusCode.INTERNAL, grpc.StatusCode.DATA_LOSS})
"""What no well-framed message may be answered."""
EXPLAINED: Final = frozenset(
    {
        grpc.StatusCode.INVALID_ARGUMENT,
        grpc.StatusCode.FAILED_PRECONDITION,
        grpc.StatusCode.OUT_OF_RANGE,
        grpc.StatusCode.ALREADY_EXISTS,
        grpc.StatusCode.PERMISSION_DENIED,
        grpc.StatusCode.UNAUTHENTICATED,
    }
)
"""Codes that the gateway alone gives, always with details."""
FOREIGN_REFUSALS: Final = ("/grpc.health.", "/grpc.reflection.")
"""Services of gRPC's own: their refusals have no details."""
MOST_EVENTS: Final = 3
"""How many messages of a stream are read before it is left."""
MOMENT: Final = 0.02
"""Seconds for which a stream is listened to after its last message."""
LONGEST: Final = 20.0
ONES_OWN: Final = frozenset({"Internal error from Core"})
"""What a caller's library says itself of a stream that ended before its request was written. No server sent it."""


@dataclass(frozen=True, slots=True)
class Input:
    """Everything that one call sends."""

    path: str
    message: bytes
    metadata: Metadata
    timeout: float = LONGEST

    def as_json(self) -> str:
        """One line from which the call can be made again."""
        pairs = [[key, value.hex() if isinstance(value, bytes) else value] for key, value in self.metadata]
        return json.dumps({"path": self.path, "message": self.message.hex(), "metadata": pairs})

    @classmethod
    def from_json(cls, line: str) -> Self:
        told = json.loads(line)
        pairs = [(key, bytes.fromhex(text) if key.endswith("-bin") else text) for key, text in told["metadata"]]
        return cls(told["path"], bytes.fromhex(told["message"]), pairs)


@dataclass(frozen=True, slots=True)
class Finding:
    """A call that was answered as none may be."""

    what: str
    sent: Input
    code: str
    said: str

    def as_json(self) -> str:
        """The call's line, with what came of it."""
        return json.dumps({"found": self.what, "code": self.code, "said": self.said} | json.loads(self.sent.as_json()))


class Sender:
    """Sends to one gateway over one channel, and hands every text of the answers to `learn`."""

    def __init__(
        self, channel: grpc.aio.Channel, methods: dict[str, Method], learn: Callable[[str, str], None]
    ) -> None:
        self._channel = channel
        self._methods = methods
        self._learn = learn

    async def send(self, sent: Input) -> tuple[grpc.StatusCode, Finding | None]:
        """Make the call; a stream is left after a few messages."""
        try:
            await self._call(sent)
        except grpc.aio.AioRpcError as error:
            if error.details() in ONES_OWN:
                return grpc.StatusCode.CANCELLED, None
            return error.code(), _judged(sent, error)
        except asyncio.CancelledError:
            # grpc.aio ends a call of streams so, where its request could not be written any more.
            if (task := asyncio.current_task()) is not None and task.cancelling():
                raise
            return grpc.StatusCode.CANCELLED, None
        return grpc.StatusCode.OK, None

    async def _call(self, sent: Input) -> None:
        method = self._methods.get(sent.path)
        known: dict[str, Any] = {"metadata": tuple(sent.metadata), "timeout": sent.timeout}
        channel: Any = self._channel
        if method is None or not (method.client_streaming or method.server_streaming):
            self._take(method, await channel.unary_unary(sent.path)(sent.message, **known))
            return
        if method.client_streaming:
            call = channel.stream_stream(sent.path)(iter([sent.message]), **known)
        else:
            call = channel.unary_stream(sent.path)(sent.message, **known)
        try:
            self._take(method, await call.read())
            for _ in range(MOST_EVENTS):
                answer = await asyncio.wait_for(call.read(), MOMENT)
                if answer is grpc.aio.EOF:
                    return
                self._take(method, answer)
        except TimeoutError:
            return
        finally:
            call.cancel()

    def _take(self, method: Method | None, answer: Any) -> None:
        if method is None or answer is grpc.aio.EOF:
            return
        try:
            message: Message = GetMessageClass(method.answer).FromString(answer)
        except DecodeError:
            return
        for name, text in strings_in(message):
            if name in {"name", "next_page_token", "resume_token"}:
                self._learn(name.removeprefix("next_"), text)


def _judged(sent: Input, error: grpc.aio.AioRpcError) -> Finding | None:
    code, said = error.code(), str(error.details())[:500]
    if code in FORBIDDEN:
        return Finding("a forbidden code", sent, code.name, said)
    trailers = {key for key, _ in error.trailing_metadata() or ()}
    if code in EXPLAINED and "grpc-status-details-bin" not in trailers and not sent.path.startswith(FOREIGN_REFUSALS):
        return Finding("a refusal without details", sent, code.name, said)
    return None
