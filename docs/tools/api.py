#!/usr/bin/env python3
"""Writes docs/api.md, the reference of the API, from the comments of the contract in protos/."""

import subprocess
import sys
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path

import pages
from google.api import annotations_pb2, field_behavior_pb2
from google.protobuf import descriptor_pb2 as pb

ROOT = pages.DOCS.parent
PACKAGE = "batchjobs.v1"
FILES = ("batchjobs/v1/batch_jobs.proto", "batchjobs/v1/errors.proto")

# Field numbers of descriptor.proto; comments are found by paths made of them.
SERVICES, MESSAGES, ENUMS, PACKAGE_LINE, SYNTAX = 6, 4, 5, 2, 12
METHODS = NESTED_ENUMS = 2
FIELDS = VALUES = 2
NESTED_MESSAGES, MESSAGE_ENUMS = 3, 4

SCALARS = {
    pb.FieldDescriptorProto.TYPE_STRING: "string",
    pb.FieldDescriptorProto.TYPE_BOOL: "bool",
    pb.FieldDescriptorProto.TYPE_INT32: "int32",
    pb.FieldDescriptorProto.TYPE_INT64: "int64",
}
Path_ = tuple[int, ...]


def contract() -> pb.FileDescriptorSet:
    """The contract with its comments, from the compiler."""
    with tempfile.TemporaryDirectory() as folder:
        image = Path(folder) / "image.binpb"
        subprocess.run([sys.executable, str(ROOT / "protos/generate.py"), "--image", str(image)], check=True)  # noqa: S603 - our own script
        return pb.FileDescriptorSet.FromString(image.read_bytes())


class Reference:
    """The text of one file of the contract."""

    def __init__(self, file: pb.FileDescriptorProto) -> None:
        self.file = file
        self.comments = {tuple(place.path): place.leading_comments for place in file.source_code_info.location}

    def comment(self, path: Path_) -> str:
        """The comment at a path, its leading spaces and line breaks as Markdown wants them."""
        lines = [line.removeprefix(" ") for line in self.comments.get(path, "").splitlines()]
        return "\n".join(lines).strip()

    def head(self) -> str:
        return self.comment((SYNTAX,))

    def services(self) -> Iterator[str]:
        for index, service in enumerate(self.file.service):
            yield f"## Service `{PACKAGE}.{service.name}`\n\n{self.comment((SERVICES, index))}"
            for number, method in enumerate(service.method):
                yield self.method(method, (SERVICES, index, METHODS, number))

    def method(self, method: pb.MethodDescriptorProto, path: Path_) -> str:
        answer = link(method.output_type)
        streamed = f"stream of {answer}" if method.server_streaming else answer
        return f"### {method.name}\n\n{link(method.input_type)} → {streamed}, `{http(method)}`\n\n{self.comment(path)}"

    def messages(self) -> Iterator[str]:
        for index, message in enumerate(self.file.message_type):
            yield from self.message(message, (MESSAGES, index), "")
        for index, enum in enumerate(self.file.enum_type):
            yield self.enum(enum, (ENUMS, index), "")

    def message(self, message: pb.DescriptorProto, path: Path_, outer: str) -> Iterator[str]:
        """A message, then everything that is nested in it."""
        name = f"{outer}{message.name}"
        yield f"### {name}\n\n{self.comment(path)}"
        if message.field:
            rows = [self.field(message, field, (*path, FIELDS, i)) for i, field in enumerate(message.field)]
            yield table(("field", "type", "", "meaning"), rows)
        for index, enum in enumerate(message.enum_type):
            yield self.enum(enum, (*path, MESSAGE_ENUMS, index), f"{name}.")
        for index, nested in enumerate(message.nested_type):
            if not nested.options.map_entry:
                yield from self.message(nested, (*path, NESTED_MESSAGES, index), f"{name}.")

    def field(self, message: pb.DescriptorProto, field: pb.FieldDescriptorProto, path: Path_) -> tuple[str, ...]:
        marks = [
            field_behavior_pb2.FieldBehavior.Name(behavior).lower().replace("_", " ")
            for behavior in field.options.Extensions[field_behavior_pb2.field_behavior]
        ]
        if field.HasField("oneof_index") and not field.proto3_optional:
            marks.append(f"one of `{message.oneof_decl[field.oneof_index].name}`")
        return (f"`{field.name}`", field_type(message, field), ", ".join(marks), self.comment(path))

    def enum(self, enum: pb.EnumDescriptorProto, path: Path_, outer: str) -> str:
        rows = [
            (f"`{value.name}`", str(value.number), self.comment((*path, VALUES, index)))
            for index, value in enumerate(enum.value)
        ]
        return f"### {outer}{enum.name}\n\n{self.comment(path)}\n\n" + table(("value", "number", "meaning"), rows)


def table(head: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    """A Markdown table; line breaks in a cell become spaces."""
    cells = [list(head), *([" ".join(cell.split()).replace("|", "\\|") for cell in row] for row in rows)]
    lines = [f"| {' | '.join(row)} |" for row in cells]
    return "\n".join([lines[0], "|" + " --- |" * len(cells[0]), *lines[1:]])


def field_type(message: pb.DescriptorProto, field: pb.FieldDescriptorProto) -> str:
    for nested in message.nested_type:
        if nested.options.map_entry and field.type_name.endswith(f".{nested.name}"):
            return f"map of {field_type(nested, nested.field[0])} to {field_type(nested, nested.field[1])}"
    name = SCALARS.get(field.type) or link(field.type_name)
    repeated = field.label == pb.FieldDescriptorProto.LABEL_REPEATED
    return f"repeated {name}" if repeated else f"optional {name}" if field.proto3_optional else name


def link(type_name: str) -> str:
    """A type of ours as a link to its heading, any other as its full name."""
    name = type_name.removeprefix(".")
    if not name.startswith(f"{PACKAGE}."):
        return f"`{name}`"
    short = name.removeprefix(f"{PACKAGE}.")
    return f"[{short}](#{short.lower().replace('.', '')})"


def http(method: pb.MethodDescriptorProto) -> str:
    """The verb and path of the method's HTTP form."""
    rule = method.options.Extensions[annotations_pb2.http]
    verb = rule.WhichOneof("pattern")
    return f"{verb.upper()} {getattr(rule, verb)}"


def render() -> str:
    files = {file.name: Reference(file) for file in contract().file}
    api, errors = (files[name] for name in FILES)
    parts = [
        "# API reference",
        api.head(),
        *api.services(),
        "## Messages",
        *api.messages(),
        "## Errors",
        errors.head(),
        *errors.messages(),
    ]
    return "\n\n".join(part for part in parts if part)


if __name__ == "__main__":
    pages.run("api.md", render, tool="api.py", source="the comments in protos/")
