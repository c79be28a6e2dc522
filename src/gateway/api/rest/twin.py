"""The twin of a service: the same methods as Envoy calls them, with each body as the caller sent it.

A twin's request has the fields of the original's under the same numbers; where the route has a body, that field is a
`google.api.HttpBody`. So the twin's bytes without the body are the original's, and nothing is kept in step by hand.
That a call came by REST shows in its service's name, and its callers are known by tokens alone.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final

import grpc
from google.api import annotations_pb2, httpbody_pb2
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
from google.protobuf.descriptor import FileDescriptor, ServiceDescriptor

from gateway.api.handlers import Context, Method, handlers_of
from gateway.api.rest.bodies import read_body
from gateway.api.rest.routes import WHOLE, Route

PACKAGE: Final = "rest"
"""A twin is called after its original: `rest.batchjobs.v1.BatchJobs`."""

_BODY: Final = "body"
_BODY_NUMBER: Final = 1000
_HTTP_BODY: Final[Any] = httpbody_pb2.HttpBody.DESCRIPTOR


class Twin:
    """A service's twin, made once for its routes and kept in the default pool, where reflection finds it."""

    def __init__(self, original: ServiceDescriptor, routes: Sequence[Route]) -> None:
        self.routes = routes
        file = _file(original, routes)
        pool: Any = descriptor_pool.Default()
        pool.AddSerializedFile(file.SerializeToString())
        self.service: ServiceDescriptor = pool.FindServiceByName(f"{file.package}.{original.name}")

    def served(self, methods: Mapping[str, Method]) -> tuple[ServiceDescriptor, grpc.GenericRpcHandler]:
        """The twin as gRPC serves it, around the original's methods."""
        behind = {route.method.name: _behind(route, methods[route.method.name]) for route in self.routes}
        return self.service, handlers_of(self.service, behind)


def _behind(route: Route, method: Method) -> Method:
    """The original's method behind the twin's request."""
    if not route.body:
        return method
    request_class: Any = message_factory.GetMessageClass(route.method.input_type)
    field = _body_field(route)

    async def read_and_call(twin: Any, context: Context) -> Any:
        sent = getattr(twin, field).data
        twin.ClearField(field)
        request = request_class()
        if route.body == WHOLE:
            read_body(sent, request, "")
        else:
            read_body(sent, getattr(request, route.body), route.body)
        # What the path says stands above what the body says.
        request.MergeFromString(twin.SerializeToString())
        return await method(request, context)

    return read_and_call


def _body_field(route: Route) -> str:
    return _BODY if route.body == WHOLE else route.body


def _file(original: ServiceDescriptor, routes: Sequence[Route]) -> descriptor_pb2.FileDescriptorProto:
    package = f"{PACKAGE}.{original.file.package}"
    file = descriptor_pb2.FileDescriptorProto(
        name=f"{package.replace('.', '/')}/{original.name}.proto", package=package, syntax="proto3"
    )
    used: list[Any] = [_HTTP_BODY.file, annotations_pb2.DESCRIPTOR, *_files_used(routes)]
    file.dependency.extend(dict.fromkeys(each.name for each in used))
    service = file.service.add(name=original.name)
    for route in routes:
        method = service.method.add(name=route.method.name, output_type=f".{route.method.output_type.full_name}")
        if route.body:
            request = _request(route)
            file.message_type.append(request)
            method.input_type = f".{package}.{request.name}"
        else:
            method.input_type = f".{route.method.input_type.full_name}"
        options: Any = method.options
        options.Extensions[annotations_pb2.http].CopyFrom(route.rule(_body_field(route) if route.body else ""))
    return file


def _request(route: Route) -> descriptor_pb2.DescriptorProto:
    """The twin's request. Of a whole body, the path alone names fields."""
    whole = descriptor_pb2.DescriptorProto()
    route.method.input_type.CopyToProto(whole)
    request = descriptor_pb2.DescriptorProto(name=whole.name)
    for field in whole.field:
        if field.name == route.body:
            _add_body(request, field.name, field.number)
        elif route.body != WHOLE or field.name in route.path_fields:
            field.ClearField("options")
            request.field.append(field)
    if route.body == WHOLE:
        _add_body(request, _BODY, _BODY_NUMBER)
    return request


def _add_body(request: descriptor_pb2.DescriptorProto, name: str, number: int) -> None:
    request.field.add(
        name=name,
        number=number,
        type=descriptor_pb2.FieldDescriptorProto.TYPE_MESSAGE,
        label=descriptor_pb2.FieldDescriptorProto.LABEL_OPTIONAL,
        type_name=f".{_HTTP_BODY.full_name}",
    )


def _files_used(routes: Sequence[Route]) -> list[FileDescriptor]:
    messages = [message for route in routes for message in (route.method.input_type, route.method.output_type)]
    fields = [field.message_type for route in routes for field in route.method.input_type.fields if field.message_type]
    return [message.file for message in (*messages, *fields)]
