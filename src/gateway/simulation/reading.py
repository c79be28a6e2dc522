"""Reads a trace from a file: CSV with a header, or one JSON object a line. What is wrong names its line and field."""

import csv
import json
import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from gateway.policy.patterns import parse_duration
from gateway.simulation.trace import DEFAULT_PRIORITY, Arrival, TraceError

NEEDED: Final = ("time", "team", "duration")
KNOWN: Final = frozenset({*NEEDED, "region", "priority"})
MOST_PRIORITY: Final = 100


def read_trace(path: Path) -> list[Arrival]:
    """The arrivals of a file, which is JSON lines where its name ends in `.jsonl` and CSV otherwise. It blocks.

    Raises:
        TraceError: the file cannot be read, or a line of it cannot be used.

    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "is not UTF-8 text"
        raise TraceError(str(path), 0, "", f"cannot be read: {reason}") from error
    rows = _json_lines if path.suffix == ".jsonl" else _csv_lines
    arrivals = [_arrival(str(path), line, row) for line, row in rows(str(path), text)]
    if not arrivals:
        raise TraceError(str(path), 0, "", "holds no batch job")
    return arrivals


def _csv_lines(file: str, text: str) -> Iterator[tuple[int, Mapping[str, Any]]]:
    reader = csv.DictReader(text.splitlines(), restkey="", restval="")
    _judge_fields(file, 1, reader.fieldnames or ())
    for row in reader:
        if "" in row:
            raise TraceError(
                file, reader.line_num, "", f"has more than the header's {len(reader.fieldnames or ())} values"
            )
        yield reader.line_num, {name: value for name, value in row.items() if value != ""}


def _json_lines(file: str, text: str) -> Iterator[tuple[int, Mapping[str, Any]]]:
    for line, content in enumerate(text.splitlines(), 1):
        if not content.strip():
            continue
        try:
            row = json.loads(content)
        except ValueError as error:
            raise TraceError(file, line, "", f"is not JSON: {error}") from error
        if not isinstance(row, dict):
            raise TraceError(file, line, "", "is not a JSON object")
        _judge_fields(file, line, row)
        yield line, row


def _judge_fields(file: str, line: int, names: Iterable[str]) -> None:
    names = list(names)
    for name in NEEDED:
        if name not in names:
            raise TraceError(file, line, name, "is missing")
    for name in names:
        if name not in KNOWN:
            raise TraceError(file, line, name, f"is unknown; a trace has {', '.join(sorted(KNOWN))}")


def _arrival(file: str, line: int, row: Mapping[str, Any]) -> Arrival:
    def read(name: str, reader: Callable[[Any], Any], default: Any = None) -> Any:
        if name not in row and default is not None:
            return default
        try:
            return reader(row[name])
        except (KeyError, TypeError, ValueError, OverflowError) as error:
            told = "is missing" if isinstance(error, KeyError) else f"{error}"
            raise TraceError(file, line, name, told) from error

    return Arrival(
        time=read("time", _time),
        team=read("team", _text),
        run=read("duration", _duration),
        place=read("region", _text, ""),
        priority=read("priority", _priority, DEFAULT_PRIORITY),
        line=line,
    )


def _time(value: Any) -> float:
    """Seconds from any beginning, or a moment as RFC 3339 writes it."""
    number = _number(value)
    if number is not None:
        return number
    try:
        moment = datetime.fromisoformat(str(value))
    except ValueError:
        raise ValueError(f"{value!r} is neither a number of seconds nor a time such as 2026-03-01T12:00:00Z") from None
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()


def _duration(value: Any) -> float:
    """Seconds, or a duration as the policy writes it."""
    number = _number(value)
    if number is None:
        try:
            number = parse_duration(value).total_seconds()
        except ValueError:
            raise ValueError(f"{value!r} is neither a number of seconds nor a duration such as 12m") from None
    if number < 0:
        raise ValueError(f"{value!r} is below zero")
    return number


def _number(value: Any) -> float | None:
    if isinstance(value, bool):
        return None
    try:
        number = float(value)
    except (TypeError, ValueError):
        return None
    if not math.isfinite(number):
        raise ValueError(f"{value!r} is not a number of seconds")
    return number


def _priority(value: Any) -> int:
    number = _number(value)
    if number is None or number != int(number) or not 0 <= number <= MOST_PRIORITY:
        raise ValueError(f"{value!r} is not a whole number from 0 to {MOST_PRIORITY}")
    return int(number)


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError(f"{value!r} is not text")
    return value
