"""The table of clients of Vertex AI in the docs, which a run writes, or holds what it saw against."""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from clients.results import Outcome, Result, table
from clients.toolchains import ROOT
from clients.vertex.registry import VERTEX_CLIENTS
from clients.vertex.scenarios import FEATURES

PAGE: Final = "docs/vertex-clients.md"
_TABLE: Final = re.compile(r"(?<=<!-- run: clients -->\n\n).*?(?=\n\n<!-- end -->)", re.DOTALL)
_FIRST_CELL: Final = re.compile(r"\| (.*?) \|")


def keep(results: Sequence[Result], *, write: bool, file: Path = ROOT / PAGE) -> str:
    """Write what was seen into the page, or say how it differs; empty where it does not.

    Rows of clients that were not asked for stay as they are. What was skipped is written as skipped, so that no earlier
    run's "yes" stands for it; held against the page, it is nothing.
    """
    text = file.read_text()
    made, places = _TABLE.subn(lambda match: merged(match[0], results if write else ran(results)), text)
    if places != 1:
        raise AssertionError(f"{file.name} has no place for the table, or several")
    if write:
        file.write_text(made)
        return ""
    return "" if made == text else f"{PAGE} tells another table: see why, then run `make test-clients WRITE=1`"


def merged(before: str, results: Sequence[Result]) -> str:
    """The table with the rows of all clients that the results are of, in the order of the registry."""
    head, new = rows(table("client", FEATURES, results))
    _, old = rows(before.splitlines())
    known = {**old, **new}
    return "\n".join([*head, *(known[each.program] for each in VERTEX_CLIENTS if each.program in known)])


def ran(results: Sequence[Result]) -> Sequence[Result]:
    """The results that tell something."""
    return [each for each in results if each.outcome is not Outcome.SKIPPED]


def rows(lines: Sequence[str]) -> tuple[Sequence[str], Mapping[str, str]]:
    """The head of a table, and its rows by their first cells."""
    return lines[:2], {match[1]: each for each in lines[2:] if (match := _FIRST_CELL.match(each))}
