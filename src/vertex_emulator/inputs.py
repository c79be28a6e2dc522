"""Where a job's rows come from: an object in a bucket, or a table. Both are files with a JSON object in each line."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from vertex_emulator.bigquery import tables
from vertex_emulator.bigquery.columns import Column
from vertex_emulator.bigquery.datasets import (
    Dataset,
    DatasetForbiddenError,
    DatasetMissingError,
    Datasets,
    TableMissingError,
)
from vertex_emulator.bigquery.tables import TableBrokenError
from vertex_emulator.config import EmulatorConfig
from vertex_emulator.jobs import Job
from vertex_emulator.rows.source import InputError, Source, open_source
from vertex_emulator.storage import objects
from vertex_emulator.storage.buckets import BucketForbiddenError, BucketMissingError, Buckets
from vertex_emulator.storage.objects import ObjectMissingError
from vertex_emulator.validation import split_gcs_uri, split_table_uri

RESULT_COLUMNS = (
    Column("request", "JSON"),
    Column("response", "JSON"),
    Column("status", "STRING"),
    Column("processed_time", "TIMESTAMP"),
)
"""What every row of a job's output has."""


@dataclass(frozen=True)
class Input:
    """A job's rows. `carried` are the plain columns of a table that its output has too."""

    source: Source
    from_table: bool = False
    carried: tuple[Column, ...] = ()


class Inputs:
    """Opens what jobs read."""

    def __init__(self, config: EmulatorConfig, buckets: Buckets, datasets: Datasets) -> None:
        self._config = config
        self._buckets = buckets
        self._datasets = datasets

    def open(self, job: Job) -> Input:
        """The job's rows; InputError with the words of the job's error where they cannot be read. Blocks."""
        config = job.message.input_config
        if config.WhichOneof("source") == "bigquery_source":
            return self._open_table(config.bigquery_source.input_uri, job.place.region)
        return self._open_object(config.gcs_source.uris[0])

    def _open_object(self, uri: str) -> Input:
        bucket_name, name = split_gcs_uri(uri)
        try:
            stored = objects.stat(self._buckets.open(bucket_name), name)
            limit = self._config.max_input_bytes
            return Input(open_source(stored.path, max_rows=self._config.max_rows, max_bytes=limit))
        except (BucketMissingError, BucketForbiddenError, ObjectMissingError, FileNotFoundError) as error:
            raise InputError(f"Failed to import data: {uri} was not found or cannot be read.") from error

    def _open_table(self, uri: str, region: str) -> Input:
        project, dataset_id, name = split_table_uri(uri)
        try:
            table = self._datasets.table(dataset_in(self._datasets, project, dataset_id, region), name)
            if table.type != "TABLE":
                raise InputError(
                    f"Failed to import data: {table.name} is a {table.type}, and tables alone are read here."
                )
            columns = tables.content(table).columns
            source = open_source(table.path, max_rows=self._config.max_rows, max_bytes=None)
        except WrongDatasetError as error:
            raise InputError(f"Failed to import data. {error}") from error
        except TableMissingError as error:
            raise InputError(f"Failed to import data. Not found: Table {error}") from error
        except FileNotFoundError as error:
            raise InputError("The input has no rows.") from error
        except TableBrokenError as error:
            raise InputError(f"Failed to import data. {error}") from error
        return Input(source, from_table=True, carried=_carried(columns))


class WrongDatasetError(Exception):
    """A job cannot use a dataset; the message says why in BigQuery's words."""


def dataset_in(datasets: Datasets, project: str, dataset_id: str, region: str) -> Dataset:
    """The dataset, if a job in that region may use it; WrongDatasetError if not. At `global` it may lie anywhere."""
    try:
        dataset = datasets.open(project, dataset_id)
    except DatasetForbiddenError as error:
        raise WrongDatasetError(f"Access Denied: Dataset {error}: the service agent may not use it.") from error
    except DatasetMissingError as error:
        raise WrongDatasetError(f"Not found: Dataset {error} was not found in location {region}") from error
    if region not in {"global", dataset.location}:
        raise WrongDatasetError(f"Not found: Dataset {dataset.name} was not found in location {region}")
    return dataset


def _carried(columns: tuple[Column, ...]) -> tuple[Column, ...]:
    taken: Any = {column.name for column in RESULT_COLUMNS}
    return tuple(column for column in columns if column.name not in taken and column.type != "JSON")
