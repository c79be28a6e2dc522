"""`gateway top` as a page: pools, teams, who waits and why, what runs, what has happened."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC
from typing import Final

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from batchjobs.cli.text import phase_start, plain, rows, since, span, state_name, waiting_for
from batchjobs.client import BatchJob, TeamUsage
from gateway.cli.top_picture import Event, Picture, Pool

ROOMY: Final = 110
"""Columns from which on models and rows are written out; a terminal over SSH often has 80."""

LEAST: Final = 3
"""Rows that every table shows, however small the screen."""

AROUND: Final = 3
"""Lines of a table beside its rows: an empty one, its title, the names of its columns."""

ELASTIC: Final = frozenset({"team", "pool", "reason", "the first waits for"})
"""Columns that give way where the screen is too narrow for all."""

Row = Sequence[str]


@dataclass(frozen=True, slots=True)
class Screen:
    """How much can be seen at once; of what has no height everything is shown."""

    width: int
    height: int | None = None

    @property
    def roomy(self) -> bool:
        return self.width >= ROOMY


@dataclass(frozen=True, slots=True)
class Section:
    """One table."""

    title: str
    columns: Sequence[str]
    rows: Sequence[Row]

    def render(self, most: int) -> Table | Text:
        """The table with so many rows; where there are more, its title says so."""
        if not self.rows:
            return Text(f"\n{self.title}: none", style="bold")
        more = f" (the first {most} of {len(self.rows)})" if most < len(self.rows) else ""
        table = Table(title=f"\n{self.title}{more}", title_justify="left", title_style="bold", box=None, pad_edge=False)
        for column in self.columns:
            table.add_column(column, no_wrap=column not in ELASTIC, overflow="ellipsis", header_style="dim")
        for row in self.rows[:most]:
            table.add_row(*(Text(plain(cell)) for cell in row))
        return table


def page(picture: Picture, endpoint: str, screen: Screen) -> RenderableType:
    """Everything, below a line that says where and when."""
    head = f"{endpoint}  {picture.time:%Y-%m-%d %H:%M:%S UTC}"
    sections = tuple(_sections(picture, screen))
    room = None if screen.height is None else screen.height - 1 - AROUND * len(sections)
    shown = shares([len(each.rows) for each in sections], room)
    return Group(Text(head, style="bold"), *map(Section.render, sections, shown))


def shares(needed: Sequence[int], room: int | None) -> list[int]:
    """How many rows each table shows where `room` lines are there for all: short ones whole, the others alike."""
    if room is None:
        return list(needed)
    given = [min(each, LEAST) for each in needed]
    left = room - sum(given)
    while left > 0 and (hungry := [number for number, each in enumerate(needed) if given[number] < each]):
        for number in hungry[:left]:
            given[number] += 1
        left = room - sum(given)
    return given


def _sections(picture: Picture, screen: Screen) -> Iterable[Section]:
    usage = picture.usage.items()
    yield Section("pools", ("pool", "capacity", "active", "queued", "gate"), [_pool(each) for each in picture.pools])
    columns = ("team", "active", "queued", "today", "creates/min")
    yield Section("teams", columns, [_team(team, each) for team, each in usage])
    yield Section("queue", ("team", "pool", "queued", "usual wait", "the first waits for"), [*_queue(picture, screen)])
    columns = ("team", "id", "state", "for", "pool", *(("model",) if screen.roomy else ()), "rows")
    yield Section("active", columns, [_job(each, picture, screen) for each in picture.active])
    yield Section("events", ("when", "team", "id", "state", "reason"), [_event(each) for each in picture.events])


def _pool(pool: Pool) -> Row:
    gate = "shut" if pool.shut else "open" if pool.queued else "-"
    return pool.name, str(pool.capacity), str(pool.active), str(pool.queued), gate


def _team(team: str, usage: TeamUsage) -> Row:
    by_quota = {limit.quota: limit for limit in usage.limits}
    return team, *(
        _use(by_quota[name]) for name in ("active_jobs", "queued_jobs", "jobs_per_day", "creates_per_minute")
    )


def _use(limit: TeamUsage.Limit) -> str:
    """`2/3`, `7` where there is no limit, `501/500 shadow`."""
    of = f"/{limit.limit}" if limit.HasField("limit") else ""
    shadow = " shadow" if limit.HasField("limit") and limit.mode == TeamUsage.Limit.SHADOW else ""
    return f"{limit.used}{of}{shadow}"


def _queue(picture: Picture, screen: Screen) -> Iterable[Row]:
    for team, usage in picture.usage.items():
        for pool in usage.pools:
            if pool.queued:
                wait = pool.recent_median_wait.ToTimedelta().total_seconds()
                usual = span(wait) if pool.HasField("recent_median_wait") else "-"
                yield team, _short(pool.pool, picture, screen), str(pool.queued), usual, waiting_for(pool.waiting)


def _job(batch_job: BatchJob, picture: Picture, screen: Screen) -> Row:
    lasting = span(since(phase_start(batch_job), picture.time))
    state, done = state_name(batch_job.state), rows(batch_job) if screen.roomy else _done(batch_job)
    model = (batch_job.model,) if screen.roomy else ()
    pool = _short(batch_job.pool, picture, screen)
    return *_named(batch_job.name), state, lasting, pool, *model, done or "-"


def _short(pool: str, picture: Picture, screen: Screen) -> str:
    """The region alone where there is little room and one project has all pools."""
    projects = {each.name.partition("/")[0] for each in picture.pools}
    return pool if screen.roomy or len(projects) > 1 else pool.partition("/")[2]


def _done(batch_job: BatchJob) -> str:
    """`492/500`: how many rows have been answered, with success or without."""
    counts = batch_job.rows
    ended = counts.succeeded + counts.failed
    return f"{ended}/{ended + counts.incomplete}" if counts.HasField("incomplete") else ""


def _event(event: Event) -> Row:
    when = f"{event.time.astimezone(UTC):%H:%M:%S}"
    return when, *_named(event.batch_job), state_name(event.state), event.reason


def _named(name: str) -> tuple[str, str]:
    """Team and id: `batchjobs get --team TEAM ID` shows more."""
    _, team, _, number = name.split("/")
    return team, number
