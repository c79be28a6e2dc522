"""What a table holds: its rows in a JSONL file, and its columns. All calls block."""

from __future__ import annotations

import itertools
import json
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path
from typing import Any

from vertex_emulator.bigquery.columns import Column, SchemaError, infer, read_schema
from vertex_emulator.bigquery.datasets import Table

# Making a table and adding to it must not meet half-way.
_CHANGES = threading.Lock()


class TableExistsError(Exception):
    """There is a table of that name already."""


class TableBrokenError(Exception):
    """A table's file, or the file of its schema, is not what it must be; the message says where and why."""


@dataclass(frozen=True)
class Content:
    """What a table is made of, as its files are now."""

    columns: tuple[Column, ...]
    rows: int
    size: int
    """In bytes: that of the file of rows."""
    modified: datetime


def content(table: Table) -> Content:
    """Columns and size; of a view nothing. TableBrokenError where the schema's file is no schema."""
    try:
        stat = table.path.stat()
    except FileNotFoundError:
        return Content(_schema(table) or (), 0, 0, datetime.fromtimestamp(table.dataset.folder.stat().st_mtime, UTC))
    columns, rows = _scan(table.path, stat.st_size, stat.st_mtime_ns)
    return Content(_schema(table) or columns, rows, stat.st_size, datetime.fromtimestamp(stat.st_mtime, UTC))


def rows(table: Table, first: int, count: int | None = None) -> list[dict[str, Any]]:
    """Some rows in the file's order; TableBrokenError for a line that is no JSON object."""
    if not table.path.is_file():
        return []
    with table.path.open("rb") as file:
        lines = ((number, line) for number, line in enumerate(file, 1) if line.strip())
        end = None if count is None else first + count
        return [_row(table, number, line) for number, line in itertools.islice(lines, first, end)]


def _row(table: Table, number: int, line: bytes) -> dict[str, Any]:
    try:
        row = json.loads(line)
    except ValueError as error:
        raise TableBrokenError(f"{table.path.name}, line {number}: not JSON") from error
    if not isinstance(row, dict):
        raise TableBrokenError(f"{table.path.name}, line {number}: not a JSON object")
    return row


def create(table: Table, columns: Sequence[Column]) -> None:
    """Make an empty table; TableExistsError where there is one."""
    with _CHANGES:
        try:
            table.path.touch(exist_ok=False)
        except FileExistsError as error:
            raise TableExistsError(table.name) from error
        table.schema_path.write_text(json.dumps([column.resource() for column in columns], indent=1), encoding="utf-8")


def append(table: Table, lines: bytes) -> None:
    """Add rows, each a line of JSON with its line end."""
    with _CHANGES, table.path.open("ab") as file:
        file.write(lines)


def delete(table: Table) -> None:
    """Remove a table's files."""
    with _CHANGES:
        table.path.unlink(missing_ok=True)
        table.schema_path.unlink(missing_ok=True)


def _schema(table: Table) -> tuple[Column, ...] | None:
    """What the schema's file says; None where there is none."""
    try:
        return read_schema(json.loads(table.schema_path.read_text(encoding="utf-8")))
    except FileNotFoundError:
        return None
    except (ValueError, SchemaError) as error:
        raise TableBrokenError(f"{table.schema_path.name}: {error}") from error


@lru_cache(maxsize=256)
def _scan(path: Path, size: int, modified_ns: int) -> tuple[tuple[Column, ...], int]:  # noqa: ARG001 - they are part of the key.
    """The columns that the rows have, and how many rows there are. Reads the file once for each of its versions."""
    with path.open("rb") as file:
        lines = [line for line in file if line.strip()]
    return infer(_objects(lines)), len(lines)


def _objects(lines: Sequence[bytes]) -> Iterator[dict[str, Any]]:
    for line in lines:
        try:
            row = json.loads(line)
        except ValueError:
            continue
        if isinstance(row, dict):
            yield row
