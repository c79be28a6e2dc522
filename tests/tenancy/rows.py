"""How each RPC of the contract is asked, and what right it takes."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import Enum, auto
from typing import Any

import asyncpg
from google.protobuf.message import Message

from batchjobs.v1 import batch_jobs_pb2 as pb
from support.caller import batch_job

SERVICE: Any = pb.DESCRIPTOR.services_by_name["BatchJobs"]

Metadata = tuple[tuple[str, str], ...]


class Right(Enum):
    """What a call asks for, the harmless ones first."""

    READ = auto()
    CANCEL = auto()
    WRITE = auto()


@dataclass(frozen=True)
class Target:
    """What a caller names: a team, and what may or may not be there."""

    team: str
    id: int
    request_id: str
    page_token: str
    resume_token: str

    @property
    def parent(self) -> str:
        return f"teams/{self.team}"

    @property
    def name(self) -> str:
        return f"{self.parent}/batchJobs/{self.id}"


def searching(**changes: Any) -> pb.BatchJob:
    """A batch job of team search that every check lets through."""
    places = {
        "region": "europe-west4",
        "gcs_source": pb.GcsSource(uri="gs://search-in/rows.jsonl"),
        "gcs_destination": pb.GcsDestination(output_uri_prefix="gs://search-out/results"),
    }
    return batch_job(**{**places, **changes})


@dataclass(frozen=True)
class Asked:
    """A request, and what goes with it beside the message."""

    request: Message
    metadata: Metadata = ()


@dataclass(frozen=True)
class Row:
    """One RPC: the right that it takes, and how it is asked about a target."""

    right: Right
    asked: Callable[[Target], Asked]


def _row(right: Right, request: Callable[[Target], Message]) -> Row:
    return Row(right, lambda at: Asked(request(at)))


ROWS: Mapping[str, Row] = {
    "CreateBatchJob": _row(
        Right.WRITE,
        lambda at: pb.CreateBatchJobRequest(parent=at.parent, batch_job=batch_job(), request_id=at.request_id),
    ),
    "GetBatchJob": _row(Right.READ, lambda at: pb.GetBatchJobRequest(name=at.name)),
    "ListBatchJobs": _row(
        Right.READ, lambda at: pb.ListBatchJobsRequest(parent=at.parent, page_token=at.page_token, page_size=1)
    ),
    "CancelBatchJob": _row(Right.CANCEL, lambda at: pb.CancelBatchJobRequest(name=at.name)),
    "DeleteBatchJob": _row(Right.WRITE, lambda at: pb.DeleteBatchJobRequest(name=at.name)),
    "WatchBatchJob": _row(Right.READ, lambda at: pb.WatchBatchJobRequest(name=at.name)),
    "WatchBatchJobs": _row(
        Right.READ, lambda at: pb.WatchBatchJobsRequest(parent=at.parent, resume_token=at.resume_token)
    ),
    "GetTeamUsage": _row(Right.READ, lambda at: pb.GetTeamUsageRequest(name=f"{at.parent}/usage")),
}
"""A new RPC has no row, and fails the tests until it has one."""


async def everything_stored(url: str) -> dict[str, list[str]]:
    """All rows of all tables, as text."""
    connection = await asyncpg.connect(url)
    try:
        tables = await connection.fetch(
            "SELECT relname AS name FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace"
        )
        return {
            table["name"]: sorted(row["text"] for row in await connection.fetch(_rows_as_text(table["name"])))
            for table in tables
        }
    finally:
        await connection.close()


def _rows_as_text(table: str) -> str:
    return f"SELECT t::text AS text FROM {table} AS t"  # noqa: S608 - the name is the database's own
