"""What callers may say in a query, and what only a path says, by each spelling with its name in JSON.

Left to itself, the transcoder lets a query name another resource than the path does, takes the fields of a body
from it, and of a parameter that is there twice the last.
"""

from collections.abc import Iterable, Iterator, Mapping

from google.protobuf.descriptor import FieldDescriptor

from gateway.api.rest.twin import Twin


def in_queries(twins: Iterable[Twin]) -> Mapping[str, str]:
    """Whatever is neither in a body nor in the path of any route."""
    twins = tuple(twins)
    paths = in_paths(twins)
    return _spelled(field for field in _fields(twins) if not _is_body(field) and field.name not in paths)


def in_paths(twins: Iterable[Twin]) -> Mapping[str, str]:
    """Whatever is in the path of one route at least."""
    twins = tuple(twins)
    bound = {name for twin in twins for route in twin.routes for name in route.path_fields}
    return _spelled(field for field in _fields(twins) if field.name in bound)


def _fields(twins: Iterable[Twin]) -> Iterator[FieldDescriptor]:
    return (field for twin in twins for method in twin.service.methods for field in method.input_type.fields)


def _is_body(field: FieldDescriptor) -> bool:
    return field.message_type is not None and field.message_type.full_name == "google.api.HttpBody"


def _spelled(fields: Iterable[FieldDescriptor]) -> Mapping[str, str]:
    return {spelling: field.json_name for field in fields for spelling in (field.name, field.json_name)}
