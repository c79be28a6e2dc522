"""An image that `build.sh` has laid out: what can be seen in it, and how it is run in a chroot."""

import asyncio
import contextlib
import importlib.util
import json
import shutil
import subprocess
import tempfile
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Self

MOST_BYTES: Final = 400_000_000
FORBIDDEN: Final = frozenset(
    {"apt", "apt-get", "aptitude", "dpkg", "dpkg-deb", "pip", "pip3", "conda", "uv", "npm"}
    | {"gcc", "cc", "g++", "c++", "cpp", "clang", "ld", "as", "make", "perl", "gdb"}
)
"""Programs that install, build or take apart."""


class WrongError(Exception):
    """The image is not what it must be."""


def insist(holds: bool, sentence: str) -> None:
    """Raises WrongError unless `holds`."""
    if not holds:
        raise WrongError(sentence)


@dataclass(frozen=True, slots=True)
class Image:
    """A file system that was laid out, and what the image says about how it is run."""

    root: Path
    config: dict[str, Any]

    @classmethod
    def of(cls, folder: Path) -> Self:
        described = json.loads((folder / "config.json").read_text(encoding="utf-8"))
        return cls(folder / "root", described["OCIv1"]["config"])

    @property
    def size(self) -> int:
        """Bytes of all its files, each counted once however many names it has."""
        files = {}
        for path in self.root.rglob("*"):
            if path.is_file() and not path.is_symlink():
                status = path.stat()
                files[status.st_ino] = status.st_size
        return sum(files.values())

    def check(self) -> None:
        """What can be seen without running it; raises WrongError."""
        insist(self.size < MOST_BYTES, f"it has {self.size / 1e6:.0f} MB, and {MOST_BYTES / 1e6:.0f} are too many")
        programs = {path.name for path in self.root.rglob("bin/*")} | {path.name for path in self.root.rglob("sbin/*")}
        insist(not programs & FORBIDDEN, f"it holds {', '.join(sorted(programs & FORBIDDEN))}")
        insist(not list(self.root.rglob("site-packages/pip")), "it holds pip")
        raising = [path for path in self.root.rglob("*") if not path.is_symlink() and path.stat().st_mode & 0o6000]
        insist(not [path for path in raising if path.is_file()], "a program in it gives rights")
        packages = next(self.root.glob("opt/gateway/lib/python3*/site-packages"))
        bare = [path for path in packages.rglob("*.py") if not _bytecode(path).exists()]
        insist(not bare, f"{len(bare)} modules have no bytecode, among them {bare[:1]}")
        user = self.config.get("User", "")
        insist(user.partition(":")[0].isdecimal() and not user.startswith("0"), f"it runs as {user or 'root'}")
        insist(self.config.get("StopSignal") == "SIGTERM", "it is not stopped by SIGTERM")
        labels = self.config.get("Labels", {})
        missing = {"title", "description", "version", "revision"} - {key.rpartition(".")[2] for key in labels}
        insist(not missing, f"it has no label {', '.join(sorted(missing))}")

    @contextlib.contextmanager
    def mounted(self, *, readable: Path | None = None) -> Iterator[Path]:
        """Its root, read-only, with /proc, and with the folder `readable` at /mnt."""
        with tempfile.TemporaryDirectory(prefix="image-") as name, contextlib.ExitStack() as stack:
            root = Path(name)
            _mount(stack, "--bind", self.root, root)
            _mount(stack, "-t", "proc", "proc", root / "proc")
            if readable is not None:
                _mount(stack, "--bind", readable, root / "mnt")
            subprocess.run(["mount", "-o", "remount,ro,bind", root], check=True)
            yield root

    @contextlib.asynccontextmanager
    async def run(self, root: Path, *arguments: str, **variables: str) -> AsyncIterator[asyncio.subprocess.Process]:
        """Its entry point in the mounted root, as its user; killed at the end if it still runs."""
        command = [*self.config["Entrypoint"], *(arguments or self.config.get("Cmd", []))]
        environment = dict(each.split("=", 1) for each in self.config["Env"]) | variables
        # `env` looks the program up on the image's own PATH, as a container engine does.
        process = await asyncio.create_subprocess_exec(
            *(_chroot(), f"--userspec={self.config['User']}", "--groups=", root, "/usr/bin/env", *command),
            env=environment,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        try:
            yield process
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()


def _chroot() -> str:
    """Where it is here: the image's own PATH does not lead there."""
    return shutil.which("chroot") or "/usr/sbin/chroot"


def _bytecode(path: Path) -> Path:
    return Path(importlib.util.cache_from_source(str(path)))


def _mount(stack: contextlib.ExitStack, *arguments: object) -> None:
    subprocess.run(["mount", *map(str, arguments)], check=True)
    stack.callback(subprocess.run, ["umount", "--lazy", str(arguments[-1])], check=True)
