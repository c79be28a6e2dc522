"""How long a run is, and what it may end with."""

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Size:
    """So many `calls`, or as many as `seconds` allow, after `guided` seconds of coverage-guided input."""

    calls: int
    seconds: float
    guided: int
    whole: bool
    """Whether it is a failure to make fewer calls than `calls`, or none that a method answers OK."""


LONG: Final = Size(calls=1_000_000, seconds=3600.0, guided=300, whole=True)
SHORT: Final = Size(calls=1_000_000, seconds=35.0, guided=12, whole=False)
WORKERS: Final = 2

GROWTH: Final = 1.10
SLACK_BYTES: Final = 16 << 20
"""Memory at the end is at most that at half time by this factor and this much: caches may still fill, leaks may not."""
