"""Holds the plain values of a file to its shape, and tells everything that does not fit in the file's own words.

What does not fit is then cut out and the rest validated again: so contradictions elsewhere in the file are found in
the same run, not after the first correction.
"""

import copy
import difflib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, get_args

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from gateway.policy.document import PolicyFile, Section
from gateway.policy.problems import Path, quoted

REASONS: Final[Mapping[str, str]] = {
    "missing": "is missing",
    "int_type": "must be a whole number, not {input}",
    "float_type": "must be a number, not {input}",
    "bool_type": "must be true or false, not {input}",
    "string_type": "must be text, not {input}",
    "list_type": "must be a list, not {input}",
    "dict_type": "must be a map, not {input}",
    "model_type": "must be a map, not {input}",
    "literal_error": "must be {expected}, not {input}",
    "greater_than": "must be above {gt:g}, not {input}",
    "greater_than_equal": "must be at least {ge}, not {input}",
    "less_than_equal": "must be at most {le:.0f}, not {input}",
    "finite_number": "must be a finite number",
}
"""Pydantic's kinds of error that the shape can raise, in our words. A kind that is missing here is a defect."""


@dataclass(frozen=True, slots=True)
class Shaped:
    """What fits of a file. A section that something was cut from is no ground to call others wrong."""

    file: PolicyFile
    cut: frozenset[str]
    """The sections of the file that lost something."""
    pool_indexes: tuple[int, ...]
    """Where each pool of `file` stands in the list as it was written."""


def shape(data: object, report: Callable[[Path, str], None]) -> Shaped | None:
    """The typed file, less what does not fit; None where the document is no map at all."""
    if not isinstance(data, dict):
        report((), f"must be a map with the keys {', '.join(PolicyFile.model_fields)}, not {quoted(data)}")
        return None
    try:
        file = PolicyFile.model_validate(data)
        return Shaped(file, frozenset(), tuple(range(len(file.pools))))
    except ValidationError as error:
        found = error.errors(include_url=False)
    for details in found:
        # Only what could not be read is None here, and that has been told already.
        if details["input"] is not None:
            report(_path(details), _reason(_path(details), details))
    return _without(data, [_path(details) for details in found])


def _without(data: dict[str, Any], paths: list[Path]) -> Shaped:
    rest = copy.deepcopy(data)
    lost_pools = {path[1] for path in paths if path[0] == "pools" and len(path) > 1}
    for path in paths:
        if path[0] != "pools" or len(path) == 1:
            _cut(rest, path)
    indexes = tuple(i for i in range(len(rest.get("pools", ()))) if i not in lost_pools)
    rest = {"teams": {}, **rest, "pools": [rest["pools"][i] for i in indexes]}
    return Shaped(PolicyFile.model_validate(rest), frozenset(str(path[0]) for path in paths), indexes)


def _cut(data: dict[str, Any], path: Path) -> None:
    """Take out the smallest thing around the path that may be absent: a quota, a team's key, an alias, a list."""
    depth = {"teams": 3, "defaults": 2, "aliases": 2}.get(str(path[0]), 1)
    if depth > 1 and len(path) > depth and _is_map(path[:depth]):
        depth += 1
    holder: Any = data
    for part in path[:depth][:-1]:
        holder = holder.get(part, {})
    holder.pop(path[:depth][-1], None)


def _is_map(path: Path) -> bool:
    return path[-1] in {"members", "quotas"}


def _path(details: ErrorDetails) -> Path:
    return tuple(part for part in details["loc"] if part != "[key]")


def _reason(path: Path, details: ErrorDetails) -> str:
    kind, context = details["type"], details.get("ctx", {})
    if kind == "value_error":
        return str(context["error"])
    if kind == "extra_forbidden":
        return _unknown_key(path)
    return REASONS[kind].format(**context, input=quoted(details["input"]))


def _unknown_key(path: Path) -> str:
    known = list(section_at(path[:-1]).model_fields)
    close = difflib.get_close_matches(str(path[-1]), known, n=1, cutoff=0.75)
    return f"unknown key; did you mean {close[0]}?" if close else f"unknown key; known here: {', '.join(known)}"


def section_at(path: Path) -> type[Section]:
    """The model of the map at a path that the shape knows."""
    section: type[Section] = PolicyFile
    for part in path:
        if part in section.model_fields:
            found = next(_sections(section.model_fields[str(part)].annotation), None)
            section = found or section
    return section


def _sections(annotation: Any) -> Any:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for inner in get_args(annotation):
        yield from _sections(inner)
