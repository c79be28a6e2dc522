"""The routes of the BigQuery JSON API that Google's client uses to look at datasets and tables and to read rows."""

from __future__ import annotations

import asyncio
from typing import Any

from aiohttp import web

from vertex_emulator.bigquery import tables
from vertex_emulator.bigquery.columns import Column
from vertex_emulator.bigquery.datasets import (
    Dataset,
    DatasetForbiddenError,
    DatasetMissingError,
    Datasets,
    Table,
    TableMissingError,
)
from vertex_emulator.bigquery.resources import dataset_resource, row_resource, table_head, table_resource
from vertex_emulator.bigquery.tables import TableBrokenError
from vertex_emulator.http_errors import HttpError

DATASETS = "/bigquery/v2/projects/{project}/datasets"
TABLES = DATASETS + "/{dataset}/tables"
TABLE = TABLES + "/{table}"
_PAGE = 10_000


class TableRoutes:
    """The reading half of BigQuery; `TableChangeRoutes` is the writing half."""

    def __init__(self, datasets: Datasets) -> None:
        self._datasets = datasets

    def add_to(self, app: web.Application) -> None:
        route = app.router.add_route
        route("GET", DATASETS, self.list_datasets, name="bigquery.datasets.list")
        route("GET", DATASETS + "/{dataset}", self.get_dataset, name="bigquery.datasets.get")
        route("GET", TABLES, self.list_tables, name="bigquery.tables.list")
        route("GET", TABLE, self.get_table, name="bigquery.tables.get")
        route("GET", TABLE + "/data", self.list_rows, name="bigquery.tabledata.list")

    async def list_datasets(self, request: web.Request) -> web.StreamResponse:
        found = await asyncio.to_thread(list, self._datasets.all(request.match_info["project"]))
        items = [await asyncio.to_thread(dataset_resource, dataset) for dataset in found if not dataset.forbidden]
        return web.json_response({"kind": "bigquery#datasetList", "datasets": items})

    async def get_dataset(self, request: web.Request) -> web.StreamResponse:
        dataset = await asyncio.to_thread(open_dataset, self._datasets, request)
        return web.json_response(await asyncio.to_thread(dataset_resource, dataset))

    async def list_tables(self, request: web.Request) -> web.StreamResponse:
        dataset = await asyncio.to_thread(open_dataset, self._datasets, request)
        items = [table_head(table) for table in await asyncio.to_thread(list, self._datasets.tables(dataset))]
        return web.json_response({"kind": "bigquery#tableList", "tables": items, "totalItems": len(items)})

    async def get_table(self, request: web.Request) -> web.StreamResponse:
        return web.json_response(await asyncio.to_thread(self._table_resource, request))

    async def list_rows(self, request: web.Request) -> web.StreamResponse:
        return web.json_response(await asyncio.to_thread(self._rows, request))

    def _table_resource(self, request: web.Request) -> dict[str, Any]:
        table = open_table(self._datasets, request)
        return table_resource(table, content_of(table))

    def _rows(self, request: web.Request) -> dict[str, Any]:
        table = open_table(self._datasets, request)
        if table.type != "TABLE":
            raise HttpError(400, f"Cannot list a table of type {table.type}.")
        content = content_of(table)
        first = _number(request, "startIndex", 0)
        first = _number(request, "pageToken", first)
        count = min(_number(request, "maxResults", _PAGE), _PAGE)
        columns = _selected(request, content.columns)
        as_integers = request.query.get("formatOptions.useInt64Timestamp", "").lower() == "true"
        try:
            found = tables.rows(table, first, count)
        except TableBrokenError as error:
            raise HttpError(500, f"The file of the table is broken: {error}.") from error
        answer: dict[str, Any] = {
            "kind": "bigquery#tableDataList",
            "totalRows": str(content.rows),
            "rows": [row_resource(row, columns, timestamps_as_integers=as_integers) for row in found],
        }
        if found and first + len(found) < content.rows:
            answer["pageToken"] = str(first + len(found))
        return answer


def open_dataset(datasets: Datasets, request: web.Request) -> Dataset:
    """The dataset that the request names, or the 404 or 403 that BigQuery answers. Blocks."""
    try:
        return datasets.open(request.match_info["project"], request.match_info["dataset"])
    except DatasetMissingError as error:
        raise HttpError(404, f"Not found: Dataset {error}") from error
    except DatasetForbiddenError as error:
        message = f"Access Denied: Dataset {error}: Permission bigquery.datasets.get denied on dataset {error}."
        raise HttpError(403, message, reason="accessDenied") from error


def open_table(datasets: Datasets, request: web.Request) -> Table:
    """The same for a table. Blocks."""
    dataset = open_dataset(datasets, request)
    try:
        return datasets.table(dataset, request.match_info["table"])
    except TableMissingError as error:
        raise HttpError(404, f"Not found: Table {error}") from error


def content_of(table: Table) -> tables.Content:
    """What the table is made of; 500 where its files are broken. Blocks."""
    try:
        return tables.content(table)
    except TableBrokenError as error:
        raise HttpError(500, f"The file of the table is broken: {error}.") from error


def _selected(request: web.Request, columns: tuple[Column, ...]) -> tuple[Column, ...]:
    wanted = [name for name in request.query.get("selectedFields", "").split(",") if name]
    return tuple(column for column in columns if column.name in wanted) if wanted else columns


def _number(request: web.Request, key: str, default: int) -> int:
    text = request.query.get(key, "")
    if text and not text.isdecimal():
        raise HttpError(400, f"{key} must be a number.")
    return int(text) if text else default
