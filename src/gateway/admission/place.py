"""Place: where source and destination really are, the region that follows from it, and the pool.

Look-ups go through the gateway's Google credentials, so `check_policy` must have passed before.
"""

import asyncio
from collections.abc import Awaitable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final, Protocol, TypeVar

from gateway.admission import findings
from gateway.admission.fit import KnownPlaces, Place, fitting
from gateway.admission.policy import named_model, pools_for
from gateway.cloud.lookups import ForbiddenError, LocationError, MissingError, UnavailableError
from gateway.domain.batch_job import PoolId, Spec
from gateway.domain.datasets import TABLE, DatasetPlace, TableFacts
from gateway.domain.places import BucketPlace
from gateway.domain.uris import BIGQUERY, split_gcs
from gateway.errors import PreconditionViolation
from gateway.policy.model import Policy, TeamPolicy

MAX_SOURCE_BYTES: Final = 1_000_000_000
"""Vertex AI takes one object of at most 1 GB."""

MAX_SOURCE_ROWS: Final = 200_000
"""Vertex AI takes at most this many requests in one job. Of a table the number of rows is known beforehand."""

_Answer = TypeVar("_Answer")


class Storage(Protocol):
    """What is asked of Cloud Storage; `gateway.cloud.storage.StoragePlaces` answers it."""

    async def bucket_place(self, bucket: str) -> BucketPlace: ...

    def held_place(self, bucket: str) -> BucketPlace | None: ...

    async def object_size(self, uri: str) -> int: ...


class Tables(Protocol):
    """What is asked of BigQuery; `gateway.cloud.bigquery.BigQueryPlaces` answers it. Both take the table's URI."""

    async def dataset_place(self, table: str) -> DatasetPlace: ...

    async def table_facts(self, table: str) -> TableFacts: ...


@dataclass(frozen=True, slots=True)
class Placement:
    """Where a batch job is bound to run, and how many bytes it reads."""

    pool: PoolId
    region: str
    source_bytes: int


@dataclass(frozen=True, slots=True)
class _Found:
    """What the three look-ups brought, each an answer or a failure; of an object the content is its size."""

    source: Place | LocationError
    content: int | TableFacts | LocationError
    destination: Place | LocationError

    def places(self, spec: Spec) -> KnownPlaces:
        pairs = ((spec.source_uri, self.source), (spec.destination_uri, self.destination))
        return tuple((uri, place) for uri, place in pairs if not isinstance(place, LocationError))

    def unavailable(self) -> UnavailableError | None:
        looked_up = (self.source, self.content, self.destination)
        return next((failure for failure in looked_up if isinstance(failure, UnavailableError)), None)

    @property
    def source_bytes(self) -> int:
        match self.content:
            case TableFacts(size=size) | int(size):
                return size
        return 0


class Placer:
    """Looks up source and destination and binds a batch job to a pool."""

    def __init__(self, storage: Storage, tables: Tables) -> None:
        self._storage, self._tables = storage, tables

    async def place(self, policy: Policy, team: TeamPolicy, spec: Spec) -> Placement:
        """The team's first pool for the region that was asked for, or for the only one that fits.

        What is certainly wrong is answered, all of it, before what cannot be known now.

        Raises:
            GatewayError: SOURCE_NOT_FOUND, SOURCE_NOT_READABLE, SOURCE_NOT_A_TABLE, SOURCE_TOO_LARGE,
                DESTINATION_NOT_FOUND, REGION_MISMATCH, the first of them with the violations of all; INVALID_SPEC where
                several regions fit and none was named; LOCATION_UNAVAILABLE where a look-up has no answer now.

        """
        found = await self._look_up(spec)
        pools = pools_for(policy, team, spec, named_model(policy, spec))
        regions = tuple(dict.fromkeys(pool.region for pool in pools))
        choices = fitting(regions, found.places(spec), team)
        violations = tuple(_violations(team, spec, found, regions, choices))
        if violations:
            raise findings.refused(violations)
        if failure := found.unavailable():
            raise findings.unavailable(failure)
        if len(choices) > 1:
            raise findings.ambiguous(choices)
        pool = next(pool for pool in pools if pool.region == choices[0])
        return Placement(pool, pool.region, found.source_bytes)

    async def _look_up(self, spec: Spec) -> _Found:
        """All three at once: a create waits for the slowest, not for the sum. Mostly both places are known already, and
        nothing is left to be done at once.
        """
        known, target = self._held_place(spec.source_uri), self._held_place(spec.destination_uri)
        if known is not None and target is not None:
            return _Found(known, await _attempt(self._content_of(spec.source_uri)), target)
        source, content, destination = await asyncio.gather(
            _attempt(self._place_of(spec.source_uri, known)),
            _attempt(self._content_of(spec.source_uri)),
            _attempt(self._place_of(spec.destination_uri, target)),
        )
        return _Found(source, content, destination)

    def _held_place(self, uri: str) -> Place | None:
        return None if uri.startswith(BIGQUERY) else self._storage.held_place(split_gcs(uri).bucket)

    async def _place_of(self, uri: str, held: Place | None) -> Place:
        if held is not None:
            return held
        if uri.startswith(BIGQUERY):
            return await self._tables.dataset_place(uri)
        return await self._storage.bucket_place(split_gcs(uri).bucket)

    async def _content_of(self, uri: str) -> int | TableFacts:
        return await (self._tables.table_facts(uri) if uri.startswith(BIGQUERY) else self._storage.object_size(uri))


async def _attempt(lookup: Awaitable[_Answer]) -> _Answer | LocationError:
    try:
        return await lookup
    except LocationError as failure:
        return failure


def _violations(
    team: TeamPolicy, spec: Spec, found: _Found, regions: Sequence[str], choices: Sequence[str]
) -> Iterator[PreconditionViolation]:
    # A bucket or dataset that is not there, or is closed, hides what is in it too: it is reported once.
    if isinstance(found.source, MissingError | ForbiddenError):
        yield from findings.source_failure(found.source)
    elif isinstance(found.content, LocationError):
        yield from findings.source_failure(found.content)
    else:
        yield from _content_violations(spec.source_uri, found.content)
    if isinstance(found.destination, LocationError):
        yield from findings.destination_failure(found.destination)
    if not choices:
        known = found.places(spec)
        yield from findings.mismatches(known, regions, team, fitting(team.regions, known, team))


def _content_violations(uri: str, content: int | TableFacts) -> Iterator[PreconditionViolation]:
    match content:
        case int() if content > MAX_SOURCE_BYTES:
            yield findings.too_large(uri, content, MAX_SOURCE_BYTES, "bytes")
        case TableFacts(kind=kind) if kind != TABLE:
            yield findings.not_a_table(uri, kind)
        case TableFacts(rows=rows) if rows > MAX_SOURCE_ROWS:
            yield findings.too_large(uri, rows, MAX_SOURCE_ROWS, "rows")
