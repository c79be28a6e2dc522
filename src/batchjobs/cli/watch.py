"""`batchjobs watch`, and how any command waits for the end of a batch job."""

from collections.abc import Callable, Iterator
from typing import Any

import click
import grpc

from batchjobs._errors import CallFailedError, Failure, decode
from batchjobs._retry import Patience
from batchjobs.cli.connection import Connection, connect, connection_options
from batchjobs.cli.exits import END_CODES, INTERRUPTED, REFUSED, UNAVAILABLE, StoppedError, exit_code, stopped
from batchjobs.cli.progress import Progress
from batchjobs.cli.show import show, to_json
from batchjobs.cli.text import output, plain, rows, span, state_name
from batchjobs.v1.batch_jobs_pb2 import BatchJob, WatchBatchJobRequest

CUT_OFF = Failure(grpc.StatusCode.UNAVAILABLE, "the stream ended before the batch job did")


@click.command()
@click.argument("name")
@connection_options
def watch(name: str, **options: Any) -> int:
    """Watch the batch job NAME until it ends: its full name, or its id with --team.

    The exit code says how it ended. With --output json every change is a line of JSON. Ctrl-C stops the watching, not
    the batch job.
    """
    with connect(**options) as connection:
        if not connection.as_json:
            return report(follow(connection, connection.name(name)), as_json=False)
        ended = follow(connection, connection.name(name), each=lambda one: click.echo(to_json(one, indent=None)))
        return END_CODES[ended.state]


def follow(
    connection: Connection,
    name: str,
    known: BatchJob | None = None,
    each: Callable[[BatchJob], None] = lambda _batch_job: None,
) -> BatchJob:
    """Wait for the end, showing the progress; `each` gets every change. Returns the ended batch job.

    Raises:
        StoppedError: it was deleted, the gateway refused or stayed away, or the caller interrupted.
    """
    latest = known or BatchJob(name=name)
    with Progress(quiet=connection.as_json) as progress:
        try:
            for latest in _changes(connection, name, progress):
                progress.tell(latest)
                each(latest)
        except CallFailedError as error:
            away = exit_code(error.failure) == UNAVAILABLE
            more = (f"{name} goes on all the same; watch it again later.",) if away else ()
            raise stopped(error, connection.endpoint, *more) from error
        except KeyboardInterrupt as error:
            raise StoppedError(INTERRUPTED, *_goes_on(latest)) from error
    return latest


def _goes_on(batch_job: BatchJob) -> Iterator[str]:
    state = f" ({state_name(batch_job.state)})" if batch_job.state else ""
    yield f"Stopped watching. {batch_job.name} was not cancelled and goes on{state}."
    yield f"  batchjobs watch {batch_job.name}"
    yield f"  batchjobs cancel {batch_job.name}"


def _changes(connection: Connection, name: str, progress: Progress) -> Iterator[BatchJob]:
    """Every state that the gateway sends, up to an end; a stream that is cut off is opened again."""

    def notice(failure: Failure, seconds: float) -> None:
        progress.trouble(f"{failure.reason or failure.code.name}, watching again in {seconds:.1f} s")

    patience = Patience(connection.timeout, notice=notice)
    while True:
        for batch_job in _stream(connection, name, patience):
            yield batch_job
            if batch_job.state in END_CODES:
                return


def _stream(connection: Connection, name: str, patience: Patience) -> Iterator[BatchJob]:
    """One stream, until it ends in any way that may be borne."""
    metadata = connection.metadata(name.split("/")[1])
    call = connection.stub.WatchBatchJob(WatchBatchJobRequest(name=name), metadata=metadata)
    try:
        for event in call:
            patience.went_well()
            if event.HasField("deleted"):
                raise StoppedError(REFUSED, f"{name} was deleted.")
            if event.HasField("batch_job"):
                yield event.batch_job
    except grpc.RpcError as error:
        patience.bear(decode(error))
    else:
        patience.bear(CUT_OFF)
    finally:
        call.cancel()


def report(ended: BatchJob, *, as_json: bool) -> int:
    """Print how it ended, and return the exit code that says so."""
    if as_json:
        show(ended, as_json=True)
        return END_CODES[ended.state]
    took = ended.end_time.seconds - ended.create_time.seconds
    facts = (f"{state_name(ended.state)} after {span(took)}", rows(ended), ended.error.message)
    click.echo(f"{ended.name}  {plain('; '.join(fact for fact in facts if fact))}")
    if place := output(ended):
        click.echo(plain(place))
    return END_CODES[ended.state]
