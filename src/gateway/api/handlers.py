"""A service's methods as gRPC handlers, made from its descriptor, and the answer to methods that nobody serves."""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from typing import Any, Never, TypeAlias

import grpc
from google.protobuf import message_factory
from google.protobuf.descriptor import MethodDescriptor, ServiceDescriptor
from google.protobuf.message import Message

from gateway.errors import GatewayError, Reason

Context = grpc.aio.ServicerContext[Any, Any]
Handler: TypeAlias = "grpc.RpcMethodHandler[Any, Any]"
Method = Callable[[Any, Context], Awaitable[Any]]
"""A unary method answers its message, a streaming one writes its messages to the context and answers None. The bytes of
a message may stand for it.
"""


def handlers_of(service: ServiceDescriptor, methods: Mapping[str, Method]) -> grpc.GenericRpcHandler:
    """The handlers of a service. `methods` has every method of the descriptor and no other.

    Raises:
        ValueError: the two differ: a defect that shows when the server is built.

    """
    if set(methods) != set(service.methods_by_name):
        raise ValueError(f"{service.full_name} is {list(service.methods_by_name)}, and {list(methods)} are given")
    handlers = {name: _handler(service.methods_by_name[name], method) for name, method in methods.items()}
    return grpc.method_handlers_generic_handler(service.full_name, handlers)


def method_paths(service: ServiceDescriptor) -> frozenset[str]:
    """`/package.Service/Method` for each method."""
    return frozenset(f"/{service.full_name}/{name}" for name in service.methods_by_name)


class NotServed(grpc.GenericRpcHandler):
    """Added last: takes every method that no other handler has, streaming or not, and says what is served: these."""

    def __init__(self, services: Sequence[ServiceDescriptor]) -> None:
        self._served = "; ".join(_told(service) for service in services)

    def service(self, handler_call_details: grpc.HandlerCallDetails) -> Handler:
        """A handler that refuses whatever it is sent."""
        method = handler_call_details.method

        async def refuse(_requests: AsyncIterator[bytes], _context: Context) -> Never:
            raise GatewayError(
                Reason.NOT_SERVED,
                f"{method[:200]} is not served here. What is served: {self._served}; and the standard health and "
                "reflection services.",
            )

        return grpc.stream_stream_rpc_method_handler(refuse)


def _told(service: ServiceDescriptor) -> str:
    return f"{service.full_name} ({', '.join(service.methods_by_name)})"


def _handler(method: MethodDescriptor, behaviour: Method) -> Handler:
    request = message_factory.GetMessageClass(method.input_type)
    answer = message_factory.GetMessageClass(method.output_type)
    make: Callable[..., Handler] = (
        grpc.unary_stream_rpc_method_handler if method.server_streaming else grpc.unary_unary_rpc_method_handler
    )
    return make(behaviour, request_deserializer=request.FromString, response_serializer=_serializer(answer))


def _serializer(answer: type[Message]) -> Callable[[Any], bytes]:
    """Takes bytes as they are: a method may have kept an answer in the form in which it goes over the wire."""
    write = answer.SerializeToString

    def serialize(message: Any) -> bytes:
        return message if type(message) is bytes else write(message)

    return serialize
