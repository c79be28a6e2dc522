"""`batchjobs submit`."""

import uuid
from typing import Any

import click
from google.protobuf.duration_pb2 import Duration
from google.protobuf.struct_pb2 import Struct

from batchjobs._errors import CallFailedError
from batchjobs.cli.connection import Connection, connect, connection_options
from batchjobs.cli.exits import INTERRUPTED, SUCCEEDED, StoppedError, stopped
from batchjobs.cli.show import show
from batchjobs.cli.text import state_name, waiting
from batchjobs.cli.values import DurationType, LabelType, ParametersType, labels, set_destination, set_source
from batchjobs.cli.watch import follow, report
from batchjobs.v1.batch_jobs_pb2 import BatchJob, CreateBatchJobRequest


@click.command()
@click.option("--model", required=True, help="An alias, a model's short name, or its full name.")
@click.option("--source", required=True, help="gs://BUCKET/OBJECT.jsonl or bq://PROJECT.DATASET.TABLE.")
@click.option("--destination", required=True, help="gs://BUCKET/PREFIX or bq://PROJECT.DATASET.TABLE.")
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
def submit(request_id: str | None, validate_only: bool, wait: bool, **options: Any) -> int:
    """Submit a batch job.

    It is checked at once and then queued. Where the gateway does not answer, the command tries again under the same
    request id, so that one batch job comes of it and never two.
    """
    batch_job = _batch_job(**{name: options.pop(name) for name in _FIELDS})
    if wait and validate_only:
        raise click.UsageError("--validate-only submits nothing that --wait could wait for.")
    with connect(**options) as connection:
        parent = connection.parent()
        own_id = "" if validate_only else str(uuid.uuid4())
        request = CreateBatchJobRequest(
            parent=parent, batch_job=batch_job, request_id=request_id or own_id, validate_only=validate_only
        )
        answer = _create(connection, request)
        if wait:
            return report(follow(connection, answer.name, answer), as_json=connection.as_json)
        _accepted(answer, validate_only=validate_only, as_json=connection.as_json)
        return SUCCEEDED


_FIELDS = (
    *("model", "source", "destination", "region", "priority", "pairs"),
    *("display_name", "max_queue_duration", "parameters"),
)


def _batch_job(
    *,
    model: str,
    source: str,
    destination: str,
    region: str,
    priority: int | None,
    pairs: tuple[tuple[str, str], ...],
    display_name: str,
    max_queue_duration: Duration | None,
    parameters: Struct | None,
) -> BatchJob:
    """The batch job that the options describe."""
    batch_job = BatchJob(
        model=model,
        region=region,
        priority=priority,
        labels=labels(pairs),
        display_name=display_name,
        max_queue_duration=max_queue_duration,
        model_parameters=parameters,
    )
    set_source(batch_job, source)
    set_destination(batch_job, destination)
    return batch_job


def _create(connection: Connection, request: CreateBatchJobRequest) -> BatchJob:
    """Create, under the request's own id as often as it takes; where the outcome is unknown, say how to go on."""
    unknown: tuple[str, ...] = ()
    if not request.validate_only:
        unknown = (
            "Whether the batch job was created is not known. Run the command again with",
            f"  --request-id {request.request_id}",
            "and it answers the batch job that there is, or creates it.",
        )
    try:
        return connection.attempt(connection.stub.CreateBatchJob, request, request.parent)
    except CallFailedError as error:
        raise stopped(error, connection.endpoint, *(unknown if error.outcome_unknown else ())) from error
    except KeyboardInterrupt as error:
        raise StoppedError(INTERRUPTED, "Interrupted.", *unknown) from error


def _accepted(batch_job: BatchJob, *, validate_only: bool, as_json: bool) -> None:
    if as_json:
        show(batch_job, as_json=True)
    elif validate_only:
        click.echo(f"valid: {batch_job.effective_model} in {batch_job.pool}; nothing was submitted")
    else:
        why = f"  {waiting(batch_job)}" if batch_job.HasField("waiting") else ""
        click.echo(f"{batch_job.name}  {state_name(batch_job.state)}{why}")
        click.echo(f"Follow it with: batchjobs watch {batch_job.name}", err=True)
