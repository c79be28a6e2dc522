"""How long a team's latest batch jobs waited for a slot."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from statistics import median
from typing import Final

RECENT: Final = timedelta(days=7)
"""What ended longer ago says nothing about today."""


@dataclass(frozen=True, slots=True)
class Wait:
    """One wait, from create to the first submit."""

    end_time: datetime
    duration: timedelta


def recent_median(waits: Iterable[Wait], now: datetime) -> timedelta | None:
    """The median of those that ended in the last seven days; None where none did."""
    recent = [wait.duration.total_seconds() for wait in waits if wait.end_time > now - RECENT]
    return timedelta(seconds=median(recent)) if recent else None
