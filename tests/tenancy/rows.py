"""How each RPC of the contract is asked, what right it takes, and all that its caller can see of the answer."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from enum import Enum, auto
from typing import Any

import asyncpg
import grpc
from google.protobuf.message import Message

from batchjobs.v1 import batch_jobs_pb2 as pb
from support.caller import CALL_SECONDS, Caller, batch_job, read_refusal

SERVICE: Any = pb.DESCRIPTOR.services_by_name["BatchJobs"]


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
class Row:
    """One RPC: the right that it takes, and its request about a target."""

    right: Right
    request: Callable[[Target], Message]


ROWS: Mapping[str, Row] = {
    "CreateBatchJob": Row(
        Right.WRITE,
        lambda at: pb.CreateBatchJobRequest(parent=at.parent, batch_job=batch_job(), request_id=at.request_id),
    ),
    "GetBatchJob": Row(Right.READ, lambda at: pb.GetBatchJobRequest(name=at.name)),
    "ListBatchJobs": Row(
        Right.READ, lambda at: pb.ListBatchJobsRequest(parent=at.parent, page_token=at.page_token, page_size=1)
    ),
    "CancelBatchJob": Row(Right.CANCEL, lambda at: pb.CancelBatchJobRequest(name=at.name)),
    "DeleteBatchJob": Row(Right.WRITE, lambda at: pb.DeleteBatchJobRequest(name=at.name)),
    "WatchBatchJob": Row(Right.READ, lambda at: pb.WatchBatchJobRequest(name=at.name)),
    "WatchBatchJobs": Row(
        Right.READ, lambda at: pb.WatchBatchJobsRequest(parent=at.parent, resume_token=at.resume_token)
    ),
    "GetTeamUsage": Row(Right.READ, lambda at: pb.GetTeamUsageRequest(name=f"{at.parent}/usage")),
}
"""A new RPC has no row, and fails the tests until it has one."""


@dataclass(frozen=True)
class Answer:
    """How a call ended. `wire` is everything that its caller can tell it by, its own name for the target aside."""

    code: str
    reason: str
    wire: object
    cause: str = ""


async def ask(caller: Caller, method: str, target: Target) -> Answer:
    """Call the RPC about the target; a stream is read up to its first message."""
    call = getattr(caller.stub, method)(ROWS[method].request(target), metadata=caller.metadata, timeout=CALL_SECONDS)
    try:
        await _first(call)
    except grpc.aio.AioRpcError as error:
        refused = read_refusal(error)
        info = refused.details.get("ErrorInfo")
        told = (refused.code, refused.message, tuple(error.initial_metadata()), tuple(error.trailing_metadata()))
        wire = repr(told).replace(str(target.id), "ID")
        return Answer(refused.code, refused.reason, wire, info.metadata["cause"] if info else "")
    return Answer("OK", "", None)


async def _first(call: Any) -> None:
    if isinstance(call, Awaitable):
        await call
        return
    await call.read()
    call.cancel()


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
