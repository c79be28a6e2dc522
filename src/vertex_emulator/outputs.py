"""Where a job's results go: a new folder in a bucket, or a table that is made where there is none."""

from __future__ import annotations

import threading
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol

from vertex_emulator.bigquery import tables
from vertex_emulator.bigquery.columns import Column
from vertex_emulator.bigquery.datasets import Dataset, Datasets, Table, TableMissingError
from vertex_emulator.bigquery.tables import TableExistsError
from vertex_emulator.clock import Clock
from vertex_emulator.inputs import RESULT_COLUMNS, WrongDatasetError, dataset_in
from vertex_emulator.jobs import Job
from vertex_emulator.rows.source import InputError
from vertex_emulator.storage import objects
from vertex_emulator.storage.buckets import Bucket, BucketForbiddenError, BucketMissingError, Buckets
from vertex_emulator.storage.objects import BadObjectNameError
from vertex_emulator.validation import split_gcs_uri, split_table_uri


class Output(Protocol):
    """An opened output. `append` blocks and takes whole lines; `show` fills in a job's `output_info`."""

    def append(self, lines: bytes) -> None: ...

    def show(self, info: Any) -> None: ...


@dataclass(frozen=True)
class ObjectOutput:
    """`predictions.jsonl` in a folder that is one job's alone."""

    bucket: Bucket
    folder: str

    def append(self, lines: bytes) -> None:
        objects.append(self.bucket, f"{self.folder}predictions.jsonl", lines)

    def show(self, info: Any) -> None:
        info.gcs_output_directory = f"gs://{self.bucket.name}/{self.folder.rstrip('/')}"


@dataclass(frozen=True)
class TableOutput:
    """A table that rows are added to."""

    table: Table

    def append(self, lines: bytes) -> None:
        tables.append(self.table, lines)

    def show(self, info: Any) -> None:
        dataset = self.table.dataset
        info.bigquery_output_dataset = f"bq://{dataset.project}.{dataset.id}"
        info.bigquery_output_table = self.table.id


class Outputs:
    """Opens what jobs write to."""

    def __init__(self, clock: Clock, buckets: Buckets, datasets: Datasets) -> None:
        self._clock = clock
        self._buckets = buckets
        self._datasets = datasets
        # Jobs are prepared in threads.
        self._naming = threading.Lock()
        self._named = datetime.min.replace(tzinfo=UTC)

    def open(self, job: Job, carried: tuple[Column, ...]) -> Output:
        """The job's output, what it began with if it has begun; InputError where there can be none. Blocks."""
        config = job.message.output_config
        if config.WhichOneof("destination") == "bigquery_destination":
            return self._open_table(config.bigquery_destination.output_uri, job.place.region, carried)
        begun = job.message.output_info.gcs_output_directory
        return self._open_folder(config.gcs_destination.output_uri_prefix.rstrip("/") + "/", begun)

    def _open_folder(self, prefix: str, begun: str) -> ObjectOutput:
        bucket_name, folder = split_gcs_uri(f"{begun}/" if begun else prefix)
        try:
            bucket = self._buckets.open(bucket_name)
            return ObjectOutput(bucket, folder if begun else self._new_folder(bucket, folder))
        except (BucketMissingError, BucketForbiddenError, BadObjectNameError) as error:
            raise InputError(f"Failed to export data to {prefix}: {error}.") from error

    def _new_folder(self, bucket: Bucket, prefix: str) -> str:
        """A folder that is this job's alone: where another has its name, the time in it moves on by a microsecond."""
        while True:
            with self._naming:
                self._named = max(self._clock.now(), self._named + timedelta(microseconds=1))
                moment = self._named.strftime("%Y-%m-%dT%H:%M:%S.%fZ")
            if objects.new_folder(bucket, f"{prefix}prediction-model-{moment}"):
                return f"{prefix}prediction-model-{moment}/"

    def _open_table(self, uri: str, region: str, carried: tuple[Column, ...]) -> TableOutput:
        project, dataset_id, name = split_table_uri(uri)
        try:
            dataset = dataset_in(self._datasets, project, dataset_id, region)
        except WrongDatasetError as error:
            raise InputError(f"Failed to export data to {uri}. {error}") from error
        table = self._found_or_made(dataset, name, carried)
        if table is None:
            raise InputError(f"Failed to export data to {uri}. Invalid table ID.")
        if table.type != "TABLE":
            raise InputError(f"Failed to export data to {uri}. It is a {table.type}.")
        return TableOutput(table)

    def _found_or_made(self, dataset: Dataset, name: str, carried: tuple[Column, ...]) -> Table | None:
        """The table; None where none can have that name."""
        try:
            return self._datasets.table(dataset, name)
        except TableMissingError:
            table = self._datasets.new_table(dataset, name)
        if table is not None:
            # Another job may have made it meanwhile, with the columns of its own source.
            with suppress(TableExistsError):
                tables.create(table, (*RESULT_COLUMNS, *carried))
        return table
