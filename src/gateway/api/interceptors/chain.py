"""The one handler of a server: the layers around every method, and messages that are read inside them.

To gRPC every method is one that reads a stream: so it calls a unary one as soon as the call is there, and who may not
call, or sends half a message, is held by the layers like everybody else. A message that is no valid protobuf becomes a
value, `Malformed`, and is refused where every refusal is: gRPC itself would answer UNKNOWN or INTERNAL.
"""

import inspect
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Protocol, TypeAlias

import grpc
from google.protobuf.message import DecodeError

from gateway.api.call import CURRENT, UNKNOWN, Call, Proceed
from gateway.errors import GatewayError, Reason
from gateway.telemetry import logs

Context = grpc.aio.ServicerContext[Any, Any]
Handler: TypeAlias = "grpc.RpcMethodHandler[Any, Any]"


class Layer(Protocol):
    """One concern around every call, unary and streaming alike."""

    async def around(self, call: Call, proceed: Proceed) -> Any:
        """Do the layer's part before and after `proceed(call)`, and answer what that answers."""
        ...


@dataclass(frozen=True, slots=True)
class Malformed:
    """What was received in place of a message."""

    reason: str


class Layered(grpc.GenericRpcHandler):
    """All that a server serves, with `layers` around every method, the first outermost. Methods that are not in
    `served` have no name of their own in metrics and logs, since callers may send any.

    This is a handler and not one of gRPC's interceptors, and no method is registered with gRPC by its name: gRPC asks
    its interceptors anew at each call, and waits at each call for every registered method apart.
    """

    def __init__(
        self, handlers: Sequence[grpc.GenericRpcHandler], layers: Sequence[Layer], served: frozenset[str]
    ) -> None:
        """`handlers` are asked in their order."""
        self._handlers = tuple(handlers)
        self._layers = layers
        self._served = served
        self._wrapped: dict[str, Handler] = {}

    def service(self, handler_call_details: grpc.HandlerCallDetails) -> "Handler | None":
        """The method's own handler, with the layers around it: put together at its first call."""
        path = handler_call_details.method
        if path in self._wrapped:
            return self._wrapped[path]
        found = (each.service(handler_call_details) for each in self._handlers)
        handler = next((each for each in found if each is not None), None)
        if handler is None:
            return None
        wrapped = self._wrap(handler, path)
        if path in self._served:
            self._wrapped[path] = wrapped
        return wrapped

    def _wrap(self, handler: Handler, path: str) -> Handler:
        service, method = path.split("/")[1:] if path in self._served else (UNKNOWN, UNKNOWN)
        kind = _kind(handler)
        proceed: Proceed = _innermost(handler)
        for layer in reversed(self._layers):
            proceed = partial(layer.around, proceed=proceed)

        async def run(requests: Any, context: Context) -> Any:
            metadata = tuple(context.invocation_metadata() or ())
            call = Call(service, method, kind, context, metadata, requests, names=logs.begin_call())
            CURRENT.set(call)
            try:
                return await proceed(call)
            finally:
                # gRPC keeps the call until the collector comes by. What was received must not wait for that.
                call.request = None

        make: Callable[..., Handler] = (
            grpc.stream_stream_rpc_method_handler
            if handler.response_streaming
            else grpc.stream_unary_rpc_method_handler
        )
        deserializer = never_failing(handler.request_deserializer) if handler.request_streaming else None
        return make(run, request_deserializer=deserializer, response_serializer=handler.response_serializer)


def never_failing(deserialize: Callable[[bytes], Any] | None) -> Callable[[bytes], Any]:
    """A deserialiser that answers `Malformed` where `deserialize` raises."""

    def safe(data: bytes) -> Any:
        try:
            return data if deserialize is None else deserialize(data)
        except (DecodeError, UnicodeDecodeError, ValueError, RecursionError) as error:
            return Malformed(str(error))

    return safe


def _innermost(handler: Handler) -> Proceed:
    """The method itself. Its one message is read here, and not before the layers have let the call through. A method
    that yields its messages is read for it.
    """
    behaviour = _behaviour(handler)
    read = never_failing(handler.request_deserializer)

    def request_of(call: Call) -> Any:
        call.begun = True
        if handler.request_streaming:
            return _checked_stream(call.request)
        call.request = read(call.request)
        return _checked(call.request)

    async def answer(call: Call) -> Any:
        return await behaviour(request_of(call), call.context)

    async def write(call: Call) -> None:
        async for message in behaviour(request_of(call), call.context):
            await call.context.write(message)

    return write if inspect.isasyncgenfunction(behaviour) else answer


def _checked(request: Any) -> Any:
    if isinstance(request, Malformed):
        raise GatewayError(
            Reason.INVALID_SPEC,
            f"The message is not a valid protobuf of this method's request type ({request.reason}). Check that the "
            "caller uses this gateway's proto, and that every string is valid UTF-8.",
        )
    return request


async def _checked_stream(requests: AsyncIterator[Any]) -> AsyncIterator[Any]:
    async for request in requests:
        yield _checked(request)


def _behaviour(handler: Handler) -> Callable[..., Any]:
    behaviours = (handler.unary_unary, handler.unary_stream, handler.stream_unary, handler.stream_stream)
    return next(each for each in behaviours if each is not None)


def _kind(handler: Handler) -> str:
    if handler.request_streaming:
        return "bidi_stream" if handler.response_streaming else "client_stream"
    return "server_stream" if handler.response_streaming else "unary"
