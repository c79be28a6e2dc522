"""`batchjobs usage`."""

import json
from collections.abc import Iterable, Sequence
from typing import Any

import click
from google.protobuf import json_format
from rich.table import Table
from rich.text import Text

from batchjobs.cli.connection import connect, connection_options
from batchjobs.cli.printing import on_terminal, out, out_table
from batchjobs.cli.text import moment, plain, span, waiting_for
from batchjobs.client import TeamUsage


@click.command()
@connection_options
def usage(**options: Any) -> None:
    """Show what the team may use and what it uses: quotas, pools, models, regions, and patterns of places."""
    connection = connect(**options)
    connection.need_team()
    answer = connection.run(lambda client: client.usage())
    if connection.as_json:
        told = json_format.MessageToDict(answer, preserving_proto_field_name=True)
        out(json.dumps(told, indent=2, ensure_ascii=False))
        return
    quotas = _table(("quota", "used", "limit", "mode", "resets"), map(_limit, answer.limits))
    pools = _table(("pool", "capacity", "active", "queued", "usual wait", "first in line"), map(_pool, answer.pools))
    out_table(quotas, "", pools)
    for label, values in _lists(answer):
        out("\n".join([f"\n{label}", *(f"  {plain(value)}" for value in values)]))


def _limit(limit: TeamUsage.Limit) -> Sequence[str]:
    mode = TeamUsage.Limit.Mode.Name(limit.mode).lower() if limit.mode in TeamUsage.Limit.Mode.values() else "?"
    bound = f"{limit.limit:,}" if limit.HasField("limit") else "none"
    resets = moment(limit.reset_time) if limit.HasField("reset_time") else ""
    return (limit.quota, f"{limit.used:,}", bound, mode if limit.HasField("limit") else "", resets)


def _pool(pool: TeamUsage.Pool) -> Sequence[str]:
    why = waiting_for(pool.waiting) if pool.HasField("waiting") else ""
    wait = span(pool.recent_median_wait.ToTimedelta().total_seconds()) if pool.HasField("recent_median_wait") else ""
    return (pool.pool, str(pool.capacity), str(pool.active), str(pool.queued), wait, why)


def _lists(usage_: TeamUsage) -> Iterable[tuple[str, Sequence[str]]]:
    yield "models", usage_.allowed_models
    yield "regions", usage_.allowed_regions
    yield "sources", usage_.source_patterns
    yield "destinations", usage_.destination_patterns


def _table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for column in columns:
        table.add_column(column, no_wrap=True, header_style="bold" if on_terminal() else "")
    for row in rows:
        table.add_row(*(Text(plain(cell)) for cell in row))
    return table
