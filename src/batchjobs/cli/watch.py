"""`batchjobs watch`, and how any command waits for the end of a batch job."""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import aclosing
from datetime import UTC, datetime
from typing import Any

import click

from batchjobs.cli.completion import batch_job_names
from batchjobs.cli.connection import Connection, connect, connection_options
from batchjobs.cli.exits import INTERRUPTED, UNAVAILABLE, StoppedError, end_code, exit_code, stopped
from batchjobs.cli.printing import out, say, stream
from batchjobs.cli.progress import Progress
from batchjobs.cli.show import show, to_json
from batchjobs.cli.team import watch_team
from batchjobs.cli.text import output, phases, plain, rows, span, state_name
from batchjobs.client import BatchJob, BatchJobsError, Client


@click.command()
@click.argument("name", required=False, shell_complete=batch_job_names)
@click.option("--resume-token", default="", help="Without NAME: go on where an earlier watch of the team stopped.")
@connection_options
def watch(name: str | None, resume_token: str, **options: Any) -> int:
    """Watch the batch job NAME until it ends: its full name, or its id with --team.

    Without NAME, watch every batch job of the team until Ctrl-C: first those that have not ended, then every change.

    The exit code says how it ended. With --output json every change is a line of JSON. Ctrl-C stops the watching, not
    the batch job.
    """
    connection = connect(**options)
    if name is None:
        connection.need_team()
        return connection.run(lambda client: watch_team(connection, client, resume_token))
    if resume_token:
        raise click.UsageError("--resume-token is for watching a whole team: leave it out, or leave NAME out.")
    full = connection.name(name)
    if not connection.as_json:
        return report(connection.run(lambda client: follow(connection, client, full)), as_json=False)
    ended = connection.run(lambda client: follow(connection, client, full, each=_as_line))
    return end_code(ended)


def _as_line(batch_job: BatchJob) -> None:
    stream(to_json(batch_job, indent=None))


async def follow(
    connection: Connection,
    client: Client,
    name: str,
    *,
    known: BatchJob | None = None,
    total: int = 0,
    each: Callable[[BatchJob], None] = lambda _batch_job: None,
) -> BatchJob:
    """Wait for the end, showing the progress; `each` gets every change. Answers the ended batch job.

    Args:
        connection: what to say, and how.
        client: what to watch with.
        name: the batch job's full name.
        known: what is known of it before the first change.
        total: how many rows it has, where that is known.
        each: told of every change.

    Raises:
        StoppedError: it was deleted, the gateway refused or stayed away, or the caller interrupted.
    """
    latest = known or BatchJob(name=name)
    with Progress(total=total, quiet=connection.as_json) as progress:
        connection.say = progress.trouble
        try:
            async with aclosing(client.watch(name)) as changes:
                async for latest in changes:
                    progress.tell(latest)
                    each(latest)
        except BatchJobsError as error:
            seen = latest.state and exit_code(error) == UNAVAILABLE
            more = (f"{name} goes on all the same; watch it again later.",) if seen else ()
            raise stopped(error, connection.endpoint, *more) from error
        except asyncio.CancelledError as interrupt:
            raise StoppedError(INTERRUPTED, *_goes_on(latest)) from interrupt
    return latest


def _goes_on(batch_job: BatchJob) -> Iterator[str]:
    state = f" ({state_name(batch_job.state)})" if batch_job.state else ""
    yield f"Stopped watching. {batch_job.name} was not cancelled and goes on{state}."
    yield f"  batchjobs watch {batch_job.name}"
    yield f"  batchjobs cancel {batch_job.name}"


def report(ended: BatchJob, *, as_json: bool) -> int:
    """Print how it ended, and answer the exit code that says so."""
    if as_json:
        show(ended, as_json=True, otherwise=_ended_as(ended))
        return end_code(ended)
    took = ended.end_time.seconds - ended.create_time.seconds
    facts = (f"{state_name(ended.state)} after {span(took)}", rows(ended), ended.error.message)
    lines = [f"{ended.name}  {'; '.join(fact for fact in facts if fact)}", output(ended)]
    out("\n".join(plain(line) for line in lines if line), *_ended_as(ended))
    if times := phases(ended, datetime.now(UTC)):
        say(times)
    return end_code(ended)


def _ended_as(ended: BatchJob) -> tuple[str, ...]:
    return (f"{ended.name} ended {state_name(ended.state)}.",)
