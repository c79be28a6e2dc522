"""Columns of a table: their types, found in its rows or said by its schema, and values on their way in and out."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_ALIASES = {"INT64": "INTEGER", "FLOAT64": "FLOAT", "BOOL": "BOOLEAN"}
TYPES = ("STRING", "INTEGER", "FLOAT", "BOOLEAN", "JSON", "TIMESTAMP")


class SchemaError(Exception):
    """A schema, or a value for one of its columns, that cannot be kept here; the message says why."""


@dataclass(frozen=True)
class Column:
    """One plain column: neither repeated nor a record, and any of its values may be missing."""

    name: str
    type: str

    def resource(self) -> dict[str, str]:
        return {"name": self.name, "type": self.type, "mode": "NULLABLE"}


def read_schema(fields: Any) -> tuple[Column, ...]:
    """The columns that a schema in BigQuery's JSON form says; SchemaError where it has what is not kept here."""
    if not isinstance(fields, list):
        raise SchemaError("a schema is a list of fields")
    return tuple(_column(field) for field in fields)


def _column(field: Any) -> Column:
    if not isinstance(field, Mapping) or not isinstance(field.get("name"), str):
        raise SchemaError("a field of a schema is a map with a name and a type")
    kind = str(field.get("type", "")).upper()
    kind = _ALIASES.get(kind, kind)
    if kind not in TYPES or str(field.get("mode", "NULLABLE")).upper() == "REPEATED":
        raise SchemaError(f"{field['name']}: plain columns of the types {', '.join(TYPES)} are kept here")
    return Column(field["name"], kind)


def infer(rows: Iterable[Mapping[str, Any]]) -> tuple[Column, ...]:
    """The columns that the rows have, in the order in which they come first."""
    seen: dict[str, set[str]] = {}
    for row in rows:
        for name, value in row.items():
            kinds = seen.setdefault(name, set())
            if value is not None:
                kinds.add(_kind_of(value))
    return tuple(Column(name, _common(kinds)) for name, kinds in seen.items())


def _kind_of(value: Any) -> str:
    match value:
        case bool():
            return "BOOLEAN"
        case int():
            return "INTEGER"
        case float():
            return "FLOAT"
        case str():
            return "STRING"
    return "JSON"


def _common(kinds: set[str]) -> str:
    if len(kinds) <= 1:
        return next(iter(kinds), "STRING")
    return "FLOAT" if kinds == {"INTEGER", "FLOAT"} else "JSON"


def outgoing(value: Any, kind: str, *, timestamps_as_integers: bool) -> str | None:
    """A value as an answer of `tabledata.list` carries it: everything is text."""
    if value is None:
        return None
    match kind:
        case "JSON":
            return json.dumps(value, ensure_ascii=False)
        case "TIMESTAMP":
            microseconds = (datetime.fromisoformat(value) - _EPOCH) // _MICROSECOND
            return str(microseconds) if timestamps_as_integers else repr(microseconds / 1e6)
        case "BOOLEAN":
            return str(value).lower()
    return str(value)


def incoming(value: Any, kind: str) -> Any:
    """A value of `tabledata.insertAll` as it is kept; SchemaError where it is not of the column's type."""
    try:
        return None if value is None else _converted(value, kind)
    except (ValueError, TypeError) as error:
        raise SchemaError(f"{value!r} is no {kind}") from error


def _converted(value: Any, kind: str) -> Any:
    match kind:
        case "JSON":
            return json.loads(value) if isinstance(value, str) else value
        case "INTEGER":
            return int(value)
        case "FLOAT":
            return float(value)
        case "BOOLEAN":
            return value if isinstance(value, bool) else {"true": True, "false": False}[str(value).lower()]
        case "TIMESTAMP":
            return datetime.fromisoformat(value).isoformat()
    if not isinstance(value, str):
        raise TypeError(f"{value!r} is no text")
    return value
