"""Messages of any type, made from its descriptor alone: a method that is added tomorrow is fuzzed tomorrow."""

import random
from enum import Enum, unique
from typing import Final

from google.protobuf.descriptor import Descriptor, FieldDescriptor

from fuzz import wire
from fuzz.values import FLOATS, INTEGERS, Values

DEEPEST: Final = 6
VERY_DEEP: Final = 120
"""More than protobuf's own limit of nested messages."""

_FLOATS = {
    FieldDescriptor.TYPE_DOUBLE: (wire.FIXED64, wire.double),
    FieldDescriptor.TYPE_FLOAT: (wire.FIXED32, wire.single),
}
_FIXED = {
    FieldDescriptor.TYPE_FIXED64: 8,
    FieldDescriptor.TYPE_SFIXED64: 8,
    FieldDescriptor.TYPE_FIXED32: 4,
    FieldDescriptor.TYPE_SFIXED32: 4,
}
_ZIGZAG = frozenset({FieldDescriptor.TYPE_SINT32, FieldDescriptor.TYPE_SINT64})
_TEXT = frozenset({FieldDescriptor.TYPE_STRING, FieldDescriptor.TYPE_BYTES})
_NESTED = frozenset({FieldDescriptor.TYPE_MESSAGE, FieldDescriptor.TYPE_GROUP})


@unique
class Mood(Enum):
    """How a message is meant: to pass, to pass but for one thing, or anything."""

    PLAIN = "plain"
    SPOILED = "spoiled"
    WILD = "wild"


class Messages:
    """Makes messages in the wire format."""

    def __init__(self, rng: random.Random, values: Values) -> None:
        self._rng = rng
        self._values = values

    def message(self, kind: Descriptor) -> bytes:
        """A message in some mood; a fifth of them are wounded afterwards, whatever they were."""
        mood = self._rng.choices(list(Mood), weights=(3, 4, 3))[0]
        made = self.of_mood(kind, mood)
        return wire.mutated(self._rng, made) if self._rng.random() < 0.2 else made

    def of_mood(self, kind: Descriptor, mood: Mood) -> bytes:
        """A message of this mood."""
        if mood is Mood.WILD:
            return self._wild(kind, 0)
        plain = self._plain(kind, 0)
        return plain + self._one_field(kind, 0) if mood is Mood.SPOILED else plain

    def _plain(self, kind: Descriptor, depth: int) -> bytes:
        """Fields of which a plausible value is known, one of each oneof."""
        chosen = [self._rng.choice(each.fields) for each in kind.oneofs]
        chosen += [each for each in kind.fields if each.containing_oneof is None]
        return b"".join(self._plain_field(each, depth) for each in chosen)

    def _plain_field(self, each: FieldDescriptor, depth: int) -> bytes:
        if each.type in _NESTED:
            inner = b"" if depth >= DEEPEST or each.message_type is None else self._plain(each.message_type, depth + 1)
            return wire.field(each.number, wire.BYTES, inner) if inner else b""
        if each.type in _TEXT and self._values.has(each.name) and self._rng.random() < 0.85:
            return wire.field(each.number, wire.BYTES, self._values.plausible(each.name).encode())
        if each.type == FieldDescriptor.TYPE_INT32 and self._rng.random() < 0.3:
            return wire.field(each.number, wire.VARINT, wire.varint(self._rng.randint(0, 100)))
        return b""

    def _wild(self, kind: Descriptor, depth: int) -> bytes:
        if not kind.fields:
            return b""
        return b"".join(self._one_field(kind, depth) for _ in range(self._rng.choice((0, 1, 2, 4, 8))))

    def _one_field(self, kind: Descriptor, depth: int) -> bytes:
        """One hostile field: of its own type, of another one, or nested past every limit."""
        if not kind.fields:
            return wire.field(self._rng.randint(1, 2000), wire.BYTES, b"unknown")
        each = self._rng.choice(kind.fields)
        draw = self._rng.random()
        if draw < 0.05:
            return wire.field(each.number, self._rng.randrange(6), self._rng.randbytes(8))
        if draw < 0.07 and each.message_type is not None:
            return self._very_deep(each)
        return self._hostile(each, depth)

    def _very_deep(self, each: FieldDescriptor) -> bytes:
        inner = b""
        for _ in range(self._rng.choice((20, 99, VERY_DEEP))):
            inner = wire.field(each.number, wire.BYTES, inner)
        return inner

    def _hostile(self, each: FieldDescriptor, depth: int) -> bytes:
        if each.type in _NESTED:
            if depth >= DEEPEST or each.message_type is None:
                return b""
            return wire.field(each.number, wire.BYTES, self._wild(each.message_type, depth + 1))
        if each.type in _TEXT:
            known = self._values.has(each.name) and self._rng.random() < 0.4
            text = self._values.plausible(each.name).encode() if known else self._values.hostile()
            return wire.field(each.number, wire.BYTES, text)
        if each.type in _FLOATS:
            kind, write = _FLOATS[each.type]
            return wire.field(each.number, kind, write(self._rng.choice(FLOATS)))
        number = self._rng.choice(INTEGERS)
        if size := _FIXED.get(each.type):
            payload = (number & (1 << size * 8) - 1).to_bytes(size, "little")
            return wire.field(each.number, wire.FIXED64 if size == 8 else wire.FIXED32, payload)
        if each.type in _ZIGZAG:
            number = number << 1 ^ number >> 63
        return wire.field(each.number, wire.VARINT, wire.varint(number))
