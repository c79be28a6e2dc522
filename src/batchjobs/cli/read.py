"""`batchjobs get` and `batchjobs list`."""

from typing import Any

import click

from batchjobs.cli.connection import Connection, connect, connection_options
from batchjobs.cli.show import show, show_list
from batchjobs.v1.batch_jobs_pb2 import BatchJob, GetBatchJobRequest, ListBatchJobsRequest

PAGE_SIZE = 200


@click.command()
@click.argument("name")
@connection_options
def get(name: str, **options: Any) -> None:
    """Show the batch job NAME: its full name, or its id with --team."""
    with connect(**options) as connection:
        full = connection.name(name)
        answer = connection.send(connection.stub.GetBatchJob, GetBatchJobRequest(name=full), full)
        show(answer, as_json=connection.as_json)


@click.command("list")
@click.option("--limit", type=click.IntRange(min=1), default=50, show_default=True, help="How many to show at most.")
@click.option("--filter", "filter_", default="", help="Which ones, such as 'state = RUNNING AND labels.run = nightly'.")
@click.option("--all-teams", is_flag=True, help="Those of every team; for operators.")
@connection_options
def list_(limit: int, filter_: str, all_teams: bool, **options: Any) -> None:
    """List the team's batch jobs, newest first."""
    with connect(**options) as connection:
        parent = connection.parent()
        found = _pages(connection, "teams/-" if all_teams else parent, filter_, limit)
        show_list(found, as_json=connection.as_json, with_team=all_teams)


def _pages(connection: Connection, parent: str, filter_: str, limit: int) -> list[BatchJob]:
    found: list[BatchJob] = []
    token = ""
    while len(found) < limit:
        size = min(PAGE_SIZE, limit - len(found))
        request = ListBatchJobsRequest(parent=parent, page_size=size, page_token=token, filter=filter_)
        page = connection.send(connection.stub.ListBatchJobs, request, parent)
        found.extend(page.batch_jobs)
        token = page.next_page_token
        if not token:
            break
    return found[:limit]
