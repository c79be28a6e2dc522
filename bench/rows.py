"""One line of the table: a figure, what was measured, the target beside it, and whether it was met."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self


@dataclass(frozen=True, slots=True)
class Row:
    """`met` is None where nothing was promised: such a figure is stated beside another one."""

    figure: str
    measured: str
    target: str = ""
    met: bool | None = None

    @classmethod
    def at_most(cls, figure: str, value: float, limit: float, unit: str = "", *, digits: int = 0) -> Self:
        """A figure that must not be above `limit`."""
        return cls(figure, _text(value, unit, digits), f"≤ {_text(limit, unit, _digits(limit))}", value <= limit)

    @classmethod
    def at_least(cls, figure: str, value: float, limit: float, unit: str = "", *, digits: int = 2) -> Self:
        """A figure that must not be below `limit`."""
        return cls(figure, _text(value, unit, digits), f"≥ {_text(limit, unit, _digits(limit))}", value >= limit)

    @property
    def verdict(self) -> str:
        """One word for the last column."""
        return "stated" if self.met is None else "ok" if self.met else "MISSED"


def median(values: Sequence[float]) -> float:
    """The middle one; the mean of the middle two where there are an even number of them."""
    ordered = sorted(values)
    half = len(ordered) // 2
    return ordered[half] if len(ordered) % 2 else (ordered[half - 1] + ordered[half]) / 2


def percentile(values: Sequence[float], share: float) -> float:
    """The smallest value that `share` (0 to 1) of all values do not exceed: the nearest rank."""
    ordered = sorted(values)
    rank = -int(-len(ordered) * share // 1)
    return ordered[max(rank, 1) - 1]


def table(rows: Sequence[Row]) -> str:
    """The rows as a table that is Markdown and can be read in a terminal."""
    cells = [("figure", "measured", "target", ""), *((r.figure, r.measured, r.target, r.verdict) for r in rows)]
    widths = [max(len(row[column]) for row in cells) for column in range(4)]
    lines = [
        "| " + " | ".join(text.ljust(width) for text, width in zip(row, widths, strict=True)) + " |" for row in cells
    ]
    lines.insert(1, "| " + " | ".join("-" * max(width, 3) for width in widths) + " |")
    return "\n".join(line.rstrip() for line in lines)


def _digits(limit: float) -> int:
    """As many digits as the limit is written with."""
    return len(f"{limit:g}".partition(".")[2])


def _text(value: float, unit: str, digits: int) -> str:
    return f"{value:,.{digits}f}{unit and ' ' + unit}"
