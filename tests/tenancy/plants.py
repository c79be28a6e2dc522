"""Marked secrets: a text for every place that a caller can fill, each one known by its place wherever it turns up."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from google.protobuf import message_factory
from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.message import Message

MARK = re.compile(r"pl4nt(\d{4})x")
"""Lower case, letters and digits: what a marker is made of may stand in every field."""

DEPTH = 3
"""How deep a message that holds itself, as a Struct does, is filled."""


@dataclass
class Plants:
    """Makes markers, and says which places those in a text come from. `wrap` puts something around each marker."""

    wrap: Callable[[str], str] = str
    places: list[str] = field(default_factory=list)

    def at(self, place: str) -> str:
        """A new marker for this place."""
        self.places.append(place)
        return self.wrap(f"pl4nt{len(self.places) - 1:04}x")

    def found(self, *texts: str) -> set[str]:
        """The places whose markers stand in the texts."""
        return {self.places[int(number)] for text in texts for number in MARK.findall(text)}

    def filled(self, kind: Descriptor, path: str = "", depth: int = 0) -> Iterator[Message]:
        """Messages with a marker in every text, bytes and key that the type can hold, one for each choice of oneofs."""
        choices = max([len(each.fields) for each in kind.oneofs] or [1])
        for choice in range(choices):
            message = message_factory.GetMessageClass(kind)()
            for each in kind.fields:
                chosen = each.containing_oneof is None or each.containing_oneof.fields.index(each) == choice
                if chosen and not (each.message_type and depth > DEPTH):
                    self._fill(message, each, path or kind.name, depth)
            yield message

    def _fill(self, message: Any, each: FieldDescriptor, path: str, depth: int) -> None:
        place = f"{path}.{each.name}"
        if each.type == FieldDescriptor.TYPE_STRING:
            _put(message, each, self.at(place))
        elif each.type == FieldDescriptor.TYPE_BYTES:
            _put(message, each, self.at(place).encode())
        elif each.message_type is not None and each.message_type.GetOptions().map_entry:
            self._fill_map(message, each, place, depth)
        elif each.message_type is not None:
            for part in self.filled(each.message_type, place, depth + 1):
                target = getattr(message, each.name)
                target.add().CopyFrom(part) if each.is_repeated else target.MergeFrom(part)

    def _fill_map(self, message: Any, each: FieldDescriptor, place: str, depth: int) -> None:
        held, value = getattr(message, each.name), each.message_type.fields_by_name["value"]
        if value.message_type is None:
            held[self.at(f"{place}.key")] = self.at(f"{place}.value")
            return
        for part in self.filled(value.message_type, f"{place}.value", depth + 1):
            held[self.at(f"{place}.key")].CopyFrom(part)


def _put(message: Any, each: FieldDescriptor, value: str | bytes) -> None:
    if each.is_repeated:
        getattr(message, each.name).append(value)
    else:
        setattr(message, each.name, value)
