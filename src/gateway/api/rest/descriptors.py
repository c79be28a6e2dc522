"""What Envoy must know of the messages: the twins, all that they use, and every detail that an error may carry.

The transcoder answers with an empty body where an error has a detail whose type it was not told.
"""

from collections.abc import Iterable
from typing import Any, Final

from google.protobuf import descriptor_pb2, empty_pb2, struct_pb2
from google.protobuf.descriptor import FileDescriptor
from google.rpc import error_details_pb2

_ANY_MAY_HOLD: Final[tuple[Any, ...]] = (error_details_pb2.DESCRIPTOR, empty_pb2.DESCRIPTOR, struct_pb2.DESCRIPTOR)


def descriptor_set(files: Iterable[FileDescriptor]) -> bytes:
    """A `FileDescriptorSet` of these files and of all that they import, each after what it imports."""
    found: dict[str, bytes] = {}
    for file in (*_ANY_MAY_HOLD, *files):
        _add(file, found)
    return descriptor_pb2.FileDescriptorSet(
        file=[descriptor_pb2.FileDescriptorProto.FromString(each) for each in found.values()]
    ).SerializeToString(deterministic=True)


def _add(file: Any, found: dict[str, bytes]) -> None:
    if file.name in found:
        return
    for imported in file.dependencies:
        _add(imported, found)
    found[file.name] = file.serialized_pb
