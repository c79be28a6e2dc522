"""What a person with the Cloud console could do behind a gateway's back: make, alter, move and delete jobs by hand."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from google.cloud.aiplatform_v1.types import BatchPredictionJob

from vertex_emulator.clock import Clock
from vertex_emulator.errors import not_found
from vertex_emulator.job_service import JobService
from vertex_emulator.jobs import Job, JobStore
from vertex_emulator.lifecycle import Lifecycle
from vertex_emulator.names import Names
from vertex_emulator.states import State


class Console:
    """Jobs may be named in full, by project id or number, or by their number alone. NOT_FOUND if there is none."""

    def __init__(self, clock: Clock, names: Names, jobs: JobStore, lifecycle: Lifecycle, service: JobService) -> None:
        self._clock = clock
        self._names = names
        self._jobs = jobs
        self._lifecycle = lifecycle
        self._service = service

    def job(self, name: str) -> Job:
        if name.isdecimal():
            found = self._jobs.find(name)
            if found is None:
                raise not_found(f"The BatchPredictionJob does not exist: {name}")
            return found
        return self._jobs.get(*self._names.job(name))

    def create(self, parent: str, job: BatchPredictionJob) -> Job:
        """A job of somebody else's. Nothing is checked and no capacity refuses it; it runs like any other."""
        return self._service.make(self._names.place(parent), BatchPredictionJob.pb(job))

    def clone(self, name: str, *, labels: Mapping[str, str] | None = None, display_name: str = "") -> Job:
        """The same job again under a new number, labels and all; those that are given replace the original's."""
        original = self.job(name)
        clone = self._service.make(original.place, original.message)
        self._alter(clone, labels, display_name)
        return clone

    def alter(self, name: str, *, labels: Mapping[str, str] | None = None, display_name: str = "") -> Job:
        """Replace a job's labels, all of them, or its display name."""
        job = self.job(name)
        self._alter(job, labels, display_name)
        job.message.update_time.FromDatetime(self._clock.now())
        return job

    def delete(self, name: str) -> None:
        """The job is gone at once, whatever its state."""
        job = self.job(name)
        job.run = None
        job.by_hand = True
        self._jobs.remove(job, by_hand=True)
        self._lifecycle.fill(job.place)

    async def pause(self, name: str) -> None:
        """Hold a running job; it keeps what it has written, and gives its room to the next."""
        await self._lifecycle.pause(self.job(name))

    async def resume(self, name: str) -> None:
        """Let a paused job run on from the row where it stopped."""
        await self._lifecycle.resume(self.job(name))

    async def set_state(
        self, name: str, state: State, *, code: int = 0, message: str = "", update_time: datetime | None = None
    ) -> None:
        """Put a job into any state. From then on it moves by hand only, or by a cancel.

        `code` and `message` become its error. `update_time` stands in for the present moment, for a state that is
        older than one that was already seen.
        """
        job = self.job(name)
        async with job.lock:
            job.by_hand, job.run = True, None
            if code:
                job.message.error.code, job.message.error.message = code, message
            job.move(state, update_time or self._clock.now())
            self._jobs.add(job)
        self._lifecycle.fill(job.place)

    def _alter(self, job: Job, labels: Mapping[str, str] | None, display_name: str) -> None:
        if labels is not None:
            job.message.labels.clear()
            job.message.labels.update(labels)
        if display_name:
            job.message.display_name = display_name
