"""What the demo stands on: everything that `gateway dev` runs, on free ports, and the ways a user has into it."""

import asyncio
import json
import urllib.request
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import grpc.aio
from google.auth.credentials import AnonymousCredentials
from google.cloud import bigquery, storage
from prometheus_client.parser import text_string_to_metric_families

from examples.demo.caller import Caller
from gateway.cli.dev_stack import DevOptions, DevStack, dev_stack

HERE = Path(__file__).parent
FREE_PORTS = {f"{each}_listen": "127.0.0.1:0" for each in ("api", "health", "metrics")}


@dataclass(frozen=True)
class Sample:
    """One line of /metrics."""

    name: str
    labels: dict[str, str]
    value: float


@dataclass
class Stage:
    """A running development gateway."""

    stack: DevStack
    channel: grpc.aio.Channel
    callers: dict[str, Caller] = field(default_factory=dict)

    @classmethod
    @asynccontextmanager
    async def open(cls) -> AsyncIterator["Stage"]:
        options = DevOptions(emulator_config=HERE / "emulator.yaml", flags=FREE_PORTS)
        async with dev_stack(options) as stack, grpc.aio.insecure_channel(stack.app.api_target) as channel:
            yield cls(stack, channel)

    def caller(self, team: str) -> Caller:
        """The service of a team, as it calls the gateway."""
        return self.callers.setdefault(team, Caller(self.channel, team))

    async def read_output(self, directory: str) -> list[str]:
        """The lines below a `gs://` directory, read with Google's own Cloud Storage client."""
        return await asyncio.to_thread(self._read_output, directory)

    def _read_output(self, directory: str) -> list[str]:
        client = storage.Client(
            project="corp-ml",
            credentials=AnonymousCredentials(),  # type: ignore[no-untyped-call]  # Google leaves it untyped
            client_options={"api_endpoint": self.stack.emulator.storage_url},
        )
        bucket, _, prefix = directory.removeprefix("gs://").partition("/")
        blobs = client.list_blobs(bucket, prefix=f"{prefix}/")
        return [line for blob in blobs for line in blob.download_as_text().splitlines()]

    async def read_table(self, table: str) -> list[dict[str, Any]]:
        """The rows of a `bq://` table, read with Google's own BigQuery client."""
        return await asyncio.to_thread(self._read_table, table)

    def _read_table(self, table: str) -> list[dict[str, Any]]:
        client = bigquery.Client(
            project="corp-ml",
            credentials=AnonymousCredentials(),  # type: ignore[no-untyped-call]  # Google leaves it untyped
            client_options={"api_endpoint": self.stack.emulator.bigquery_url},
        )
        return [dict(row.items()) for row in client.list_rows(table.removeprefix("bq://"))]

    async def vertex_creates(self, name: str) -> int:
        """How many creates reached Vertex for a batch job, by the emulator's record of every call."""
        query = urlencode({"method": "CreateBatchPredictionJob"})
        calls = await self._fetch_json(f"{self.stack.emulator.storage_url}/emulator/calls?{query}")
        label = name.rsplit("/", 1)[-1]
        return sum(labels_of(call).get("batchjobs_id") == label for call in calls)

    async def script_fault(self, **fault: str) -> None:
        """Have trouble befall the next call that fits; docs/emulator.md says which there is."""
        await self._fetch(f"{self.stack.emulator.storage_url}/emulator/faults", json.dumps(fault).encode())

    async def metrics(self) -> list[Sample]:
        """Everything that Prometheus would scrape now."""
        text = await self._fetch(f"http://127.0.0.1:{self.stack.app.metrics_port}/metrics")
        families = text_string_to_metric_families(text)
        return [Sample(each.name, each.labels, each.value) for family in families for each in family.samples]

    async def _fetch_json(self, url: str) -> Any:
        return json.loads(await self._fetch(url))

    async def _fetch(self, url: str, body: bytes | None = None) -> str:
        def read() -> str:
            with urllib.request.urlopen(url, body, timeout=10) as answer:  # noqa: S310 - an http address of this machine
                return str(answer.read(), "utf-8")

        return await asyncio.to_thread(read)


def labels_of(call: dict[str, Any]) -> dict[str, str]:
    """The labels of the Vertex job that a recorded create asked for."""
    labels: dict[str, str] = call["request"]["batchPredictionJob"].get("labels", {})
    return labels
