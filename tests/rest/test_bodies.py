"""Bodies of every served type, made up by the hundred: nothing that was sent is lost, and nothing wrong gets by."""

import codecs
import json
from collections.abc import Iterator, Mapping
from typing import Any

import pytest
from google.protobuf import json_format, message_factory
from google.protobuf.descriptor import Descriptor
from hypothesis import given
from hypothesis import strategies as st

from gateway.api.rest.bodies import read_body
from gateway.api.rest.routes import WHOLE, Route
from gateway.api.rest.twins import rest_twins
from gateway.errors import FieldViolation, GatewayError, Reason
from support.messages import JSON, TEXT, messages

STRANGE = "notAField"


def _body(route: Route) -> tuple[Descriptor, str]:
    """The type of the route's body, and its place in the request."""
    if route.body == WHOLE:
        return route.method.input_type, ""
    return route.method.input_type.fields_by_name[route.body].message_type, route.body


BODIES: Mapping[str, tuple[Descriptor, str]] = {
    route.method.name: _body(route) for twin in rest_twins(vertex_api=True) for route in twin.routes if route.body
}
every_body = pytest.mark.parametrize("name", BODIES)


@st.composite
def written(draw: st.DrawFn, message: Any) -> bytes:
    """The message as JSON, in one of the many ways of writing it."""
    fields = json_format.MessageToDict(
        message, preserving_proto_field_name=draw(st.booleans()), use_integers_for_enums=draw(st.booleans())
    )
    text = json.dumps(fields, ensure_ascii=draw(st.booleans()), indent=draw(st.sampled_from([None, 1])))
    return draw(st.sampled_from([b"", codecs.BOM_UTF8])) + text.encode()


def _read(name: str, data: bytes) -> Any:
    kind, root = BODIES[name]
    message = message_factory.GetMessageClass(kind)()
    read_body(data, message, root)
    return message


def _violations(name: str, data: bytes) -> dict[str, str]:
    """By field, the reasons for which the body is refused; empty where it is not."""
    try:
        message = _read(name, data)
    except GatewayError as error:
        if error.reason is not Reason.INVALID_SPEC:
            raise
        return {each.field: each.reason for each in error.details if isinstance(each, FieldViolation)} or {"": "JSON"}
    message.SerializeToString()
    return {}


@every_body
@given(data=st.data())
def test_every_message_comes_through_its_body_as_it_was(name: str, data: st.DataObject) -> None:
    sent = data.draw(messages(BODIES[name][0]))
    assert _read(name, data.draw(written(sent))) == sent


@every_body
@given(data=st.data())
def test_an_unknown_field_is_named_wherever_it_stands(name: str, data: st.DataObject) -> None:
    kind, root = BODIES[name]
    fields = json_format.MessageToDict(data.draw(messages(kind)))
    objects = list(_objects(fields, kind, root))
    path, target, reason = data.draw(st.sampled_from(objects))
    target[STRANGE] = data.draw(JSON)
    found = _violations(name, json.dumps(fields).encode())
    assert found == {path: reason}


def _objects(fields: dict[str, Any], kind: Descriptor, path: str) -> Iterator[tuple[str, dict[str, Any], str]]:
    """The JSON objects that are messages, each with how one field too many in it is refused."""
    yield f"{path}.{STRANGE}".lstrip("."), fields, "UNKNOWN_FIELD"
    for each in kind.fields:
        inner, value = each.message_type, fields.get(each.json_name)
        deeper = f"{path}.{each.name}".lstrip(".")
        if value is None or inner is None or inner.full_name.startswith("google.protobuf."):
            continue
        if inner.GetOptions().map_entry:
            # What stands under a key of the caller's own is refused as a whole.
            values = inner.fields_by_name["value"].message_type
            if values is not None and not values.full_name.startswith("google.protobuf."):
                yield from ((deeper, item, "INVALID_VALUE") for item in value.values())
        elif each.is_repeated:
            for at, item in enumerate(value):
                yield from _objects(item, inner, f"{deeper}[{at}]")
        else:
            yield from _objects(value, inner, deeper)


def _names(kind: Descriptor, depth: int = 3) -> set[str]:
    """What the type's fields are called, and those of all that it holds."""
    found = {name for each in kind.fields for name in (each.name, each.json_name)}
    inner = {each.message_type for each in kind.fields if each.message_type is not None and depth}
    return found.union(*(_names(each, depth - 1) for each in inner))


@st.composite
def garbage(draw: st.DrawFn, kind: Descriptor) -> bytes:
    """Bytes of no sense; JSON of no sense under names that have one; and a right body that was cut and spliced."""
    names = st.sampled_from(sorted(_names(kind))) | TEXT
    nonsense = st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(names, inner, max_size=4),
        max_leaves=10,
    )
    match draw(st.integers(0, 2)):
        case 0:
            return draw(st.binary(max_size=200))
        case 1:
            return json.dumps(draw(st.dictionaries(names, nonsense, max_size=4) | nonsense)).encode()
    right = draw(written(draw(messages(kind))))
    start, end = sorted(draw(st.tuples(st.integers(0, len(right)), st.integers(0, len(right)))))
    return right[:start] + draw(st.binary(max_size=4) | st.just(right[start:end])) + right[end:]


@every_body
@given(data=st.data())
def test_garbage_is_refused_or_read_and_nothing_else(name: str, data: st.DataObject) -> None:
    for field, reason in _violations(name, data.draw(garbage(BODIES[name][0]))).items():
        assert isinstance(field, str)
        assert reason.isupper()
