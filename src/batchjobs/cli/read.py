"""`batchjobs get` and `batchjobs list`."""

from typing import Any

import click

from batchjobs.cli.completion import batch_job_names
from batchjobs.cli.connection import connect, connection_options
from batchjobs.cli.newest import newest
from batchjobs.cli.show import show, show_list


@click.command()
@click.argument("name", shell_complete=batch_job_names)
@connection_options
def get(name: str, **options: Any) -> None:
    """Show the batch job NAME: its full name, or its id with --team."""
    connection = connect(**options)
    full = connection.name(name)
    show(connection.run(lambda client: client.get(full)), as_json=connection.as_json)


@click.command("list")
@click.option("--limit", type=click.IntRange(min=1), default=50, show_default=True, help="How many to show at most.")
@click.option("--filter", "filter_", default="", help="Which ones, such as 'state = RUNNING AND labels.run = nightly'.")
@click.option("--all-teams", is_flag=True, help="Those of every team; for operators.")
@connection_options
def list_(limit: int, filter_: str, all_teams: bool, **options: Any) -> None:
    """List the team's batch jobs, newest first."""
    connection = connect(**options)
    connection.need_team()
    found = connection.run(lambda client: newest(client, limit, filter_, all_teams=all_teams))
    show_list(found, as_json=connection.as_json, with_team=all_teams)
