"""`batchjobs submit`."""

import asyncio
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click
from click.core import ParameterSource
from google.protobuf.duration_pb2 import Duration
from google.protobuf.struct_pb2 import Struct

from batchjobs.cli.connection import Connection, connect, connection_options
from batchjobs.cli.exits import INTERRUPTED, SUCCEEDED, StoppedError, stopped
from batchjobs.cli.local_source import SLOWEST, Sent, send
from batchjobs.cli.printing import out, say
from batchjobs.cli.show import show
from batchjobs.cli.text import state_name, waiting
from batchjobs.cli.upload import Folder, folder_of
from batchjobs.cli.values import (
    DurationType,
    LabelType,
    ParametersType,
    is_local,
    labels,
    once,
    set_destination,
    set_source,
)
from batchjobs.cli.watch import follow, report
from batchjobs.client import BatchJob, BatchJobsError, Client, has_ended


@click.command()
@click.option("--model", required=True, help="An alias, a model's short name, or its full name.")
@click.option(
    "--source",
    required=True,
    multiple=True,
    callback=once,
    help="gs://BUCKET/OBJECT.jsonl, bq://PROJECT.DATASET.TABLE, or a local JSONL file, which is uploaded.",
)
@click.option(
    "--destination",
    required=True,
    multiple=True,
    callback=once,
    help="gs://BUCKET/PREFIX or bq://PROJECT.DATASET.TABLE.",
)
@click.option("--upload-to", default="", help="gs://BUCKET/PREFIX, where a local file is to go.")
@click.option("--region", default="", help="Where to run. Left out: the only region that fits source and destination.")
@click.option("--priority", type=click.IntRange(0, 100), help="Within the team, the higher the sooner; 50 by default.")
@click.option("--label", "pairs", type=LabelType(), multiple=True, help="May be given several times.")
@click.option("--display-name", default="", help="A name for people.")
@click.option("--max-queue-duration", type=DurationType(), help="How long it may stay queued, such as 6h.")
@click.option("--parameters", type=ParametersType(), help="Model parameters, such as '{\"temperature\": 0.2}'.")
@click.option("--request-id", help="Submitting again under the same id answers the same batch job. Made when left out.")
@click.option("--validate-only", is_flag=True, help="Run every check and submit nothing.")
@click.option("--wait", is_flag=True, help="Watch it until it ends; the exit code says how.")
@connection_options
def submit(source: str, upload_to: str, request_id: str | None, validate_only: bool, wait: bool, **options: Any) -> int:
    """Submit a batch job.

    It is checked at once and then queued. Where the gateway does not answer, the command tries again under the same
    request id, so that one batch job comes of it and never two.

    A local file is checked line by line, and uploaded once the gateway has found nothing else wrong, under a name made
    of its content, so that submitting it again uploads nothing. --timeout is for all of that together; left out, an
    upload gets a second more for each megabyte. STORAGE_EMULATOR_HOST names an emulator of Cloud Storage.
    """
    batch_job = _batch_job(**{name: options.pop(name) for name in _FIELDS})
    if wait and validate_only:
        raise click.UsageError("--validate-only submits nothing that --wait could wait for.")
    folder = _upload_folder(source, upload_to, validate_only=validate_only)
    if not folder:
        set_source(batch_job, source)
    connection = connect(**options)
    connection.need_team()
    order = Order(batch_job, request_id or ("" if validate_only else str(uuid.uuid4())), validate_only, wait)
    if folder:
        seconds = _seconds(options["timeout"])
        order.sent = send(connection, batch_job, Path(source), folder, request_id=request_id or "", seconds=seconds)
    return connection.run(lambda client: order.carry_out(connection, client))


_FIELDS = (
    *("model", "destination", "region", "priority", "pairs"),
    *("display_name", "max_queue_duration", "parameters"),
)


def _batch_job(
    *,
    model: str,
    destination: str,
    region: str,
    priority: int | None,
    pairs: tuple[tuple[str, str], ...],
    display_name: str,
    max_queue_duration: Duration | None,
    parameters: Struct | None,
) -> BatchJob:
    """The batch job that the options describe, without its source."""
    batch_job = BatchJob(
        model=model,
        region=region,
        priority=priority,
        labels=labels(pairs),
        display_name=display_name,
        max_queue_duration=max_queue_duration,
        model_parameters=parameters,
    )
    set_destination(batch_job, destination)
    return batch_job


def _upload_folder(source: str, upload_to: str, *, validate_only: bool) -> Folder | None:
    """Where the source is to be uploaded to; None where it is in the cloud already."""
    if not is_local(source):
        if upload_to:
            raise click.UsageError(f"--upload-to is for a local file, and --source {source} is none.")
        return None
    if not upload_to:
        raise click.UsageError(
            f"--source {source} is a file on this machine: say with --upload-to gs://BUCKET/PREFIX where it is to go."
        )
    if validate_only:
        raise click.UsageError("--validate-only uploads nothing: upload the file first and give its gs:// name.")
    try:
        return folder_of(upload_to)
    except ValueError as error:
        raise click.UsageError(f"--upload-to {error}") from error


def _seconds(timeout: float) -> Callable[[int], float]:
    """How long it may take to submit a file of so many bytes: no longer than the user says, if the user says it."""
    context = click.get_current_context()
    if context.get_parameter_source("timeout") is ParameterSource.DEFAULT:
        return lambda size: timeout + size / SLOWEST
    return lambda _size: timeout


@dataclass(slots=True)
class Order:
    """What is to be submitted, and how; `sent` is the local file that was uploaded for it."""

    batch_job: BatchJob
    request_id: str
    validate_only: bool
    wait: bool
    sent: Sent | None = None

    async def carry_out(self, connection: Connection, client: Client) -> int:
        """Submit, wait if that is wished, and print what came of it. Answers the exit code."""
        answer = await self._create(connection, client)
        if not self.wait:
            _accepted(answer, validate_only=self.validate_only, as_json=connection.as_json)
            return SUCCEEDED
        if not has_ended(answer):
            if not connection.as_json:
                say(f"{answer.name} was submitted.")  # before the wait, which a lost terminal may end without a word
            answer = await follow(
                connection, client, answer.name, known=answer, total=self.sent.file.rows if self.sent else 0
            )
        return report(answer, as_json=connection.as_json)

    async def _create(self, connection: Connection, client: Client) -> BatchJob:
        """Create; where the outcome is not known, say how to go on, and of a refused file where it lies."""
        unknown: tuple[str, ...] = ()
        if not self.validate_only:
            unknown = (
                "Whether the batch job was created is not known. Run the command again with",
                f"  --request-id {self.request_id}",
                "and it answers the batch job that there is, or creates it.",
            )
        try:
            return await client.create(
                self.batch_job,
                request_id=self.request_id,
                validate_only=self.validate_only,
                timeout=self.sent.deadline.left if self.sent else None,
            )
        except BatchJobsError as error:
            more = unknown if error.outcome_unknown else self._stays()
            raise stopped(error, connection.endpoint, *more) from error
        except asyncio.CancelledError as interrupt:
            raise StoppedError(INTERRUPTED, "Interrupted.", *unknown) from interrupt

    def _stays(self) -> tuple[str, ...]:
        return (f"The file stays at {self.sent.uri}; submitting it again uploads nothing.",) if self.sent else ()


def _accepted(batch_job: BatchJob, *, validate_only: bool, as_json: bool) -> None:
    if validate_only:
        valid = f"valid: {batch_job.effective_model} in {batch_job.pool}; nothing was submitted"
        show(batch_job, as_json=True, otherwise=(valid,)) if as_json else out(valid, valid)
        return
    if as_json:
        show(batch_job, as_json=True, otherwise=(f"{batch_job.name} was submitted.",))
        return
    why = f"  {waiting(batch_job)}" if batch_job.HasField("waiting") else ""
    out(f"{batch_job.name}  {state_name(batch_job.state)}{why}", f"{batch_job.name} was submitted.")
    say(f"Follow it with: batchjobs watch {batch_job.name}")
