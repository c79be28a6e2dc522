"""`batchjobs submit`."""

import asyncio
import uuid
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click
from google.protobuf.duration_pb2 import Duration
from google.protobuf.struct_pb2 import Struct

from batchjobs.cli.bar import bar
from batchjobs.cli.connection import Connection, connect, connection_options
from batchjobs.cli.exits import INTERRUPTED, SUCCEEDED, USAGE, StoppedError, stopped
from batchjobs.cli.local import BadFileError, LocalFile, check_file
from batchjobs.cli.show import show
from batchjobs.cli.text import state_name, waiting
from batchjobs.cli.upload import Folder, folder_of, upload
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

    A local file is checked line by line and uploaded under a name made of its content, so that submitting it again
    uploads nothing. STORAGE_EMULATOR_HOST names an emulator of Cloud Storage.
    """
    batch_job = _batch_job(**{name: options.pop(name) for name in _FIELDS})
    if wait and validate_only:
        raise click.UsageError("--validate-only submits nothing that --wait could wait for.")
    folder = _upload_folder(source, upload_to, validate_only=validate_only)
    if not folder:
        set_source(batch_job, source)
    connection = connect(**options)
    connection.need_team()
    file = _uploaded(connection, batch_job, Path(source), folder) if folder else None
    own_id = "" if validate_only else str(uuid.uuid4())
    order = Order(batch_job, request_id or own_id, validate_only, wait, file.rows if file else 0)
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


def _uploaded(connection: Connection, batch_job: BatchJob, path: Path, folder: Folder) -> LocalFile:
    """Check the file, upload it, and make it the batch job's source."""
    try:
        with bar("checking", quiet=connection.as_json) as seen:
            file = check_file(path, seen)
        uri = upload(file, folder, quiet=connection.as_json)
    except BadFileError as error:
        raise StoppedError(USAGE, str(error)) from error
    except KeyboardInterrupt as error:
        raise StoppedError(INTERRUPTED, "Interrupted. Nothing was submitted.") from error
    click.echo(f"{path}: {file.rows:,} rows, now at {uri}", err=True)
    batch_job.gcs_source.uri = uri
    return file


@dataclass(frozen=True, slots=True)
class Order:
    """What is to be submitted, and how; `rows` is how many it has, 0 where that is not known."""

    batch_job: BatchJob
    request_id: str
    validate_only: bool
    wait: bool
    rows: int

    async def carry_out(self, connection: Connection, client: Client) -> int:
        """Submit, wait if that is wished, and print what came of it. Answers the exit code."""
        answer = await self._create(connection, client)
        if not self.wait:
            _accepted(answer, validate_only=self.validate_only, as_json=connection.as_json)
            return SUCCEEDED
        if not has_ended(answer):
            answer = await follow(connection, client, answer.name, known=answer, total=self.rows)
        return report(answer, as_json=connection.as_json)

    async def _create(self, connection: Connection, client: Client) -> BatchJob:
        """Create; where the outcome is not known, say how to go on."""
        unknown: tuple[str, ...] = ()
        if not self.validate_only:
            unknown = (
                "Whether the batch job was created is not known. Run the command again with",
                f"  --request-id {self.request_id}",
                "and it answers the batch job that there is, or creates it.",
            )
        try:
            return await client.create(self.batch_job, request_id=self.request_id, validate_only=self.validate_only)
        except BatchJobsError as error:
            raise stopped(error, connection.endpoint, *(unknown if error.outcome_unknown else ())) from error
        except asyncio.CancelledError as interrupt:
            raise StoppedError(INTERRUPTED, "Interrupted.", *unknown) from interrupt


def _accepted(batch_job: BatchJob, *, validate_only: bool, as_json: bool) -> None:
    if as_json:
        show(batch_job, as_json=True)
    elif validate_only:
        click.echo(f"valid: {batch_job.effective_model} in {batch_job.pool}; nothing was submitted")
    else:
        why = f"  {waiting(batch_job)}" if batch_job.HasField("waiting") else ""
        click.echo(f"{batch_job.name}  {state_name(batch_job.state)}{why}")
        click.echo(f"Follow it with: batchjobs watch {batch_job.name}", err=True)
