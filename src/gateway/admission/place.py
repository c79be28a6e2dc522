"""Place: where source and destination really are, the region that follows from it, and the pool.

Look-ups go through the gateway's Google credentials, so `check_policy` must have passed before.
"""

import asyncio
from collections.abc import Awaitable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final, Protocol, TypeVar

from gateway.admission import findings
from gateway.admission.policy import named_model, pools_for
from gateway.cloud.lookups import LocationError, UnavailableError
from gateway.domain.batch_job import PoolId, Spec
from gateway.domain.places import BucketPlace, RegionMatch, fits
from gateway.domain.uris import split_gcs
from gateway.errors import PreconditionViolation
from gateway.policy.model import Policy, TeamPolicy

MAX_SOURCE_BYTES: Final = 1_000_000_000
"""Vertex AI takes one object of at most 1 GB."""

_Answer = TypeVar("_Answer")


class Storage(Protocol):
    """What is asked of Cloud Storage; `gateway.cloud.storage.StoragePlaces` answers it."""

    async def bucket_place(self, bucket: str) -> BucketPlace: ...

    async def object_size(self, uri: str) -> int: ...


@dataclass(frozen=True, slots=True)
class Placement:
    """Where a batch job is bound to run, and how many bytes it reads."""

    pool: PoolId
    region: str
    source_bytes: int


@dataclass(frozen=True, slots=True)
class _Found:
    """What the three look-ups brought, each an answer or a failure."""

    source: BucketPlace | LocationError
    size: int | LocationError
    destination: BucketPlace | LocationError

    def places(self, spec: Spec) -> tuple[tuple[str, BucketPlace], ...]:
        """The places that are known, each with its URI."""
        pairs = ((spec.source_uri, self.source), (spec.destination_uri, self.destination))
        return tuple((uri, place) for uri, place in pairs if isinstance(place, BucketPlace))

    def unavailable(self) -> UnavailableError | None:
        looked_up = (self.source, self.size, self.destination)
        return next((failure for failure in looked_up if isinstance(failure, UnavailableError)), None)


class Placer:
    """Looks up source and destination and binds a batch job to a pool."""

    def __init__(self, storage: Storage) -> None:
        self._storage = storage

    async def place(self, policy: Policy, team: TeamPolicy, spec: Spec) -> Placement:
        """The team's first pool for the region that was asked for, or for the only one that fits.

        What is certainly wrong is answered, all of it, before what cannot be known now.

        Raises:
            GatewayError: NOT_SERVED for BigQuery; SOURCE_NOT_FOUND, SOURCE_NOT_READABLE, SOURCE_TOO_LARGE,
                DESTINATION_NOT_FOUND, REGION_MISMATCH, the first of them with the violations of all; INVALID_SPEC where
                several regions fit and none was named; LOCATION_UNAVAILABLE where a look-up has no answer now.

        """
        findings.refuse_bigquery(spec)
        found = await self._look_up(spec)
        pools = pools_for(policy, team, spec, named_model(policy, spec))
        regions = tuple(dict.fromkeys(pool.region for pool in pools))
        known = found.places(spec)
        fitting = _fitting(regions, known, team.gcs_region_match)
        violations = tuple(_violations(team, spec, found, regions, fitting))
        if violations:
            raise findings.refused(violations)
        if failure := found.unavailable():
            raise findings.unavailable(failure)
        if len(fitting) > 1:
            raise findings.ambiguous(fitting)
        pool = next(pool for pool in pools if pool.region == fitting[0])
        return Placement(pool, pool.region, found.size if isinstance(found.size, int) else 0)

    async def _look_up(self, spec: Spec) -> _Found:
        """All three at once: a create waits for the slowest, not for the sum."""
        source, size, destination = await asyncio.gather(
            _attempt(self._storage.bucket_place(split_gcs(spec.source_uri).bucket)),
            _attempt(self._storage.object_size(spec.source_uri)),
            _attempt(self._storage.bucket_place(split_gcs(spec.destination_uri).bucket)),
        )
        return _Found(source, size, destination)


async def _attempt(lookup: Awaitable[_Answer]) -> _Answer | LocationError:
    try:
        return await lookup
    except LocationError as failure:
        return failure


def _fitting(regions: Sequence[str], places: Sequence[tuple[str, BucketPlace]], match: RegionMatch) -> tuple[str, ...]:
    return tuple(region for region in regions if all(fits(region, place, match) for _, place in places))


def _violations(
    team: TeamPolicy, spec: Spec, found: _Found, regions: Sequence[str], fitting: Sequence[str]
) -> Iterator[PreconditionViolation]:
    # A bucket that cannot be seen hides its objects too: it is reported once.
    source = found.source if isinstance(found.source, LocationError) else found.size
    if isinstance(source, LocationError):
        yield from findings.source_failure(source)
    elif source > MAX_SOURCE_BYTES:
        yield findings.too_large(spec.source_uri, source, MAX_SOURCE_BYTES)
    if isinstance(found.destination, LocationError):
        yield from findings.destination_failure(found.destination)
    if not fitting:
        known = found.places(spec)
        choices = _fitting(team.regions, known, team.gcs_region_match)
        yield from findings.mismatches(known, regions, team.gcs_region_match, choices)
