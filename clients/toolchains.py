"""What builds the programs of each language, and whether this machine has it."""

import os
import shutil
import subprocess
import sysconfig
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parents[1]
PATIENCE: Final = 600.0
"""Seconds after which a build is given up; the first one downloads everything."""


class BuildError(Exception):
    """A build failed; the message holds what it printed."""


@dataclass(frozen=True, slots=True)
class Step:
    """One command of a build, run in a folder of the source tree."""

    folder: str
    command: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Toolchain:
    """A language: the commands that it needs, and what builds its programs."""

    language: str
    commands: tuple[str, ...]
    steps: tuple[Step, ...] = ()

    def missing(self) -> list[str]:
        """The commands that are not on this machine."""
        return [each for each in self.commands if shutil.which(each, path=environment()["PATH"]) is None]

    def build(self) -> float:
        """Build everything; answers how many seconds that took.

        Raises:
            BuildError: a command failed.

        """
        begun = time.monotonic()
        for step in self.steps:
            done = subprocess.run(
                step.command,
                cwd=ROOT / step.folder,
                env=environment(),
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                timeout=PATIENCE,
                check=False,
            )
            if done.returncode != 0:
                raise BuildError(f"{' '.join(step.command)} in {step.folder}:\n{done.stdout}{done.stderr}")
        return time.monotonic() - begun


def environment(more: Mapping[str, str] = {}) -> dict[str, str]:
    """The environment of this process, with the tools of this Python before others."""
    path = os.pathsep.join((sysconfig.get_path("scripts"), os.environ.get("PATH", "")))
    return {**os.environ, "PATH": path, **more}


NPM_CI: Final = ("npm", "ci", "--ignore-scripts", "--no-fund", "--no-audit")
MAVEN: Final = ("mvn", "--quiet", "--batch-mode", "--no-transfer-progress", "package")

TOOLCHAINS: Final = (
    Toolchain("Python", ()),
    Toolchain("curl", ("bash", "curl", "jq")),
    Toolchain(
        "Go",
        ("go", "buf"),
        (
            Step("examples/go", ("buf", "generate")),
            Step("examples/go", ("go", "vet", ".")),
            Step("examples/go", ("go", "build", "-o", str(ROOT / "build/nightly"), ".")),
            Step("clients/vertex/go", ("go", "vet", "./...")),
            Step("clients/vertex/go", ("go", "build", "-o", str(ROOT / "build/vertex") + os.sep, "./...")),
        ),
    ),
    Toolchain(
        "TypeScript",
        ("node", "npm", "buf"),
        (
            Step("examples/typescript", NPM_CI),
            Step("examples/typescript", ("buf", "generate")),
            Step("examples/typescript", ("npm", "run", "build")),
        ),
    ),
    Toolchain("Node", ("node", "npm"), (Step("clients/vertex/node", NPM_CI),)),
    Toolchain("Java", ("java", "mvn"), (Step("examples/java", MAVEN), Step("clients/vertex/java", MAVEN))),
)
