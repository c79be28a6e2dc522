"""How many jobs run at once in each project and region. Can be changed while jobs wait and run."""

from __future__ import annotations

import math
from collections.abc import Callable

from vertex_emulator.config import CapacityMode, EmulatorConfig
from vertex_emulator.errors import exhausted
from vertex_emulator.jobs import JobStore
from vertex_emulator.names import Place
from vertex_emulator.states import HOLDS_ROOM


class Capacity:
    """The limits in force, and the room that is left under them."""

    def __init__(self, config: EmulatorConfig, jobs: JobStore) -> None:
        self.limit = config.capacity
        self.limits: dict[str, int | None] = dict(config.capacities)
        self.mode = config.capacity_mode
        self._jobs = jobs
        self._changed: Callable[[], None] = lambda: None

    def set(self, limit: int | None, *, region: str | None = None) -> None:
        """Change the limit of one region, or that of all which have none of their own; None is no limit.

        Jobs that now have room start. None that runs is stopped.
        """
        if region is None:
            self.limit = limit
        else:
            self.limits[region] = limit
        self._changed()

    def set_mode(self, mode: CapacityMode) -> None:
        self.mode = mode
        self._changed()

    def on_change(self, act: Callable[[], None]) -> None:
        """What to do after each change."""
        self._changed = act

    def of(self, place: Place) -> int | None:
        return self.limits.get(place.region, self.limit)

    def room(self, place: Place) -> float:
        """How many more jobs may start running now; infinite where there is no limit."""
        limit = self.of(place)
        if limit is None:
            return math.inf
        return max(limit - sum(job.started and job.state in HOLDS_ROOM for job in self._jobs.live(place)), 0)

    def check_create(self, place: Place) -> None:
        """RESOURCE_EXHAUSTED where a job for which there is no room is refused."""
        limit = self.of(place)
        if self.mode != CapacityMode.REFUSE or limit is None:
            return
        if len(self._jobs.live(place)) >= limit:
            raise exhausted(
                "Quota exceeded for aiplatform.googleapis.com/batch_prediction_concurrent_jobs "
                f"in region {place.region}: {limit} jobs are active."
            )
