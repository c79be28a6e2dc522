"""From a JSON body, as a caller sent it, to a message: nothing is lost, and whatever is wrong is named by its field."""

import json
import math
import re
from collections.abc import Mapping
from typing import Any, Final, Never

from google.protobuf import json_format
from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import Message

from gateway.errors import FieldViolation, GatewayError, Reason

_OWN_FORM: Final = "google.protobuf."
"""Messages of this package have a form of their own in JSON."""
_PREFIX: Final = re.compile(r"^(?:Failed to parse \w+ field: )+")
_SHOWN: Final = 120
_WORDS: Final = {
    FieldDescriptor.CPPTYPE_STRING: "a string of Unicode characters",
    FieldDescriptor.CPPTYPE_BOOL: "true or false, without quotes",
    FieldDescriptor.CPPTYPE_INT32: "a whole number of 32 bits",
    FieldDescriptor.CPPTYPE_INT64: "a whole number of 64 bits",
}
"""What protobuf tells in words of Python."""


def read_body(data: bytes, message: Message, root: str) -> None:
    """Read the body into the message; `root` is the message's path in the request. No body at all is an empty object.

    Raises:
        GatewayError: INVALID_SPEC, with every unknown field, or the first other thing that is wrong.

    """
    value = _json_of(data) if data.strip() else {}
    if not isinstance(value, dict):
        raise _refused([FieldViolation(root, "NOT_AN_OBJECT", "The body must be a JSON object.")])
    found: list[FieldViolation] = []
    fitted = _fitted(value, message.DESCRIPTOR, root, found)
    if found:
        raise _refused(found)
    if _refusal(message, fitted) is not None:
        raise _refused([_unfit(fitted, message, root) or _invalid(root, "It cannot be read.")])


def _json_of(data: bytes) -> Any:
    try:
        return json.loads(
            data.decode("utf-8-sig"), object_pairs_hook=_without_repeats, parse_constant=_no_number, parse_float=_number
        )
    except UnicodeDecodeError as error:
        raise _malformed(f"it is not valid UTF-8 at byte {error.start}") from None
    except RecursionError:
        raise _malformed("it is nested too deeply") from None
    except ValueError as error:
        raise _malformed(str(error)) from None


def _without_repeats(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        keys = [key for key, _ in pairs]
        repeated = next(key for key in found if keys.count(key) > 1)
        raise ValueError(f"the key {_shown(repeated)} is there twice in one object")
    return found


def _no_number(name: str) -> Never:
    raise ValueError(f"{name} is no JSON number")


def _number(text: str) -> float:
    number = float(text)
    if math.isinf(number):
        raise ValueError(f"the number {_shown(text)} is too large")
    return number


def _fitted(value: Mapping[str, Any], message: Any, path: str, found: list[FieldViolation]) -> dict[str, Any]:
    """The object with a list around each scalar where a list is meant; what the message has no field for is found."""
    by_name = {**message.fields_by_name, **{field.json_name: field for field in message.fields}}
    fitted = {}
    for key, inner in value.items():
        field = by_name.get(key)
        if field is None:
            place = f"at '{path}'" if path else "in the body"
            sentence = f"Unknown name {_shown(key)} {place}: Cannot find field."
            found.append(FieldViolation(_join(path, key), "UNKNOWN_FIELD", sentence))
        elif field.name in fitted:
            sentence = f"{_shown(field.name)} is there twice, also as {_shown(field.json_name)}: send it once."
            found.append(FieldViolation(_join(path, field.name), "GIVEN_TWICE", sentence))
        else:
            fitted[field.name] = _fitted_field(inner, field, _join(path, field.name), found)
    return fitted


def _fitted_field(value: Any, field: FieldDescriptor, path: str, found: list[FieldViolation]) -> Any:
    inner = field.message_type
    if value is None:
        return None
    if inner is not None and inner.GetOptions().map_entry:
        return value
    if field.is_repeated:
        items = value if isinstance(value, list) else [value]
        return [_fitted_item(item, inner, f"{path}[{at}]", found) for at, item in enumerate(items)]
    return _fitted_item(value, inner, path, found)


def _fitted_item(value: Any, message: Any, path: str, found: list[FieldViolation]) -> Any:
    if message is None or value is None or message.full_name.startswith(_OWN_FORM):
        return value
    if isinstance(value, dict):
        return _fitted(value, message, path, found)
    found.append(FieldViolation(path, "NOT_AN_OBJECT", "This field is a JSON object."))
    return None


def _join(path: str, key: str) -> str:
    shown = key if len(key) <= _SHOWN else f"{key[:_SHOWN]}…"
    return f"{path}.{shown}" if path else shown


def _shown(text: str) -> str:
    return json.dumps(text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…")


def _unfit(value: Any, message: Message, path: str) -> FieldViolation | None:
    """The innermost field that protobuf does not take, with its sentence; None where it takes all of them.

    Its errors name the place in some cases alone, so each field is tried by itself.
    """
    for name, inner in value.items():
        one = type(message)()
        if (sentence := _refusal(one, {name: inner})) is not None:
            field = one.DESCRIPTOR.fields_by_name[name]
            deeper = _join(path, name)
            plain = isinstance(inner, dict) and _has_plain_fields(field.message_type)
            return (_unfit(inner, getattr(one, name), deeper) if plain else None) or _invalid(
                deeper, _meant(field) or sentence
            )
    sentence = _refusal(type(message)(), value)
    return None if sentence is None else _invalid(path, sentence)


def _meant(field: Any) -> str | None:
    """What the field is, in plain words; None where protobuf's will do."""
    if (inner := field.message_type) is not None and inner.GetOptions().map_entry:
        words = _WORDS.get(inner.fields_by_name["value"].cpp_type)
        return f"This field is an object, each value {words}." if words else None
    words = _WORDS.get(field.cpp_type)
    return f"This field is {words}." if words else None


def _refusal(message: Message, value: Any) -> str | None:
    """What protobuf says against the object; None where it has been read into the message."""
    try:
        json_format.ParseDict(value, message)
    except (json_format.ParseError, ValueError, TypeError, RecursionError) as error:
        return str(error)
    return None


def _invalid(path: str, sentence: str) -> FieldViolation:
    return FieldViolation(path, "INVALID_VALUE", _PREFIX.sub("", sentence.replace("\n", " ")))


def _has_plain_fields(message: Any) -> bool:
    return message is not None and not message.GetOptions().map_entry and not message.full_name.startswith(_OWN_FORM)


def _malformed(why: str) -> GatewayError:
    return GatewayError(Reason.INVALID_SPEC, f"Invalid JSON payload received: {why}. Send one JSON object in UTF-8.")


def _refused(violations: list[FieldViolation]) -> GatewayError:
    first = violations[0]
    more = f" {len(violations) - 1} more in the details." if len(violations) > 1 else ""
    return GatewayError(
        Reason.INVALID_SPEC, f"Invalid JSON payload received. {first.description}{more}", details=tuple(violations)
    )
