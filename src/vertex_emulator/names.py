"""Resource names: locations, jobs, operations, and the project number that Vertex answers with."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from vertex_emulator.errors import invalid

_PROJECT = r"[a-z][a-z0-9.:-]{2,62}|[0-9]{1,19}"
_PARENT = re.compile(rf"projects/({_PROJECT})/locations/([a-z][a-z0-9-]{{0,62}})")
_JOB = re.compile(rf"projects/({_PROJECT})/locations/([a-z][a-z0-9-]{{0,62}})/batchPredictionJobs/([0-9]{{1,19}})")


@dataclass(frozen=True)
class Place:
    """One project, as it appears in answers, and one region: what jobs and capacity belong to."""

    project: str
    region: str

    def __str__(self) -> str:
        return f"projects/{self.project}/locations/{self.region}"

    def job_name(self, job_id: str) -> str:
        return f"{self}/batchPredictionJobs/{job_id}"

    def operation_name(self, operation_id: str) -> str:
        return f"{self}/operations/{operation_id}"


class Names:
    """Reads names, and writes project numbers where the project's number is known."""

    def __init__(self, project_numbers: Mapping[str, str]) -> None:
        self._numbers = dict(project_numbers)

    def place(self, parent: str) -> Place:
        """The place that `projects/{project}/locations/{region}` names; INVALID_ARGUMENT if it names none."""
        match = _PARENT.fullmatch(parent)
        if match is None:
            raise invalid(f"Invalid parent {parent!r}: it must be projects/{{project}}/locations/{{location}}.")
        return Place(self._numbers.get(match[1], match[1]), match[2])

    def job(self, name: str) -> tuple[Place, str]:
        """Place and id of a job's full name; INVALID_ARGUMENT if it is none."""
        match = _JOB.fullmatch(name)
        if match is None:
            raise invalid(
                f"Invalid resource name {name!r}: it must be "
                "projects/{project}/locations/{location}/batchPredictionJobs/{number}."
            )
        return Place(self._numbers.get(match[1], match[1]), match[2]), match[3]

    def canonical(self, name: str) -> str:
        """A job's name as answers carry it."""
        place, job_id = self.job(name)
        return place.job_name(job_id)
