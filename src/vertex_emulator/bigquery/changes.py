"""The routes of the BigQuery JSON API that make and remove tables and add rows."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from typing import Any

from aiohttp import web

from vertex_emulator.bigquery import tables
from vertex_emulator.bigquery.columns import Column, SchemaError, incoming, read_schema
from vertex_emulator.bigquery.datasets import Datasets, Table
from vertex_emulator.bigquery.resources import table_resource
from vertex_emulator.bigquery.routes import TABLE, TABLES, content_of, open_dataset, open_table
from vertex_emulator.bigquery.tables import TableExistsError
from vertex_emulator.http_errors import HttpError


class TableChangeRoutes:
    """Create and delete tables, stream rows in."""

    def __init__(self, datasets: Datasets) -> None:
        self._datasets = datasets

    def add_to(self, app: web.Application) -> None:
        route = app.router.add_route
        route("POST", TABLES, self.insert_table, name="bigquery.tables.insert")
        route("DELETE", TABLE, self.delete_table, name="bigquery.tables.delete")
        route("POST", TABLE + "/insertAll", self.insert_rows, name="bigquery.tabledata.insertAll")

    async def insert_table(self, request: web.Request) -> web.StreamResponse:
        body = await _body(request)
        return web.json_response(await asyncio.to_thread(self._insert_table, request, body))

    async def delete_table(self, request: web.Request) -> web.StreamResponse:
        table = await asyncio.to_thread(open_table, self._datasets, request)
        await asyncio.to_thread(tables.delete, table)
        return web.Response(status=204)

    async def insert_rows(self, request: web.Request) -> web.StreamResponse:
        body = await _body(request)
        return web.json_response(await asyncio.to_thread(self._insert_rows, request, body))

    def _insert_table(self, request: web.Request, body: dict[str, Any]) -> dict[str, Any]:
        dataset = open_dataset(self._datasets, request)
        reference, schema = body.get("tableReference"), body.get("schema")
        name = reference.get("tableId") if isinstance(reference, dict) else None
        table = self._datasets.new_table(dataset, name) if isinstance(name, str) else None
        if table is None:
            raise HttpError(400, f"Invalid table ID {json.dumps(name)}.")
        if any(each.id == table.id for each in self._datasets.tables(dataset)):
            raise _exists(table)
        try:
            columns = read_schema(schema.get("fields", []) if isinstance(schema, dict) else [])
            tables.create(table, columns)
        except SchemaError as error:
            raise HttpError(400, f"Invalid schema: {error}.") from error
        except TableExistsError as error:
            raise _exists(table) from error
        return table_resource(table, content_of(table))

    def _insert_rows(self, request: web.Request, body: dict[str, Any]) -> dict[str, Any]:
        """All rows or none: what is wrong with any of them is answered, as the API does, with status 200."""
        table = open_table(self._datasets, request)
        if table.type != "TABLE":
            raise HttpError(400, f"Cannot add rows to a table of type {table.type}.")
        sent = body.get("rows")
        if not isinstance(sent, list) or not all(isinstance(each, dict) for each in sent):
            raise HttpError(400, "rows: a list of objects is expected.")
        columns = content_of(table).columns
        lines, errors = list[bytes](), list[dict[str, Any]]()
        for index, each in enumerate(sent):
            try:
                lines.append(json.dumps(_kept(each.get("json"), columns)).encode() + b"\n")
            except SchemaError as error:
                why = {"reason": "invalid", "location": "", "debugInfo": "", "message": str(error)}
                errors.append({"index": index, "errors": [why]})
        answer: dict[str, Any] = {"kind": "bigquery#tableDataInsertAllResponse"}
        if errors:
            return {**answer, "insertErrors": errors}
        tables.append(table, b"".join(lines))
        return answer


def _exists(table: Table) -> HttpError:
    return HttpError(409, f"Already Exists: Table {table.name}", reason="duplicate")


def _kept(row: Any, columns: Sequence[Column]) -> dict[str, Any]:
    if not isinstance(row, dict):
        raise SchemaError("a row is an object")
    kinds = {column.name: column.type for column in columns}
    if unknown := sorted(set(row) - set(kinds)):
        raise SchemaError(f"no such field: {unknown[0]}.")
    return {name: incoming(value, kinds[name]) for name, value in row.items()}


async def _body(request: web.Request) -> dict[str, Any]:
    try:
        body = json.loads(await request.read())
    except (ValueError, RecursionError) as error:
        raise HttpError(400, "The request is not JSON.") from error
    if not isinstance(body, dict):
        raise HttpError(400, "A JSON object is expected.")
    return body
