"""`batchjobs cancel` and `batchjobs delete`."""

from typing import Any

import click

from batchjobs.cli.completion import batch_job_names
from batchjobs.cli.connection import connect, connection_options
from batchjobs.cli.printing import out
from batchjobs.cli.show import show
from batchjobs.cli.text import state_name
from batchjobs.client import BatchJob, has_ended


@click.command()
@click.argument("name", shell_complete=batch_job_names)
@connection_options
def cancel(name: str, **options: Any) -> None:
    """Cancel the batch job NAME: its full name, or its id with --team.

    One that is queued ends at once. Any other shows CANCELLING until Vertex AI reports its end. What it has written
    stays where it is.
    """
    connection = connect(**options)
    full = connection.name(name)
    answer = connection.run(lambda client: client.cancel(full))
    told = f"{full}  {state_name(answer.state)}{_explanation(answer, full)}"
    if connection.as_json:
        show(answer, as_json=True, otherwise=(told,))
    else:
        out(told, told)


def _explanation(batch_job: BatchJob, name: str) -> str:
    if batch_job.state == BatchJob.CANCELLING:
        return f" (its end is not known yet; follow it with: batchjobs watch {name})"
    return " (it had ended before)" if has_ended(batch_job) and batch_job.state != BatchJob.CANCELLED else ""


@click.command()
@click.argument("name", shell_complete=batch_job_names)
@connection_options
def delete(name: str, **options: Any) -> None:
    """Delete the batch job NAME, which has ended: its full name, or its id with --team.

    Its source and its output stay where they are.
    """
    connection = connect(**options)
    full = connection.name(name)
    connection.run(lambda client: client.delete(full))
    told = f"{full}  deleted"
    out(f'{{"deleted": "{full}"}}' if connection.as_json else told, told)
