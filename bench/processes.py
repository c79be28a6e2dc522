"""What the kernel knows about a process that is measured."""

from dataclasses import dataclass
from pathlib import Path
from typing import Self

KIB = 1024
MB = 1e6


@dataclass(frozen=True, slots=True)
class Memory:
    """Bytes of one process: all pages that it has in memory, and its share of them where others use them too."""

    resident: int
    proportional: int

    @classmethod
    def of(cls, pid: int) -> Self:
        fields = {}
        for line in Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="ascii").splitlines()[1:]:
            name, _, rest = line.partition(":")
            fields[name] = int(rest.split()[0]) * KIB
        return cls(fields["Rss"], fields["Pss"])
