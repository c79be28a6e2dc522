"""The last line of a run, and what stands above it."""

import math
from collections import deque
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
    beside: int
    """Vertex jobs that were made beside a recorded one, and found."""

    @classmethod
    def of(cls, evidence: Evidence) -> Self:
        names = {line["name"] for line in evidence.journal if line["event"] == "created"}
        found = {name: list(counter(evidence)) for name, counter in COUNTERS.items()}
        return cls(len(names), found, recovery_p99(evidence), len(evidence.found))

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
    """Seconds from the end of a fault until a batch job took a slot: from then on, or from when the next one waited."""
    queued = set[int]()
    waits = list[float]()
    running: list[float] = []
    healed = deque(sorted(evidence.healed))
    for change in evidence.changes:
        while healed and healed[0] <= change.at:
            moment = healed.popleft()
            running.append(moment if queued else math.inf)
        if change.state == "QUEUED":
            queued.add(change.id)
            running = [min(began, change.at) for began in running]
        else:
            queued.discard(change.id)
        if change.state == "SUBMITTING":
            waits += [change.at - began for began in running if began < math.inf]
            running = [began for began in running if began == math.inf]
    return _percentile(waits, 0.99)


def _percentile(values: Sequence[float], share: float) -> float:
    ordered = sorted(values)
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)] if ordered else 0.0
