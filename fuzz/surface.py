"""Every method that a gateway serves, as its own reflection tells it."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import grpc
from google.protobuf.descriptor import Descriptor, FieldDescriptor, MethodDescriptor
from google.protobuf.descriptor_pool import DescriptorPool
from google.protobuf.message import Message
from grpc_reflection.v1alpha.proto_reflection_descriptor_database import ProtoReflectionDescriptorDatabase


@dataclass(frozen=True, slots=True)
class Method:
    """One method: where it is called, and what it takes and gives."""

    path: str
    request: Descriptor
    answer: Descriptor
    client_streaming: bool
    server_streaming: bool

    @classmethod
    def of(cls, method: MethodDescriptor) -> "Method":
        path = f"/{method.containing_service.full_name}/{method.name}"
        return cls(path, method.input_type, method.output_type, method.client_streaming, method.server_streaming)


def methods_at(target: str) -> Sequence[Method]:
    """The methods of all services there, in a fixed order."""
    with grpc.insecure_channel(target) as channel:
        told = ProtoReflectionDescriptorDatabase(channel)
        pool = DescriptorPool(told)
        services = [pool.FindServiceByName(name) for name in sorted(told.get_services())]
    return [Method.of(method) for service in services for method in service.methods]


def strings_in(message: Message) -> Iterator[tuple[str, str]]:
    """Each text of a message with its field's name, at any depth."""
    for each, value in message.ListFields():
        repeated = value if each.is_repeated and not each.message_type else (value,)
        if each.type == FieldDescriptor.TYPE_STRING:
            yield from ((each.name, text) for text in repeated)
        elif each.message_type is not None and not each.message_type.GetOptions().map_entry:
            for inner in value if each.is_repeated else (value,):
                yield from strings_in(inner)
