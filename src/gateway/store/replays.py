"""What a request_id that is known already means for a create."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from gateway.domain.batch_job import BatchJob
from gateway.errors import GatewayError, Reason, ResourceDetail
from gateway.store.connections import Connections, Session
from gateway.store.kept import Kept
from gateway.store.queries import load
from gateway.store.rows import COLUMNS_OF_B, Row, decode
from gateway.store.together import Together

SQL: Final = load("creates", columns=COLUMNS_OF_B)
RESOURCE_TYPE: Final = "batchjobs.gateway/BatchJob"


@dataclass(frozen=True, slots=True)
class Known:
    """A request_id that was used: the content it stood for, and its batch job unless that was deleted."""

    content_hash: str
    job: BatchJob | None


class Replays:
    """Creates that may be repeated ones, asked before anything is checked; those that come together share a query."""

    def __init__(self, connections: Connections) -> None:
        self._together = Together("replays", connections, self._read)

    async def find(self, team: str, request_id: str, contents: Collection[str]) -> BatchJob | None:
        """The batch job that this request_id made; None for an unknown one. Raises what `answer` raises."""
        known = await self._together.ask((team, request_id))
        return None if known is None else answer(known, team, request_id, contents)

    async def _read(self, kept: Kept, wanted: list[tuple[str, str]]) -> Mapping[tuple[str, str], Known]:
        teams, ids = [team for team, _ in wanted], [request_id for _, request_id in wanted]
        async with kept.session("replay") as session:
            rows = await session.rows(SQL["known_anywhere"], teams, ids)
        return {(row["used_by"], row["used_id"]): _known(row) for row in rows}


async def read_known(session: Session, team: str, request_ids: Iterable[str]) -> Mapping[str, Known]:
    """Those of the ids that the team has used."""
    wanted = [each for each in request_ids if each]
    rows = await session.rows(SQL["known"], team, wanted) if wanted else []
    return {row["used_id"]: _known(row) for row in rows}


def answer(known: Known, team: str, request_id: str, contents: Collection[str]) -> BatchJob:
    """The batch job that a repeated create gets. `contents` are the hashes of all that says what it says.

    Raises GatewayError: REQUEST_ID_REUSED for other content, NOT_FOUND where the batch job was deleted.
    """
    if known.content_hash not in contents:
        raise GatewayError(
            Reason.REQUEST_ID_REUSED,
            f"The request_id {request_id!r} was used for another batch job of this team. "
            "Send a new request_id for a new batch job, or the first content for the same one.",
            details=(_resource(known, team),),
        )
    if known.job is None:
        raise GatewayError(
            Reason.NOT_FOUND,
            f"The batch job that the request_id {request_id!r} made has been deleted. "
            "Send a new request_id to make another.",
            details=(_resource(known, team),),
        )
    return known.job


def _resource(known: Known, team: str) -> ResourceDetail:
    if known.job is None:
        return ResourceDetail(RESOURCE_TYPE, f"teams/{team}")
    return ResourceDetail(RESOURCE_TYPE, known.job.name, pool=str(known.job.pool))


def _known(row: Row) -> Known:
    return Known(row["content_hash"], decode(row) if row["id"] else None)
