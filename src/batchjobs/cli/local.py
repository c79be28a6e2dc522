"""A local file of requests, checked before anything is sent: what Vertex AI would refuse hours later is said here."""

import base64
import hashlib
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Final, NoReturn

MAX_BYTES: Final = 1_000_000_000
MAX_ROWS: Final = 200_000
"""What Vertex AI takes in one batch job."""

TOLD_EVERY: Final = 1000
"""Lines between two words on how far it is."""

SHOWN: Final = 5
"""How many bad lines are named, so that a file of another format does not fill the screen."""


Seen = Callable[[int, int], None]


class BadFileError(Exception):
    """A file that cannot be submitted; the message says what is wrong and where."""


@dataclass(frozen=True, slots=True)
class LocalFile:
    """A file that passed: how many rows and bytes it has, and digests of its content.

    `sha256` names the content, in hexadecimal; `md5` is what Cloud Storage checks an upload by, in base64.
    """

    path: Path
    rows: int
    size: int
    sha256: str
    md5: str


def check_file(path: Path, seen: Seen = lambda _done, _size: None) -> LocalFile:
    """Read the whole file: a JSON object with a `request` in each line, at most 200,000 lines and 1 GB.

    Args:
        path: the file.
        seen: told now and then how many bytes have been read, and of how many.

    Raises:
        BadFileError: with every fault of the file as a whole, or the first bad lines by number.
    """
    try:
        if not path.is_file():
            raise BadFileError(f"{path} is not a file." if path.exists() else f"There is no file {path}.")
        size = path.stat().st_size
        if size > MAX_BYTES:
            raise BadFileError(f"{path} has {size:,} bytes; Vertex AI takes at most {MAX_BYTES:,}. Split it.")
        with path.open("rb") as file:
            return _read(path, file, lambda done: seen(done, size))
    except OSError as error:
        raise BadFileError(f"{path} cannot be read: {error.strerror or error}.") from error


def _read(path: Path, file: IO[bytes], seen: Callable[[int], None]) -> LocalFile:
    sha256, md5 = hashlib.sha256(), hashlib.md5(usedforsecurity=False)
    rows = size = 0
    faults: list[str] = []
    for line in file:
        rows += 1
        size += len(line)
        sha256.update(line)
        md5.update(line)
        if fault := fault_of(line):
            faults.append(f"  line {rows}: {fault}")
        if not rows % TOLD_EVERY:
            seen(size)
    if not rows:
        raise BadFileError(f"{path} is empty.")
    if rows > MAX_ROWS:
        raise BadFileError(f"{path} has {rows:,} lines; Vertex AI takes at most {MAX_ROWS:,}. Split it.")
    if faults:
        raise BadFileError("\n".join(_told(path, faults)))
    return LocalFile(path, rows, size, sha256.hexdigest(), base64.b64encode(md5.digest()).decode())


def _told(path: Path, faults: list[str]) -> Iterator[str]:
    lines = "line is" if len(faults) == 1 else "lines are"
    yield f"{path}: {len(faults):,} {lines} no JSON object with a request. Nothing was submitted."
    yield from faults[:SHOWN]
    if len(faults) > SHOWN:
        yield f"  and {len(faults) - SHOWN:,} more"


def fault_of(line: bytes) -> str:
    """What is wrong with one line; empty where nothing is. What the request holds is for Vertex AI to judge."""
    if not line.strip():
        return "it is empty"
    try:
        return _fault_of_row(json.loads(line.decode("utf-8"), parse_constant=_refuse))
    except UnicodeDecodeError as error:
        return f"it is not UTF-8 (byte {error.start + 1})"
    except RecursionError:
        return "it is nested too deeply"
    except json.JSONDecodeError as error:
        return f"it is not JSON ({error.msg}, column {error.colno})"
    except ValueError as error:
        return f"it is not JSON ({error})"


def _fault_of_row(row: object) -> str:
    if not isinstance(row, dict):
        return "it is JSON, but not an object"
    if "request" not in row:
        return 'it has no "request"'
    return "" if isinstance(row["request"], dict) else 'its "request" is not an object'


def _refuse(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is not JSON")
