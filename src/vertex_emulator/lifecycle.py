"""How a job moves through its states: preparing, waiting for room, running, being cancelled, ending, being deleted."""

from __future__ import annotations

from functools import partial
from typing import Protocol

from google.rpc import code_pb2

from vertex_emulator.capacity import Capacity
from vertex_emulator.clock import Clock
from vertex_emulator.config import EmulatorConfig, WaitingState
from vertex_emulator.errors import precondition
from vertex_emulator.jobs import Job, JobStore
from vertex_emulator.names import Place
from vertex_emulator.states import State


class RunsJobs(Protocol):
    """Works off a job's rows until they are done or the job is no longer its own."""

    async def run(self, job: Job, lifecycle: Lifecycle) -> None: ...


class Lifecycle:
    """The state machine of all jobs. Each step looks at the job's state again, as anything may have happened since."""

    def __init__(
        self, config: EmulatorConfig, clock: Clock, jobs: JobStore, capacity: Capacity, runner: RunsJobs
    ) -> None:
        self._config = config
        self._clock = clock
        self._jobs = jobs
        self._capacity = capacity
        self._runner = runner

    def begin(self, job: Job) -> None:
        """Take on a job that has just been created."""
        job.move(State.PENDING, self._clock.now())
        self._jobs.add(job)
        self._clock.call_later(self._config.pending_seconds, partial(self._prepared, job))
        self._clock.call_later(self._config.queue_limit_seconds, partial(self._waited_too_long, job))

    async def _prepared(self, job: Job) -> None:
        job.prepared = True
        self.fill(job.place)
        if job.state is State.PENDING and not job.by_hand and self._config.waiting_state == WaitingState.QUEUED:
            job.move(State.QUEUED, self._clock.now())

    async def _waited_too_long(self, job: Job) -> None:
        if job.waiting and not job.by_hand:
            self.end(job, State.EXPIRED)

    def fill(self, place: Place) -> None:
        """Start waiting jobs, oldest first, while there is room."""
        room = self._capacity.room(place)
        ready = (job for job in self._jobs.live(place) if job.prepared and job.waiting and not job.by_hand)
        while room > 0 and (job := next(ready, None)) is not None:
            self._start(job)
            room -= 1

    def fill_all(self) -> None:
        """The same everywhere; for when the limits have changed."""
        for place in self._jobs.places():
            self.fill(place)

    def _start(self, job: Job) -> None:
        job.move(State.RUNNING, self._clock.now())
        self._clock.call_later(self._config.run_limit_seconds, partial(self._ran_too_long, job))
        if job.planned is not None:
            self._clock.call_later(job.planned.after_seconds, partial(self._fail_as_planned, job))
        self._clock.spawn(self._runner.run(job, self))

    async def _ran_too_long(self, job: Job) -> None:
        hours = self._config.run_limit_seconds / 3600
        async with job.lock:
            if job.by_hand:
                return
            self._end_if_live(job, State.CANCELLED, code_pb2.CANCELLED, f"Not done after {hours:g} hours.")

    async def _fail_as_planned(self, job: Job) -> None:
        if job.planned is not None:
            async with job.lock:
                self._end_if_live(job, State.FAILED, job.planned.code, job.planned.message)

    def end(self, job: Job, state: State, code: int = 0, message: str = "") -> None:
        """Put a job into an end state, with its error where there is one, and give its room to the next."""
        if code:
            job.message.error.code = code
            job.message.error.message = message
        job.run = None
        job.move(state, self._clock.now())
        self.fill(job.place)

    def cancel(self, job: Job) -> None:
        """Start a cancel. It takes effect later; an ended or already cancelled job stays as it is."""
        if job.ended or job.state is State.CANCELLING:
            return
        job.move(State.CANCELLING, self._clock.now())
        self._clock.call_later(self._config.cancel_seconds, partial(self._cancelled, job))

    async def _cancelled(self, job: Job) -> None:
        async with job.lock:
            self._end_if_live(job, State.CANCELLED, code_pb2.CANCELLED, "The job was cancelled.")

    def _end_if_live(self, job: Job, state: State, code: int, message: str) -> None:
        if not job.ended:
            self.end(job, state, code, message)

    async def pause(self, job: Job) -> None:
        async with job.lock:
            if job.state is not State.RUNNING:
                raise precondition(f"only a running job can be paused; {job.name} is {job.state.wire_name}")
            job.run = None
            job.move(State.PAUSED, self._clock.now())
        self.fill(job.place)

    async def resume(self, job: Job) -> None:
        """Run a paused job on from the row where it stopped."""
        if job.state is not State.PAUSED:
            raise precondition(f"only a paused job can be resumed; {job.name} is {job.state.wire_name}")
        job.move(State.RUNNING, self._clock.now())
        self._clock.spawn(self._runner.run(job, self))
