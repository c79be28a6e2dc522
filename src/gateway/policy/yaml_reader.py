"""YAML text to plain values that still know their lines; stricter than YAML, and safe on hostile input.

Only `true` and `false` are truth values and only decimal digits are numbers, as in YAML 1.2, so that `off` stays a
word. Refused: a key given twice, several documents, empty values, merge keys, tags, and deep or circular nesting.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import yaml
from yaml.composer import Composer, ComposerError
from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode
from yaml.parser import Parser
from yaml.reader import Reader, ReaderError
from yaml.resolver import BaseResolver
from yaml.scanner import Scanner

from gateway.policy.problems import Path, quoted

MAX_DEPTH: Final = 16
_TAG: Final = "tag:yaml.org,2002:"
_EMPTY: Final = "is empty: write a value, or take the key out"

Report = Callable[[Path, int, str], None]
"""Takes a problem: its path, its line counted from one, and the reason."""


class _Loader(Reader, Scanner, Parser, Composer, BaseResolver):
    """Composes nodes only; nothing is ever constructed from a tag."""

    def __init__(self, text: str) -> None:
        Reader.__init__(self, text)
        Scanner.__init__(self)
        Parser.__init__(self)
        Composer.__init__(self)
        BaseResolver.__init__(self)
        self._depth = 0

    def compose_node(self, parent: Node | None, index: object) -> Node | None:
        self._depth += 1
        if self._depth > MAX_DEPTH:
            raise ComposerError(None, None, "nested too deeply", self.get_mark())
        try:
            return super().compose_node(parent, index)  # type: ignore[arg-type] # PyYAML passes a node as a key; its types say int.
        finally:
            self._depth -= 1


for _name, _pattern, _first in (
    ("null", r"~|null|Null|NULL|", ["~", "n", "N", ""]),
    ("bool", r"true|True|TRUE|false|False|FALSE", list("tTfF")),
    ("int", r"[-+]?[0-9]+", list("-+0123456789")),
    ("float", r"[-+]?[0-9]+(\.[0-9]*)?([eE][-+]?[0-9]+)?", list("-+0123456789")),
):
    _Loader.add_implicit_resolver(_TAG + _name, re.compile(rf"^(?:{_pattern})$"), _first)


@dataclass(frozen=True, slots=True)
class Document:
    """The plain values of a document, and the nodes that know the lines."""

    data: object
    _root: Node | None

    def find(self, path: Path) -> tuple[int, Path]:
        """The line, counted from one, of the nearest thing to `path` that the document has, and that thing's path."""
        node, line = self._root, 1
        for depth, part in enumerate(path):
            found = _child(node, part)
            if found is None:
                return line, path[:depth]
            line, node = found
        return line, path


def _child(node: Node | None, part: str | int) -> tuple[int, Node] | None:
    if isinstance(node, MappingNode):
        pairs = (pair for pair in node.value if isinstance(pair[0], ScalarNode) and pair[0].value == part)
        return next(((_line(key), value) for key, value in pairs), None)
    if isinstance(node, SequenceNode) and isinstance(part, int) and part < len(node.value):
        return _line(node.value[part]), node.value[part]
    return None


def read_yaml(text: str, report: Report) -> Document | None:
    """The one document in the text; None where it cannot be read at all. Problems go to `report`."""
    try:
        loader = _Loader(text)
        root = loader.get_node() if loader.check_node() else None
        if root is not None and loader.check_node():
            report((), loader.get_mark().line + 1, "holds several documents: a policy is one")
            return None
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        about = " ".join(part for part in (error.context, error.problem) if part)
        report((), mark.line + 1 if mark else 1, f"is not YAML: {about}")
        return None
    except ReaderError as error:
        report((), text.count("\n", 0, error.position) + 1, "holds a character that YAML does not allow")
        return None
    if root is None:
        report((), 1, "is empty")
        return None
    return Document(_Builder(report).build(root, ()), root)


class _Builder:
    """Makes plain values of nodes; a node that an anchor shares is made, and its problems told, once."""

    def __init__(self, report: Report) -> None:
        self._report = report
        self._made: dict[int, object] = {}
        self._open: set[int] = set()

    def build(self, node: Node, path: Path) -> object:
        if id(node) in self._open:
            self._report(path, _line(node), "contains itself")
            return None
        if id(node) not in self._made:
            self._open.add(id(node))
            self._made[id(node)] = self._make(node, path)
            self._open.discard(id(node))
        return self._made[id(node)]

    def _make(self, node: Node, path: Path) -> object:
        if isinstance(node, MappingNode) and node.tag == _TAG + "map":
            return self._map(node, path)
        if isinstance(node, SequenceNode) and node.tag == _TAG + "seq":
            return [self.build(item, (*path, i)) for i, item in enumerate(node.value)]
        if isinstance(node, ScalarNode):
            return self._scalar(node, path)
        self._report(path, _line(node), f"carries the tag {quoted(node.tag)}: write plain values")
        return None

    def _map(self, node: MappingNode, path: Path) -> dict[str, object]:
        made: dict[str, object] = {}
        lines: dict[str, int] = {}
        for key, value in node.value:
            if not isinstance(key, ScalarNode):
                self._report(path, _line(key), "has a key that is not a word")
            elif key.value in lines:
                reason = f"is given twice: first on line {lines[key.value]}"
                self._report((*path, key.value), _line(key), reason)
            elif key.value == "<<":
                reason = "merge keys are not read here: put what teams share under defaults"
                self._report((*path, key.value), _line(key), reason)
            else:
                lines[key.value] = _line(key)
                made[key.value] = self.build(value, (*path, key.value))
        return made

    def _scalar(self, node: ScalarNode, path: Path) -> object:
        kind = node.tag.removeprefix(_TAG)
        try:
            match kind:
                case "str":
                    return node.value
                case "int":
                    return int(node.value)
                case "float":
                    return float(node.value)
                case "bool":
                    return {"true": True, "false": False}[node.value.lower()]
        except (ValueError, KeyError):
            self._report(path, _line(node), f"{quoted(node.value)} cannot be read as {kind}")
            return None
        reason = _EMPTY if kind == "null" else f"carries the tag {quoted(node.tag)}: write plain values"
        self._report(path, _line(node), reason)
        return None


def _line(node: Node) -> int:
    return node.start_mark.line + 1
