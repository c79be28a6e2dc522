"""The one gRPC interceptor: it puts the layers around every method, and makes every deserialiser one that never fails.

gRPC answers a deserialiser's exception with UNKNOWN or INTERNAL before any code of ours runs. Here a message that is no
valid protobuf becomes a value, `Malformed`, and is refused where every refusal is: inside the layers.
"""

import inspect
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from dataclasses import dataclass
from typing import Any, Protocol, TypeAlias

import grpc
from google.protobuf.message import DecodeError

from gateway.api.call import CURRENT, UNKNOWN, Call
from gateway.errors import GatewayError, Reason

Context = grpc.aio.ServicerContext[Any, Any]
Handler: TypeAlias = "grpc.RpcMethodHandler[Any, Any]"


class Layer(Protocol):
    """One concern around every call, unary and streaming alike."""

    def around(self, call: Call) -> AbstractAsyncContextManager[None]:
        """Entered before the method runs, left with its exception after it has ended."""
        ...


@dataclass(frozen=True, slots=True)
class Malformed:
    """What was received in place of a message."""

    reason: str


class Chain(grpc.aio.ServerInterceptor):
    """Applies `layers`, the first outermost, to every method. Methods that are not in `served` have no name of their
    own in metrics and logs, since callers may send any.
    """

    def __init__(self, layers: Sequence[Layer], served: frozenset[str]) -> None:
        self._layers = layers
        self._served = served

    async def intercept_service(
        self,
        continuation: Callable[[grpc.HandlerCallDetails], "Awaitable[Handler | None]"],
        handler_call_details: grpc.HandlerCallDetails,
    ) -> "Handler | None":
        """The method's own handler, with the layers around it."""
        handler = await continuation(handler_call_details)
        return None if handler is None else self._wrap(handler, handler_call_details)

    def _wrap(self, handler: Handler, details: grpc.HandlerCallDetails) -> Handler:
        behaviour = _behaviour(handler)
        kind = _kind(handler)

        async def run(request: Any, context: Context) -> Any:
            call = self._call(details, kind, context)
            CURRENT.set(call)
            async with AsyncExitStack() as layers:
                for layer in self._layers:
                    await layers.enter_async_context(layer.around(call))
                return await _answer(behaviour, request, context)

        make = _MAKERS[handler.request_streaming, handler.response_streaming]
        return make(
            run,
            request_deserializer=never_failing(handler.request_deserializer),
            response_serializer=handler.response_serializer,
        )

    def _call(self, details: grpc.HandlerCallDetails, kind: str, context: Context) -> Call:
        service, method = UNKNOWN, UNKNOWN
        if details.method in self._served:
            _, service, method = details.method.split("/")
        return Call(service, method, kind, context, tuple(details.invocation_metadata or ()))


def never_failing(deserialize: Callable[[bytes], Any] | None) -> Callable[[bytes], Any]:
    """A deserialiser that answers `Malformed` where `deserialize` raises."""

    def safe(data: bytes) -> Any:
        try:
            return data if deserialize is None else deserialize(data)
        except (DecodeError, UnicodeDecodeError, ValueError, RecursionError) as error:
            return Malformed(str(error))

    return safe


async def _answer(behaviour: Callable[..., Any], request: Any, context: Context) -> Any:
    request = _checked_stream(request) if hasattr(request, "__aiter__") else _checked(request)
    if inspect.isasyncgenfunction(behaviour):
        async for message in behaviour(request, context):
            await context.write(message)
        return None
    return await behaviour(request, context)


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


_MAKERS: dict[tuple[bool, bool], Callable[..., Handler]] = {
    (False, False): grpc.unary_unary_rpc_method_handler,
    (False, True): grpc.unary_stream_rpc_method_handler,
    (True, False): grpc.stream_unary_rpc_method_handler,
    (True, True): grpc.stream_stream_rpc_method_handler,
}
