"""How values of the policy are written for people, in the form that the file takes."""

from datetime import timedelta
from typing import Final

_UNITS: Final = (("d", 86400), ("h", 3600), ("m", 60), ("s", 1))


def duration_text(value: timedelta) -> str:
    """In the largest unit that holds it whole: `30d`, `90m`."""
    seconds = int(value.total_seconds())
    return next(f"{seconds // size}{unit}" for unit, size in _UNITS if seconds % size == 0)
