"""What the gateway is built from: `python -m deploy.supply_chain audit` and `… sbom FOLDER`.

`audit` asks the advisory database for every locked version and exits with 1 where one is known to be vulnerable, and
where asking failed. Where the database cannot be reached it says so, and that nothing was audited. `sbom` writes
CycloneDX lists of what the image holds, and of what the checks run with, and fails where a locked package is missing
from its list.
"""

import argparse
import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Final

from deploy.advisories import BIN, SECONDS, audit_of

REQUIREMENTS: Final = Path("requirements")
LISTED: Final = ("server", "emulator", "dev")
_PIN: Final = re.compile(r"^(?P<name>[A-Za-z0-9._-]+)==(?P<version>[^\s;\\]+)", re.MULTILINE)


def audit() -> int:
    """Audit every file of locked requirements; 1 where something is known to be vulnerable, or could not be asked for
    other reasons than an unreachable database.
    """
    audits = [audit_of(file) for file in sorted(REQUIREMENTS.glob("*.txt"))]
    for each in audits:
        print(each, *each.vulnerable, sep="\n  ")
    return 0 if all(each.passed for each in audits) else 1


def sbom(folder: Path) -> int:
    """One list a file of locked requirements, the same bytes for the same file."""
    folder.mkdir(parents=True, exist_ok=True)
    missing: list[str] = []
    for name in LISTED:
        locked, made = REQUIREMENTS / f"{name}.txt", folder / f"{name}.cdx.json"
        command = (BIN / "cyclonedx-py", "requirements", locked, "--pyproject", "pyproject.toml", "-o", made)
        # The files of requirements do not say what depends on what, and the tool warns that its list does not either.
        quiet = {**os.environ, "PYTHONWARNINGS": "ignore"}
        subprocess.run((*command, "--output-reproducible"), check=True, timeout=SECONDS, env=quiet)
        absent = pins(locked.read_text(encoding="utf-8")) - components(made.read_text(encoding="utf-8"))
        missing += [f"{package} {version} is not in {made}" for package, version in sorted(absent)]
        print(f"{made}: {len(components(made.read_text(encoding='utf-8')))} packages")
    for each in missing:
        print(each)
    return 1 if missing else 0


def pins(locked: str) -> frozenset[tuple[str, str]]:
    """Name and version of everything that a file of locked requirements pins."""
    return frozenset((normal(found["name"]), found["version"]) for found in _PIN.finditer(locked))


def components(listed: str) -> frozenset[tuple[str, str]]:
    """Name and version of everything on a CycloneDX list."""
    return frozenset((normal(each["name"]), each["version"]) for each in json.loads(listed)["components"])


def normal(name: str) -> str:
    """A package's name as PEP 503 has it."""
    return re.sub(r"[-_.]+", "-", name).lower()


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m deploy.supply_chain", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("audit")
    commands.add_parser("sbom").add_argument("folder", type=Path)
    options = parser.parse_args()
    return audit() if options.command == "audit" else sbom(options.folder)


if __name__ == "__main__":
    sys.exit(main())
