"""`batchjobs cancel` and `batchjobs delete`."""

from typing import Any

import click

from batchjobs.cli.connection import connect, connection_options
from batchjobs.cli.exits import END_CODES
from batchjobs.cli.show import show
from batchjobs.cli.text import state_name
from batchjobs.v1.batch_jobs_pb2 import BatchJob, CancelBatchJobRequest, DeleteBatchJobRequest


@click.command()
@click.argument("name")
@connection_options
def cancel(name: str, **options: Any) -> None:
    """Cancel the batch job NAME: its full name, or its id with --team.

    One that is queued ends at once. Any other shows CANCELLING until Vertex AI reports its end. What it has written
    stays where it is.
    """
    with connect(**options) as connection:
        full = connection.name(name)
        answer = connection.send(connection.stub.CancelBatchJob, CancelBatchJobRequest(name=full), full)
        if connection.as_json:
            show(answer, as_json=True)
        else:
            click.echo(f"{full}  {state_name(answer.state)}{_explanation(answer, full)}")


def _explanation(batch_job: BatchJob, name: str) -> str:
    if batch_job.state == BatchJob.CANCELLING:
        return f" (its end is not known yet; follow it with: batchjobs watch {name})"
    return " (it had ended before)" if batch_job.state in END_CODES.keys() - {BatchJob.CANCELLED} else ""


@click.command()
@click.argument("name")
@connection_options
def delete(name: str, **options: Any) -> None:
    """Delete the batch job NAME, which has ended: its full name, or its id with --team.

    Its source and its output stay where they are.
    """
    with connect(**options) as connection:
        full = connection.name(name)
        connection.send(connection.stub.DeleteBatchJob, DeleteBatchJobRequest(name=full), full)
        click.echo(f'{{"deleted": "{full}"}}' if connection.as_json else f"{full}  deleted")
