"""What a gateway's log must not hold, however it was called."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Final

LOUD: Final = frozenset({"error", "critical"})


def faults_in(log: Path) -> Iterator[str]:
    """Lines that tell of a defect: a traceback, an error, or a line that is no JSON object at all."""
    with log.open(encoding="utf-8", errors="replace") as lines:
        for line in lines:
            if _is_fault(line):
                yield line.rstrip()[:2000]


def _is_fault(line: str) -> bool:
    try:
        entry = json.loads(line)
    except ValueError:
        return True
    return not isinstance(entry, dict) or "exception" in entry or entry.get("level") in LOUD or "Traceback" in line
