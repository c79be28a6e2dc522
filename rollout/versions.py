"""Two versions of the gateway: this one, and the last one that knew the schema before the newest migration."""

import io
import subprocess
import sys
import tarfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from gateway.store import migrate

ROOT: Final = Path(__file__).resolve().parents[1]
MIGRATIONS: Final = "src/gateway/store/migrations/versions"


@dataclass(frozen=True, slots=True)
class Version:
    """A version's sources, and the newest schema that it knows."""

    name: str
    sources: Path
    schema: str

    def environment(self, settings: Mapping[str, str]) -> dict[str, str]:
        """The variables to run it with: of the settings those that it knows."""
        text = (self.sources / "gateway" / "settings.py").read_text(encoding="utf-8")
        known = {f"GATEWAY_{name}": value for name, value in settings.items() if f"    {name.lower()}: " in text}
        database = {"GATEWAY_DATABASE_URL": settings["DATABASE_URL"]}
        return {**known, **database, "PYTHONPATH": str(self.sources)}


def this_version() -> Version:
    """What stands in the work tree."""
    return Version("this", ROOT / "src", migrate.head())


def version_before(folder: Path) -> Version:
    """The commit before the newest migration came, unpacked into `folder`."""
    newest = next((ROOT / MIGRATIONS).glob(f"v{migrate.head()}_*.py")).name
    added = _git("log", "--diff-filter=A", "--format=%H", "--", f"{MIGRATIONS}/{newest}").decode().split()
    if not added:
        sys.exit(f"The version before {newest} is read from the repository's history, which is not here.")
    with tarfile.open(fileobj=io.BytesIO(_git("archive", f"{added[-1]}^", "src"))) as archive:
        archive.extractall(folder, filter="data")
    return Version(f"before {newest}", folder / "src", f"{int(migrate.head()) - 1:04}")


def _git(*arguments: str) -> bytes:
    return subprocess.run(["git", *arguments], cwd=ROOT, capture_output=True, check=True).stdout
