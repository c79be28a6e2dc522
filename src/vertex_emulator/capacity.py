"""How many jobs run at once in each project and region. Can be changed while jobs wait and run."""

from __future__ import annotations

import math

from google.cloud.aiplatform_v1.types import JobState

from vertex_emulator.config import CapacityMode, EmulatorConfig
from vertex_emulator.errors import exhausted
from vertex_emulator.jobs import JobStore
from vertex_emulator.names import Place

_RUNS = frozenset({JobState.JOB_STATE_RUNNING, JobState.JOB_STATE_CANCELLING})


class Capacity:
    """The limits in force, and the room that is left under them."""

    def __init__(self, config: EmulatorConfig, jobs: JobStore) -> None:
        self.limit = config.capacity
        self.limits = dict(config.capacities)
        self.mode = config.capacity_mode
        self._jobs = jobs

    def of(self, place: Place) -> int | None:
        return self.limits.get(place.region, self.limit)

    def room(self, place: Place) -> float:
        """How many more jobs may start running now; infinite where there is no limit."""
        limit = self.of(place)
        if limit is None:
            return math.inf
        return max(limit - sum(job.started and job.state in _RUNS for job in self._jobs.live(place)), 0)

    def check_create(self, place: Place) -> None:
        """RESOURCE_EXHAUSTED where a job for which there is no room is refused."""
        limit = self.of(place)
        if self.mode is not CapacityMode.REFUSE or limit is None:
            return
        if len(self._jobs.live(place)) >= limit:
            raise exhausted(
                "Quota exceeded for aiplatform.googleapis.com/batch_prediction_concurrent_jobs "
                f"in region {place.region}: {limit} jobs are active."
            )
