"""What the advisory database knows against the packages of one file of locked requirements, as pip-audit asks it."""

import json
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Final

BIN: Final = Path(sys.executable).parent
SECONDS: Final = 300

_TROUBLE: Final = r"(Proxy|SSL|Connection|ChunkedEncoding)Error|(Connect|Read)Timeout|HTTPError: (429|5\d\d)"
_UNREACHED: Final = re.compile(
    rf"Could not connect to|is not redirecting properly|^requests\.exceptions\.({_TROUBLE})\b", re.MULTILINE
)
"""How pip-audit and the library below it say that nothing, or nothing of use, has answered."""


@dataclass(frozen=True, slots=True)
class Audit:
    """What is known of one file's packages, or why nothing is."""

    file: str
    audited: int = 0
    unknown: int = 0
    vulnerable: tuple[str, ...] = ()
    failure: str = ""
    """Why asking failed for another reason than that the database cannot be reached."""

    @property
    def passed(self) -> bool:
        """Whether nothing speaks against the packages; an unreachable database does not."""
        return not self.vulnerable and not self.failure

    def __str__(self) -> str:
        if self.failure:
            return f"{self.file}: FAILED: {self.failure}"
        if not self.audited:
            return f"{self.file}: NOT AUDITED: the advisory database cannot be reached from here"
        left = f", {self.unknown} not known to the database" if self.unknown else ""
        return f"{self.file}: {self.audited} packages audited{left}, {len(self.vulnerable)} vulnerable"


def audit_of(file: Path) -> Audit:
    """Ask for every package of the file."""
    command = (BIN / "pip-audit", "-r", file, "--require-hashes", "--disable-pip", "--no-deps", "-f", "json")
    try:
        ran = subprocess.run(command, capture_output=True, text=True, check=False, timeout=SECONDS)
    except subprocess.TimeoutExpired:
        return Audit(str(file))
    return read(str(file), ran.returncode, ran.stdout, ran.stderr)


def read(file: str, code: int, report: str, said: str) -> Audit:
    """What pip-audit's exit code, its JSON and its messages mean. Its code is 1 for a vulnerable package, and for any
    trouble as well. A database that knows no package at all is another one, in its place: a mirror without advisories.
    """
    if report.startswith("{"):
        packages = json.loads(report)["dependencies"]
        known = [each for each in packages if "skip_reason" not in each]
        found = tuple(f"{each['name']} {each['version']}: {flaw['id']}" for each in known for flaw in each["vulns"])
        if code == bool(found):
            return Audit(file, len(known), len(packages) - len(known), found)
    if _UNREACHED.search(said):
        return Audit(file)
    last = said.strip().rpartition("\n")[2] or "it said nothing"
    return Audit(file, failure=f"pip-audit ended with {code}: {last}")
