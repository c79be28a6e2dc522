"""Reading the JSON of a row as Google's parsers do: lowerCamelCase or snake_case names, no unknown ones."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any


class RowRefusedError(Exception):
    """A row that the model does not take: the code's name, its HTTP status and a sentence."""

    def __init__(self, message: str, status: str = "INVALID_ARGUMENT", code: int = 400) -> None:
        super().__init__(message)
        self.message = message
        self.status = status
        self.code = code


_SNAKE = re.compile(r"_([a-z0-9])")


def message(value: Any, at: str, known: Iterable[str]) -> dict[str, Any]:
    """A JSON object with its keys in lowerCamelCase; refused where it is none or has a key that is not known."""
    if not isinstance(value, dict):
        raise RowRefusedError(f"Invalid value at '{at}': an object is expected.")
    allowed = set(known)
    fields = {_SNAKE.sub(lambda match: match[1].upper(), key): inner for key, inner in value.items()}
    for name in fields:
        if name not in allowed:
            raise RowRefusedError(f"Unknown name \"{name}\" at '{at}': Cannot find field.")
    return fields


def items(value: Any, at: str) -> list[Any]:
    if not isinstance(value, list):
        raise RowRefusedError(f"Invalid value at '{at}': a list is expected.")
    return value


def text(value: Any, at: str) -> str:
    if not isinstance(value, str):
        raise RowRefusedError(f"Invalid value at '{at}': a string is expected.")
    return value


def number(value: Any, at: str, low: float, high: float) -> float:
    """A number within both bounds, which belong to it."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise RowRefusedError(f"Invalid value at '{at}': a number is expected.")
    if not low <= value <= high:
        raise RowRefusedError(f"Unable to submit request because '{at}' is {value}; it must be from {low} to {high}.")
    return value


def whole(value: Any, at: str, low: int, high: int) -> int:
    if isinstance(value, float) and not value.is_integer():
        raise RowRefusedError(f"Invalid value at '{at}': a whole number is expected.")
    return int(number(value, at, low, high))
