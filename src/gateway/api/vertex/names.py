"""Vertex's resource names: `projects/{project}/locations/{location}/batchPredictionJobs/{id}`."""

import re
from dataclasses import dataclass
from typing import Final

from gateway.domain.batch_job import BatchJob, PoolId
from gateway.errors import FieldViolation, GatewayError, Reason
from gateway.policy.model import Policy

_PLACE: Final = r"projects/([a-z0-9][a-z0-9.:-]{0,99})/locations/([a-z][a-z0-9-]{0,62})"
_PARENT: Final = re.compile(_PLACE)
_NAME: Final = re.compile(rf"{_PLACE}/batchPredictionJobs/([1-9][0-9]{{0,18}})")
_MAX_ID: Final = 2**63 - 1

PARENT_FORM: Final = "A parent is projects/PROJECT/locations/LOCATION; PROJECT is a project's id or its number."
NAME_FORM: Final = "A name is projects/PROJECT/locations/LOCATION/batchPredictionJobs/ID; the ID is a number."


@dataclass(frozen=True, slots=True)
class Place:
    """A project, by its id or its number, and a location: which pool is meant."""

    project: str
    location: str

    def holds(self, pool: PoolId, policy: Policy) -> bool:
        """Whether this means the pool, named by its project's id or by its number."""
        if self.location != pool.region:
            return False
        known = policy.pools.get(pool)
        return self.project == pool.project or (known is not None and self.project == known.project_number)

    def pools(self, policy: Policy) -> frozenset[PoolId]:
        """The pools that this may mean: those of the policy, and the one of just this name, which may have left it."""
        meant = {
            pool.id
            for pool in policy.pools.values()
            if pool.id.region == self.location and self.project in {pool.id.project, pool.project_number}
        }
        return frozenset(meant | {PoolId(self.project, self.location)})

    def canonical(self, policy: Policy) -> "Place":
        """The same place with the project's id, where the policy knows whose number it is."""
        numbered = (pool.id.project for pool in policy.pools.values() if pool.project_number == self.project)
        return Place(next(numbered, self.project), self.location)

    def __str__(self) -> str:
        return f"projects/{self.project}/locations/{self.location}"


@dataclass(frozen=True, slots=True)
class VertexName:
    """A parsed name, and its text as the caller sent it."""

    place: Place
    id: int
    text: str


def place_of(parent: str) -> Place | None:
    """The place that a parent names; None where it is not of that form."""
    match = _PARENT.fullmatch(parent)
    return None if match is None else Place(match[1], match[2])


def parent_violation() -> FieldViolation:
    """What is wrong with a parent that `place_of` does not take."""
    return FieldViolation("parent", "PARENT_FORM", PARENT_FORM)


def read_parent(parent: str) -> Place:
    """The place; raises INVALID_SPEC."""
    place = place_of(parent)
    if place is None:
        raise GatewayError(Reason.INVALID_SPEC, PARENT_FORM, details=(parent_violation(),))
    return place


def read_name(name: str) -> VertexName:
    """Place and id; raises INVALID_SPEC."""
    match = _NAME.fullmatch(name)
    if match is None or int(match[3]) > _MAX_ID:
        raise GatewayError(Reason.INVALID_SPEC, NAME_FORM, details=(FieldViolation("name", "NAME_FORM", NAME_FORM),))
    return VertexName(Place(match[1], match[2]), int(match[3]), name)


def name_of(job: BatchJob) -> str:
    """The name under which these clients know the batch job; "" while it has none."""
    return vertex_name(job.pool, str(job.id)) if job.id else ""


def vertex_name(pool: PoolId, number: str) -> str:
    """The name of the batch job that has this id and pool."""
    return f"projects/{pool.project}/locations/{pool.region}/batchPredictionJobs/{number}"
