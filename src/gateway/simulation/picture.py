"""Reports side by side as one SVG picture: waits on the left, shares of slot time on the right."""

from collections.abc import Iterator, Sequence
from math import log10
from typing import Final
from xml.sax.saxutils import escape

from gateway.domain.batch_job import PoolId
from gateway.simulation.report import Report
from gateway.simulation.text import line_of, pools_of, teams_of, wait_text

COLOURS: Final = ("#1f5fa8", "#d9822b", "#8a8f98")
WIDTH, LEFT, PANEL, GAP = 980, 130, 390, 40
BAR: Final = 9
HEADING: Final = 64
SHORTEST: Final = 10.0
"""What the scale of waits begins with; shorter waits stand there too. Seconds."""
TICKS: Final = (10, 60, 600, 3600, 6 * 3600, 86400, 7 * 86400)


def picture_of(reports: Sequence[Report]) -> str:
    """An SVG file: a row a team, in it a bar from p50 to p95 for each report, and its share beside its weight."""
    body, height = list[str](), 46
    for pool in pools_of(reports):
        part = _Pool(pool, reports, top=height)
        body += part.drawn()
        height = part.bottom
    return "\n".join((*_head(height), *_legend(reports), *body, "</svg>")) + "\n"


class _Pool:
    """The rows of one pool, below `top`."""

    def __init__(self, pool: PoolId, reports: Sequence[Report], top: int) -> None:
        self._pool, self._reports, self._top = pool, reports, top
        self._teams = teams_of(reports, pool)
        self._row = BAR * len(reports) + 10
        self.bottom = top + HEADING + self._row * len(self._teams) + 16
        lines = [line for team in self._teams for line in (line_of(r, pool, team) for r in reports) if line]
        self._longest = max([2 * SHORTEST, *(line.p95 for line in lines if line.p95 is not None)])
        self._most = max(max(line.share, line.due) for line in lines)

    def drawn(self) -> Iterator[str]:
        yield _text(16, self._top + 22, self._title(), bold=True)
        yield _text(LEFT, self._top + 42, "wait, from p50 to p95")
        yield _text(LEFT + PANEL + GAP, self._top + 42, "share of the pool's slot time; the mark is the weight's")
        yield from self._ticks()
        for row, team in enumerate(self._teams):
            y = self._top + HEADING + self._row * row
            yield _text(LEFT - 8, y + self._row / 2, team, end=True)
            for i, report in enumerate(self._reports):
                yield from self._bars(report, team, y + BAR * i, COLOURS[i % len(COLOURS)])

    def _title(self) -> str:
        used = ", ".join(f"{r.pools[self._pool].use:.0%}" for r in self._reports if self._pool in r.pools)
        capacity = next(r.pools[self._pool].capacity for r in self._reports if self._pool in r.pools)
        return f"{self._pool}: capacity {capacity}, used {used}"

    def _ticks(self) -> Iterator[str]:
        for tick in TICKS:
            if tick <= self._longest:
                x = self._x(tick)
                yield f'<path d="M{x:.1f} {self._top + 48}V{self.bottom - 14}" stroke="#e3e5e8"/>'
                yield _text(x, self._top + 58, wait_text(tick), small=True, middle=True)

    def _bars(self, report: Report, team: str, y: float, colour: str) -> Iterator[str]:
        line = line_of(report, self._pool, team)
        if line is None:
            return
        if line.p50 is not None and line.p95 is not None:
            begin, end = self._x(line.p50), self._x(line.p95)
            yield _bar(begin, y, max(3.0, end - begin), colour)
            yield _text(end + 5, y + BAR - 1, wait_text(line.p95), small=True)
        start, scale = LEFT + PANEL + GAP, (PANEL - 60) / self._most
        yield _bar(start, y, max(1.0, line.share * scale), colour)
        yield _text(start + max(line.share, line.due) * scale + 5, y + BAR - 1, f"{line.share:.1%}", small=True)
        x = start + line.due * scale
        yield f'<path d="M{x:.1f} {y - 1}v{BAR}" stroke="#111" stroke-width="2"/>'

    def _x(self, seconds: float) -> float:
        part = log10(max(seconds, SHORTEST) / SHORTEST) / log10(self._longest / SHORTEST)
        return LEFT + part * (PANEL - 40)


def _head(height: float) -> Iterator[str]:
    size = f'viewBox="0 0 {WIDTH} {height}" width="{WIDTH}" height="{height}"'
    yield f'<svg xmlns="http://www.w3.org/2000/svg" {size} font-family="Helvetica, Arial, sans-serif">'
    yield '<rect width="100%" height="100%" fill="#fff"/>'


def _legend(reports: Sequence[Report]) -> Iterator[str]:
    x = 16.0
    for i, report in enumerate(reports):
        yield _bar(x, 16, 18, COLOURS[i % len(COLOURS)])
        yield _text(x + 24, 25, report.name)
        x += 50 + 7.2 * len(report.name)


def _bar(x: float, y: float, width: float, colour: str) -> str:
    return f'<rect x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" height="{BAR - 2}" rx="2" fill="{colour}"/>'


def _text(
    x: float, y: float, text: str, *, bold: bool = False, small: bool = False, end: bool = False, middle: bool = False
) -> str:
    anchor = ' text-anchor="end"' if end else ' text-anchor="middle"' if middle else ""
    weight = ' font-weight="bold"' if bold else ""
    size, colour = (9, "#555") if small else (12, "#222")
    return f'<text x="{x:.1f}" y="{y:.1f}" font-size="{size}" fill="{colour}"{anchor}{weight}>{escape(text)}</text>'
