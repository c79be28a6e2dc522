"""What the search did, gathered from all tests and told at the end of the test run: also where workers played it."""

from collections import Counter
from typing import Any

import pytest

from support.schedules.search import Search

_FIGURES = "proof"


def note(request: pytest.FixtureRequest, search: Search) -> None:
    """Add the figures of one search to the report of its test."""
    figures = {"played": search.played, "pruned": search.pruned, "impossible": search.impossible, "left": search.left}
    request.node.user_properties.append((_FIGURES, figures))


def pytest_terminal_summary(terminalreporter: Any) -> None:
    total: Counter[str] = Counter()
    for reports in terminalreporter.stats.values():
        for report in reports:
            for name, figures in getattr(report, "user_properties", ()):
                if name == _FIGURES and report.when == "call":
                    total.update(figures)
    if total:
        told = ", ".join(f"{total[name]} {name}" for name in ("played", "pruned", "impossible", "left"))
        terminalreporter.write_line(f"schedules of the proof: {told}")
