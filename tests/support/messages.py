"""Messages of any type, made up by Hypothesis: every field may be set, to whatever its type and JSON can both hold."""

from collections.abc import Callable, Mapping
from typing import Any

from google.protobuf import any_pb2, duration_pb2, field_mask_pb2, message_factory, struct_pb2, timestamp_pb2
from google.protobuf.descriptor import Descriptor, FieldDescriptor
from hypothesis import strategies as st

MOST_FIELDS = 4
DEPTH = 3

_YEARS_1_TO_9999 = (-62_135_596_800, 253_402_300_799)
_KIND = FieldDescriptor

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
NUMBERS = st.floats(allow_nan=False, allow_infinity=False)
JSON = st.recursive(
    st.none() | st.booleans() | NUMBERS | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=6,
)

_SCALARS: Mapping[int, st.SearchStrategy[Any]] = {
    _KIND.CPPTYPE_INT32: st.integers(-(2**31), 2**31 - 1),
    _KIND.CPPTYPE_INT64: st.integers(-(2**63), 2**63 - 1),
    _KIND.CPPTYPE_UINT32: st.integers(0, 2**32 - 1),
    _KIND.CPPTYPE_UINT64: st.integers(0, 2**64 - 1),
    _KIND.CPPTYPE_DOUBLE: st.floats(allow_nan=False),
    _KIND.CPPTYPE_FLOAT: st.floats(allow_nan=False, width=32),
    _KIND.CPPTYPE_BOOL: st.booleans(),
    _KIND.CPPTYPE_ENUM: st.integers(0, 12) | st.integers(0, 2**31 - 1),
}


def messages(kind: Descriptor, depth: int = DEPTH) -> st.SearchStrategy[Any]:
    """Messages of this type; below `depth` they are empty."""
    own = _OWN_FORMS.get(kind.full_name)
    return own() if own is not None else _plain(kind, depth)


@st.composite
def _plain(draw: st.DrawFn, kind: Descriptor, depth: int) -> Any:
    message: Any = message_factory.GetMessageClass(kind)()
    fields = [each for each in kind.fields if depth > 0 or each.message_type is None]
    chosen = (
        draw(st.lists(st.sampled_from(fields), max_size=MOST_FIELDS, unique_by=lambda each: each.name))
        if fields
        else []
    )
    for each in chosen:
        _set(draw, message, each, depth)
    return message


@st.composite
def messages_with(draw: st.DrawFn, kind: Descriptor, name: str) -> Any:
    """Messages in which this field alone is set."""
    message: Any = message_factory.GetMessageClass(kind)()
    _set(draw, message, kind.fields_by_name[name], DEPTH)
    return message


def _set(draw: st.DrawFn, message: Any, each: FieldDescriptor, depth: int) -> None:
    target = getattr(message, each.name)
    if each.message_type is not None and each.message_type.GetOptions().map_entry:
        _fill_map(draw, target, each.message_type, depth)
    elif each.is_repeated:
        target.extend(draw(st.lists(_values(each, depth), max_size=2)))
    elif each.message_type is not None:
        target.SetInParent()
        target.MergeFrom(draw(_values(each, depth)))
    else:
        setattr(message, each.name, draw(_values(each, depth)))


def _fill_map(draw: st.DrawFn, target: Any, entry: Descriptor, depth: int) -> None:
    key, value = entry.fields_by_name["key"], entry.fields_by_name["value"]
    for name, inner in draw(st.dictionaries(_values(key, depth), _values(value, depth), max_size=2)).items():
        if value.message_type is None:
            target[name] = inner
        else:
            target[name].CopyFrom(inner)


def _values(each: FieldDescriptor, depth: int) -> st.SearchStrategy[Any]:
    if each.message_type is not None:
        return messages(each.message_type, depth - 1)
    if each.type == _KIND.TYPE_BYTES:
        return st.binary(max_size=8)
    return TEXT if each.type == _KIND.TYPE_STRING else _SCALARS[each.cpp_type]


def _timestamp() -> st.SearchStrategy[Any]:
    return st.builds(timestamp_pb2.Timestamp, seconds=st.integers(*_YEARS_1_TO_9999), nanos=st.integers(0, 999_999_999))


def _duration() -> st.SearchStrategy[Any]:
    parts = st.tuples(st.integers(0, 315_576_000_000), st.integers(0, 999_999_999), st.sampled_from([1, -1]))
    return parts.map(lambda part: duration_pb2.Duration(seconds=part[2] * part[0], nanos=part[2] * part[1]))


def _value() -> st.SearchStrategy[Any]:
    return JSON.map(lambda value: struct_pb2.Struct(fields={"": _wrapped(value)}).fields[""])


def _wrapped(value: Any) -> Any:
    holder = struct_pb2.ListValue()
    holder.append(value)
    return holder.values[0]


def _struct() -> st.SearchStrategy[Any]:
    def filled(fields: dict[str, Any]) -> Any:
        struct = struct_pb2.Struct()
        struct.update(fields)
        return struct

    return st.dictionaries(TEXT, JSON, max_size=3).map(filled)


def _mask() -> st.SearchStrategy[Any]:
    paths = st.lists(st.from_regex(r"[a-z]{1,6}(_[a-z]{1,6})?(\.[a-z]{1,6})?", fullmatch=True), max_size=3)
    return paths.map(lambda found: field_mask_pb2.FieldMask(paths=found))


def _any() -> st.SearchStrategy[Any]:
    def packed(inner: Any) -> Any:
        holder = any_pb2.Any()
        holder.Pack(inner)
        return holder

    return _duration().map(packed)


_OWN_FORMS: Mapping[str, Callable[[], st.SearchStrategy[Any]]] = {
    "google.protobuf.Timestamp": _timestamp,
    "google.protobuf.Duration": _duration,
    "google.protobuf.Value": _value,
    "google.protobuf.Struct": _struct,
    "google.protobuf.FieldMask": _mask,
    "google.protobuf.Any": _any,
}
"""Messages whose JSON holds less than their fields could."""
