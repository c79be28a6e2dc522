"""Reports side by side, as a table and a chart for the terminal."""

from collections.abc import Iterator, Sequence
from itertools import chain
from typing import Final

from gateway.domain.batch_job import PoolId
from gateway.simulation.report import Line, Report

MOST_BARS: Final = 20
BAR: Final = 40
NONE: Final = "-"


def text_of(reports: Sequence[Report]) -> str:
    """For each pool its use, a row a team with every report's figures, and the p95 waits as bars."""
    return "\n".join(chain.from_iterable(_pool(pool, reports) for pool in pools_of(reports))) + "\n"


def pools_of(reports: Sequence[Report]) -> list[PoolId]:
    """Every pool that any of the reports shows."""
    return sorted({pool for report in reports for pool in report.pools})


def teams_of(reports: Sequence[Report], pool: PoolId) -> list[str]:
    """Every team that any of the reports shows in the pool."""
    return sorted({team for report in reports if pool in report.pools for team in report.pools[pool].lines})


def line_of(report: Report, pool: PoolId, team: str) -> Line | None:
    """The team's figures there, if the report has any."""
    return report.pools[pool].lines.get(team) if pool in report.pools else None


def wait_text(seconds: float | None) -> str:
    """`40s`, `12m`, `3.5h`, `2.1d`: two or three digits, whatever the length."""
    if seconds is None:
        return NONE
    for size, unit in ((86400, "d"), (3600, "h"), (60, "m")):
        if seconds >= size:
            return f"{seconds / size:.2g}{unit}" if seconds < 10 * size else f"{seconds / size:.0f}{unit}"
    return f"{seconds:.0f}s"


def _pool(pool: PoolId, reports: Sequence[Report]) -> Iterator[str]:
    yield f"{pool}"
    for report in reports:
        if shown := report.pools.get(pool):
            yield f"  {report.name}: capacity {shown.capacity}, {shown.use:.0%} of it used"
    yield ""
    yield from _table(pool, reports)
    yield ""
    yield from _bars(pool, reports)
    yield ""


def _table(pool: PoolId, reports: Sequence[Report]) -> Iterator[str]:
    columns = ("due", "share", "p50", "p95", "max", "own limit")
    rows = [["team", "jobs", *(column for _ in reports for column in columns)]]
    for team in teams_of(reports, pool):
        lines = [line_of(report, pool, team) for report in reports]
        jobs = next(line.jobs for line in lines if line)
        rows.append([team, str(jobs), *chain.from_iterable(_figures(line) for line in lines)])
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    yield _heading(widths, [report.name for report in reports], len(columns))
    for row in rows:
        cells = [cell.rjust(width) for cell, width in zip(row, widths, strict=True)]
        groups = [cells[at : at + len(columns)] for at in range(2, len(cells), len(columns))]
        start = [row[0].ljust(widths[0]), cells[1]]
        yield "  " + " | ".join("  ".join(group) for group in (start, *groups))
    lines = [line_of(report, pool, team) for report in reports for team in teams_of(reports, pool)]
    if any(line and line.held for line in lines):
        yield "  * some of its batch jobs never got a slot"
    if any(line and line.at_limit for line in lines):
        yield "  own limit: the part of its waiting in which the team filled its own active_jobs, and waited for itself"


def _heading(widths: Sequence[int], names: Sequence[str], columns: int) -> str:
    """Each report's name above its own columns."""
    spans = [sum(widths[at : at + columns]) + 2 * (columns - 1) for at in range(2, len(widths), columns)]
    named = [name[:span].ljust(span) for name, span in zip(names, spans, strict=True)]
    return ("  " + " | ".join([" " * (widths[0] + 2 + widths[1]), *named])).rstrip()


def _figures(line: Line | None) -> Sequence[str]:
    if line is None:
        return (NONE,) * 6
    waits = (wait_text(line.p50), wait_text(line.p95), wait_text(line.longest) + ("*" if line.held else ""))
    limit = NONE if line.at_limit is None else f"{line.at_limit:.0%}"
    return (f"{line.due:.1%}", f"{line.share:.1%}", *waits, limit)


def _bars(pool: PoolId, reports: Sequence[Report]) -> Iterator[str]:
    """One bar a report for the teams whose waits differ most."""
    waits = {
        team: [(line and line.p95) or 0.0 for line in (line_of(report, pool, team) for report in reports)]
        for team in teams_of(reports, pool)
    }
    shown = sorted(waits, key=lambda team: (min(waits[team]) - max(waits[team]), team))[:MOST_BARS]
    most = max((wait for team in shown for wait in waits[team]), default=0.0)
    left = max(map(len, shown), default=0)
    name = max(len(report.name) for report in reports)
    yield "  p95 of the wait" + (f", the {MOST_BARS} teams that differ most" if len(waits) > MOST_BARS else "")
    for team in sorted(shown):
        for i, (report, wait) in enumerate(zip(reports, waits[team], strict=True)):
            bar = "█" * round(BAR * wait / most) if most else ""
            yield f"  {'' if i else team:<{left}}  {report.name:<{name}}  {bar or '▏'} {wait_text(wait)}"
