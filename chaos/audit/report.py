"""The last line of a run, and what stands above it."""

import math
from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Self

from chaos.audit.counters import COUNTERS
from chaos.audit.evidence import Evidence

SHOWN: Final = 10
"""Findings of one kind that are printed; the counter counts all."""


@dataclass(frozen=True)
class Report:
    """What the audit has found, by counter."""

    creates: int
    found: dict[str, list[str]]
    recovery: float

    @classmethod
    def of(cls, evidence: Evidence) -> Self:
        names = {line["name"] for line in evidence.journal if line["event"] == "created"}
        found = {name: list(counter(evidence)) for name, counter in COUNTERS.items()}
        return cls(len(names), found, recovery_p99(evidence))

    @property
    def clean(self) -> bool:
        return not any(self.found.values())

    @property
    def findings(self) -> str:
        """Each finding in words."""
        lines = list[str]()
        for name, each in self.found.items():
            lines += [f"{name}: {finding}" for finding in each[:SHOWN]]
            lines += [f"{name}: and {len(each) - SHOWN} more"] * (len(each) > SHOWN)
        return "\n".join(lines)

    @property
    def last_line(self) -> str:
        counts = " ".join(f"{name}={len(each)}" for name, each in self.found.items())
        return f"creates={self.creates} {counts} recovery_p99={self.recovery:.1f}s"


def recovery_p99(evidence: Evidence) -> float:
    """Seconds from the end of a fault until the next batch job took a slot, among faults after which one did."""
    dispatches = [change.at for change in evidence.changes if change.state == "SUBMITTING"]
    waits = [
        dispatches[place] - healed for healed in evidence.healed if (place := _next(dispatches, healed)) is not None
    ]
    return _percentile(waits, 0.99)


def _next(times: Sequence[float], moment: float) -> int | None:
    place = bisect_left(times, moment)
    return place if place < len(times) else None


def _percentile(values: Sequence[float], share: float) -> float:
    ordered = sorted(values)
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)] if ordered else 0.0
