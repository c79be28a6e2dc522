"""A batch's input file: where its rows are, in which order they are worked off, and reading some of them."""

from __future__ import annotations

import random
from dataclasses import dataclass
from pathlib import Path


class InputError(Exception):
    """An input that cannot be run; the message is what the job's error says."""


@dataclass(frozen=True)
class RowPlace:
    """Where one row stands: its number, from 1, and its bytes in the file."""

    number: int
    offset: int
    length: int


@dataclass(frozen=True)
class Source:
    """An input file whose rows have been found, in the order in which they will be worked off."""

    path: Path
    rows: tuple[RowPlace, ...]

    def read(self, first: int, count: int) -> list[tuple[RowPlace, bytes]]:
        """Some rows with their lines, in working order. Blocks; OSError if the file has gone."""
        with self.path.open("rb") as file:
            found = []
            for place in self.rows[first : first + count]:
                file.seek(place.offset)
                found.append((place, file.read(place.length)))
            return found


def open_source(path: Path, *, max_rows: int, max_bytes: int | None) -> Source:
    """Find the rows of a file; lines without content are none. Blocks. InputError where it is too large or empty."""
    if max_bytes is not None and path.stat().st_size > max_bytes:
        raise InputError(f"The input is larger than {max_bytes} bytes.")
    rows: list[RowPlace] = []
    offset = 0
    with path.open("rb") as file:
        for line in file:
            if line.strip():
                rows.append(RowPlace(len(rows) + 1, offset, len(line)))
            offset += len(line)
            if len(rows) > max_rows:
                raise InputError(f"The input has more than {max_rows} rows.")
    if not rows:
        raise InputError("The input has no rows.")
    return Source(path, tuple(_shuffled(rows)))


def _shuffled(rows: list[RowPlace]) -> list[RowPlace]:
    """Another order than the input's, as Vertex promises none; the same each time for the same input."""
    order = list(rows)
    random.Random(len(rows)).shuffle(order)
    return order if len(rows) == 1 or order != rows else order[1:] + order[:1]
