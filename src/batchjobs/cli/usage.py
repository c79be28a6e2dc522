"""`batchjobs usage`."""

import json
import sys
from collections.abc import Iterable, Sequence
from typing import Any

import click
from google.protobuf import json_format
from rich.console import Console
from rich.table import Table
from rich.text import Text

from batchjobs.cli.connection import connect, connection_options
from batchjobs.cli.text import moment, plain, waiting_for
from batchjobs.client import TeamUsage

WIDE = 1000


@click.command()
@connection_options
def usage(**options: Any) -> None:
    """Show what the team may use and what it uses: quotas, pools, models, regions, and patterns of places."""
    connection = connect(**options)
    connection.need_team()
    answer = connection.run(lambda client: client.usage())
    if connection.as_json:
        told = json_format.MessageToDict(answer, preserving_proto_field_name=True)
        click.echo(json.dumps(told, indent=2, ensure_ascii=False))
        return
    console = Console(highlight=False) if sys.stdout.isatty() else Console(highlight=False, width=WIDE)
    console.print(_table(("quota", "used", "limit", "mode", "resets"), map(_limit, answer.limits)))
    console.print()
    console.print(_table(("pool", "capacity", "active", "queued", "first in line"), map(_pool, answer.pools)))
    for label, values in _lists(answer):
        click.echo(f"\n{label}")
        for value in values:
            click.echo(f"  {plain(value)}")


def _limit(limit: TeamUsage.Limit) -> Sequence[str]:
    mode = TeamUsage.Limit.Mode.Name(limit.mode).lower() if limit.mode in TeamUsage.Limit.Mode.values() else "?"
    bound = f"{limit.limit:,}" if limit.HasField("limit") else "none"
    resets = moment(limit.reset_time) if limit.HasField("reset_time") else ""
    return (limit.quota, f"{limit.used:,}", bound, mode, resets)


def _pool(pool: TeamUsage.Pool) -> Sequence[str]:
    why = waiting_for(pool.waiting) if pool.HasField("waiting") else ""
    return (pool.pool, str(pool.capacity), str(pool.active), str(pool.queued), why)


def _lists(usage_: TeamUsage) -> Iterable[tuple[str, Sequence[str]]]:
    yield "models", usage_.allowed_models
    yield "regions", usage_.allowed_regions
    yield "sources", usage_.source_patterns
    yield "destinations", usage_.destination_patterns


def _table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for column in columns:
        table.add_column(column, no_wrap=True, header_style="bold" if sys.stdout.isatty() else "")
    for row in rows:
        table.add_row(*(Text(plain(cell)) for cell in row))
    return table
