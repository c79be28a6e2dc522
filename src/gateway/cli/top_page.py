"""`gateway top` as a page: pools, teams, who waits and why, what runs, what has happened."""

from collections.abc import Iterable, Sequence
from datetime import UTC

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from batchjobs.cli.text import phase_start, plain, rows, since, span, state_name, waiting_for
from batchjobs.client import BatchJob, TeamUsage
from gateway.cli.top_picture import Event, Picture, Pool


def page(picture: Picture, endpoint: str, *, tallest: int | None = None) -> RenderableType:
    """Everything, below a line that says where and when. `tallest` bounds the lists of batch jobs, for a screen."""
    head = f"{endpoint}  {picture.time:%Y-%m-%d %H:%M:%S UTC}"
    active = picture.active[:tallest]
    more = f"… and {len(picture.active) - len(active)} more" if len(active) < len(picture.active) else ""
    parts: Iterable[RenderableType] = (
        Text(head, style="bold"),
        _table("pools", ("pool", "capacity", "active", "queued", "gate"), map(_pool, picture.pools)),
        _table("teams", ("team", "active", "queued", "today", "creates/min"), map(_team, *_items(picture))),
        _table("queue", ("team", "pool", "queued", "usual wait", "the first waits for"), _queue(picture)),
        _table(
            "active", ("batch job", "state", "for", "pool", "model", "rows"), (_job(each, picture) for each in active)
        ),
        Text(more, style="dim"),
        _table("events", ("when", "batch job", "state", "reason"), map(_event, picture.events[:tallest])),
    )
    return Group(*(part for part in parts if part))


def _items(picture: Picture) -> tuple[Iterable[str], Iterable[TeamUsage]]:
    return picture.usage.keys(), picture.usage.values()


def _pool(pool: Pool) -> Sequence[str]:
    gate = "shut" if pool.shut else "open" if pool.queued else "-"
    return pool.name, str(pool.capacity), str(pool.active), str(pool.queued), gate


def _team(team: str, usage: TeamUsage) -> Sequence[str]:
    by_quota = {limit.quota: limit for limit in usage.limits}
    return team, *(
        _use(by_quota[name]) for name in ("active_jobs", "queued_jobs", "jobs_per_day", "creates_per_minute")
    )


def _use(limit: TeamUsage.Limit) -> str:
    """`2/3`, `7` where there is no limit, `501/500 shadow`."""
    of = f"/{limit.limit}" if limit.HasField("limit") else ""
    shadow = " shadow" if limit.HasField("limit") and limit.mode == TeamUsage.Limit.SHADOW else ""
    return f"{limit.used}{of}{shadow}"


def _queue(picture: Picture) -> Iterable[Sequence[str]]:
    for team, usage in picture.usage.items():
        for pool in usage.pools:
            if pool.queued:
                wait = pool.recent_median_wait.ToTimedelta().total_seconds()
                usual = span(wait) if pool.HasField("recent_median_wait") else "-"
                yield team, pool.pool, str(pool.queued), usual, waiting_for(pool.waiting)


def _job(batch_job: BatchJob, picture: Picture) -> Sequence[str]:
    lasting = span(since(phase_start(batch_job), picture.time))
    state, done = state_name(batch_job.state), rows(batch_job) or "-"
    return batch_job.name, state, lasting, batch_job.pool, batch_job.model, done


def _event(event: Event) -> Sequence[str]:
    return f"{event.time.astimezone(UTC):%H:%M:%S}", event.batch_job, state_name(event.state), event.reason


def _table(title: str, columns: Sequence[str], cells: Iterable[Sequence[str]]) -> Table | Text:
    table = Table(title=f"\n{title}", title_justify="left", title_style="bold", box=None, pad_edge=False)
    for column in columns:
        table.add_column(column, no_wrap=True, header_style="dim")
    for row in cells:
        table.add_row(*(Text(plain(cell)) for cell in row))
    return table if table.row_count else Text(f"\n{title}: none", style="bold")
