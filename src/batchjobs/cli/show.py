"""Batch jobs on standard output: as JSON, as a block of lines, as a table."""

import json
from collections.abc import Iterable
from datetime import UTC, datetime

from google.protobuf import descriptor_pool, json_format
from google.rpc import error_details_pb2 as _error_details  # noqa: F401 - makes the details of `error` known to JSON
from rich.table import Table
from rich.text import Text

from batchjobs.cli.printing import on_terminal, out, out_table
from batchjobs.cli.text import moment, output, plain, rows, since, span, state_name, waiting
from batchjobs.client import BatchJob


def to_json(batch_jobs: BatchJob | list[BatchJob], indent: int | None = 2) -> str:
    """Proto3's JSON with the field names of the contract: whole numbers of 64 bits are strings."""
    known = [as_dict(one) for one in (batch_jobs if isinstance(batch_jobs, list) else [batch_jobs])]
    return json.dumps(known if isinstance(batch_jobs, list) else known[0], indent=indent, ensure_ascii=False)


def as_dict(batch_job: BatchJob) -> dict[str, object]:
    readable = BatchJob()
    readable.CopyFrom(batch_job)
    for status in (readable.error, *readable.partial_failures):
        kept = [detail for detail in status.details if _is_known(detail.TypeName())]
        del status.details[:]
        status.details.extend(kept)
    if not batch_job.HasField("error"):
        readable.ClearField("error")
    return json_format.MessageToDict(readable, preserving_proto_field_name=True)


def _is_known(type_name: str) -> bool:
    try:
        descriptor_pool.Default().FindMessageTypeByName(type_name)
    except KeyError:
        return False
    return True


def show(batch_job: BatchJob, *, as_json: bool, otherwise: tuple[str, ...] = ()) -> None:
    """Print one batch job; `otherwise` is said where that reaches nobody."""
    if as_json:
        out(to_json(batch_job), *otherwise)
        return
    lines = [(label, plain(value)) for label, value in _lines(batch_job) if value]
    width = max(len(label) for label, _ in lines)
    out("\n".join(f"{label:<{width}}  {value}" for label, value in lines), *otherwise)


def _lines(batch_job: BatchJob) -> Iterable[tuple[str, str]]:
    yield "name", batch_job.name
    yield "display name", batch_job.display_name
    yield "state", state_name(batch_job.state)
    yield "waiting", waiting(batch_job)
    yield "model", f"{batch_job.model}{_unless_same(batch_job.model, batch_job.effective_model)}"
    yield "region", batch_job.effective_region or batch_job.region
    yield "pool", batch_job.pool
    yield "source", batch_job.gcs_source.uri or batch_job.bigquery_source.table
    yield "destination", batch_job.gcs_destination.output_uri_prefix or batch_job.bigquery_destination.table
    yield "labels", ", ".join(f"{key}={value}" for key, value in sorted(batch_job.labels.items()))
    yield "creator", batch_job.creator
    yield "rows", rows(batch_job)
    yield "output", output(batch_job)
    yield "error", batch_job.error.message
    for failure in batch_job.partial_failures:
        yield "partial failure", failure.message
    yield "vertex job", batch_job.vertex_job
    for transition in batch_job.transitions:
        # Reason and actor are for people and may be empty.
        notes = ", ".join(note for note in (transition.reason, transition.actor) if note)
        told = f" ({notes})" if notes else ""
        yield "history", f"{moment(transition.time)}  {state_name(transition.state)}{told}"
    if batch_job.HasField("expire_time"):
        yield "kept until", moment(batch_job.expire_time)


def _unless_same(asked: str, effective: str) -> str:
    return f" ({effective})" if effective and effective != asked else ""


def show_list(batch_jobs: list[BatchJob], *, as_json: bool, with_team: bool) -> None:
    """Print many, newest first. Ids stand without their team unless several teams are listed."""
    if as_json:
        out(to_json(batch_jobs))
        return
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for column in ("batch job", "state", "age", "model", "region", "rows", "note"):
        table.add_column(column, no_wrap=True, header_style="bold" if on_terminal() else "")
    now = datetime.now(UTC)
    for one in batch_jobs:
        name = one.name if with_team else one.name.rpartition("/")[2]
        note = waiting(one) or one.error.message or one.display_name
        age = span(since(one.create_time, now))
        cells = (name, state_name(one.state), age, one.model, one.effective_region, rows(one), note)
        table.add_row(*(Text(plain(cell).replace("\n", " ")) for cell in cells))
    out_table(table)
