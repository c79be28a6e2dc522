"""Datasets and tables in the JSON shapes of the BigQuery API."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from vertex_emulator.bigquery.columns import Column, outgoing
from vertex_emulator.bigquery.datasets import Dataset, Table
from vertex_emulator.bigquery.tables import Content


def dataset_reference(dataset: Dataset) -> dict[str, str]:
    return {"projectId": dataset.project, "datasetId": dataset.id}


def dataset_resource(dataset: Dataset) -> dict[str, Any]:
    changed = str(int(dataset.folder.stat().st_mtime * 1000))
    return {
        "kind": "bigquery#dataset",
        "id": dataset.name,
        "datasetReference": dataset_reference(dataset),
        "location": dataset.location,
        "type": "DEFAULT",
        "creationTime": changed,
        "lastModifiedTime": changed,
    }


def table_head(table: Table) -> dict[str, Any]:
    """What a list of tables says of each."""
    return {
        "kind": "bigquery#table",
        "id": table.name,
        "tableReference": {**dataset_reference(table.dataset), "tableId": table.id},
        "type": table.type,
    }


def table_resource(table: Table, content: Content) -> dict[str, Any]:
    resource = {
        **table_head(table),
        "location": table.dataset.location,
        "schema": {"fields": [column.resource() for column in content.columns]},
        "numBytes": str(content.size),
        "numRows": str(content.rows),
        "creationTime": _milliseconds(content.modified),
        "lastModifiedTime": _milliseconds(content.modified),
    }
    if table.type in {"VIEW", "MATERIALIZED_VIEW"}:
        key = "view" if table.type == "VIEW" else "materializedView"
        resource[key] = {"query": "SELECT 1"}
    return resource


def row_resource(
    row: Mapping[str, Any], columns: Iterable[Column], *, timestamps_as_integers: bool
) -> dict[str, list[dict[str, str | None]]]:
    """A row of `tabledata.list`: the values alone, in the order of the columns."""
    cells = (
        outgoing(row.get(column.name), column.type, timestamps_as_integers=timestamps_as_integers) for column in columns
    )
    return {"f": [{"v": cell} for cell in cells]}


def _milliseconds(moment: datetime) -> str:
    return str(int(moment.timestamp() * 1000))
