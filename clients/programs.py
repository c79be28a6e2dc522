"""One run of a program, and whether it did what it must."""

import re
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from clients.results import Outcome
from clients.toolchains import ROOT, environment

PATIENCE: Final = 180.0
"""Seconds that one run of a program may take; it takes two or three where nothing else runs."""

SUCCEEDED, REFUSED, NOT_OFFERED = 0, 3, 4
"""What programs end with: all went well, the gateway refused, the client has no such call."""


@dataclass(frozen=True, slots=True)
class Ending:
    """What a program must end with, and the regular expressions that what it printed must meet.

    `counts`: how often what it printed must meet others, no more and no less.
    """

    status: int
    shows: tuple[str, ...]
    counts: tuple[tuple[str, int], ...] = ()


def put_through(command: Sequence[str], more: Mapping[str, str], wanted: Ending) -> tuple[Outcome, str]:
    """Run a program with more in its environment; answers what came of it, and what is wrong where something is."""
    try:
        done = subprocess.run(
            command,
            cwd=ROOT,
            env=environment(more),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=PATIENCE,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return Outcome.FAILED, f"it did not end within {PATIENCE:.0f} s"
    if done.returncode == NOT_OFFERED and done.stdout.strip() == "not offered":
        return Outcome.NOT_OFFERED, ""
    trouble = judge(wanted, done.returncode, done.stdout + done.stderr)
    return Outcome.FAILED if trouble else Outcome.PASSED, trouble


def judge(wanted: Ending, status: int, said: str) -> str:
    """The difference between what a program did and what is wanted; empty where there is none."""
    missing = [f"it did not print {each!r}" for each in wanted.shows if not re.search(each, said)]
    wrong = [f"it ended with {status}, not {wanted.status}"] if status != wanted.status else []
    found = [(each, len(re.findall(each, said)), times) for each, times in wanted.counts]
    other = [f"it printed {each!r} {seen} times, not {times}" for each, seen, times in found if seen != times]
    return "; ".join([*wrong, *missing, *other]) + f":\n{said}" if wrong or missing or other else ""
