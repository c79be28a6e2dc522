"""What came of a feature of a program, and the table of all of them."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum


class Outcome(StrEnum):
    """`SKIPPED`: the toolchain is not on this machine. It is never counted as passed."""

    PASSED = "passed"
    FAILED = "failed"
    SKIPPED = "skipped"
    NOT_OFFERED = "not offered"
    """The client has no such call."""


@dataclass(frozen=True, slots=True)
class Result:
    """One feature of one program; `saw` is what there is to show for it, or what went wrong."""

    program: str
    feature: str
    outcome: Outcome
    saw: str = ""


MARKS = {Outcome.PASSED: "yes", Outcome.FAILED: "**no**", Outcome.SKIPPED: "skipped", Outcome.NOT_OFFERED: "–"}


def table(first: str, features: Sequence[str], results: Iterable[Result]) -> list[str]:
    """The lines of a Markdown table: a row for each program, a column for each feature."""
    found = {(each.program, each.feature): each.outcome for each in results}
    programs = dict.fromkeys(program for program, _ in found)
    rows = [[program, *(mark(found.get((program, feature))) for feature in features)] for program in programs]
    return [line([first, *features]), line(["---"] * (len(features) + 1)), *map(line, rows)]


def mark(outcome: Outcome | None) -> str:
    """What stands in a cell; a feature that told nothing has failed."""
    return MARKS[outcome or Outcome.FAILED]


def line(cells: Sequence[str]) -> str:
    """One row."""
    return f"| {' | '.join(cells)} |"


def closing(results: Sequence[Result]) -> str:
    """The last line of a run: how many passed, failed and were skipped."""
    count = {outcome: sum(each.outcome is outcome for each in results) for outcome in Outcome}
    passed, failed, skipped = (count[each] for each in (Outcome.PASSED, Outcome.FAILED, Outcome.SKIPPED))
    return f"{passed} passed, {failed} failed, {skipped} skipped"
