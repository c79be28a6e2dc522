"""The jobs that exist, as Vertex would show them, and what is known about each beyond that."""

from __future__ import annotations

import asyncio
import random
import secrets
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from google.cloud.aiplatform_v1.types import BatchPredictionJob

from vertex_emulator.clock import Clock
from vertex_emulator.errors import not_found
from vertex_emulator.names import Place
from vertex_emulator.states import ENDED, NOT_STARTED, WITH_END_TIME, State

JobMessage = BatchPredictionJob.pb()
"""The protobuf class of a job. Plain protobuf, not the wrapper: it is copied and compared far more often than read."""

_GONE_KEPT = 200_000
_FIRST_ID, _LAST_ID = 10**18, 2**63 - 1


@dataclass(frozen=True)
class PlannedOutcome:
    """A failure that the script has in store for a job."""

    after_seconds: float
    code: int
    message: str


@dataclass(frozen=True)
class Removal:
    """When a job was removed, and whether somebody did it by hand."""

    time: datetime
    by_hand: bool


@dataclass(eq=False)
class Job:
    """One Vertex job. `message` is what callers see; the rest is the emulator's own."""

    id: str
    place: Place
    message: Any
    create_time: datetime
    state: State = State.PENDING
    """The message's state again: it is asked for far more often than it changes."""
    prepared: bool = False
    run: Any = None
    """The runner that holds the job now; another one, or None, tells an older runner to stop."""
    rows_done: int = 0
    planned: PlannedOutcome | None = None
    by_hand: bool = False
    """Somebody has put the job into its state, and it no longer moves by itself."""
    deleting: str = ""
    """Name of the operation that deletes the job."""
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    """Held while rows are written and counted, and while something else ends or stops the job."""
    history: list[tuple[datetime, str]] = field(default_factory=list)
    removal: Removal | None = None

    @property
    def name(self) -> str:
        return str(self.message.name)

    @property
    def ended(self) -> bool:
        return self.state in ENDED

    @property
    def started(self) -> bool:
        return bool(self.message.HasField("start_time"))

    @property
    def waiting(self) -> bool:
        return self.state in NOT_STARTED

    def move(self, state: State, now: datetime) -> None:
        """Go to a state, with the times that Vertex sets on the way."""
        self.state = state
        self.message.state = state
        self.message.update_time.FromDatetime(now)
        if state is State.RUNNING and not self.started:
            self.message.start_time.FromDatetime(now)
        if state in WITH_END_TIME:
            self.message.end_time.FromDatetime(now)
        self.history.append((now, state.wire_name))


class JobStore:
    """All jobs of all projects and regions of one emulator."""

    def __init__(self, seed: int | None, clock: Clock) -> None:
        self._clock = clock
        self._jobs: dict[Place, dict[str, Job]] = {}
        self._live: dict[Place, dict[str, Job]] = {}
        self._by_id: dict[str, Job] = {}
        self.gone: deque[Job] = deque(maxlen=_GONE_KEPT)
        """What was removed, as it was then, for audits; the last 200,000."""
        self._numbers: random.Random = secrets.SystemRandom() if seed is None else random.Random(seed)

    def __iter__(self) -> Iterator[Job]:
        return iter(list(self._by_id.values()))

    def __len__(self) -> int:
        return len(self._by_id)

    def places(self) -> list[Place]:
        return list(self._jobs)

    def in_place(self, place: Place) -> list[Job]:
        """The jobs of a place, in the order in which they were created."""
        return list(self._jobs.get(place, {}).values())

    def live(self, place: Place) -> list[Job]:
        """Those that have not ended, in the same order. Costs no more than there are live jobs."""
        live = self._live.get(place, {})
        for job in [job for job in live.values() if job.ended]:
            del live[job.id]
        return list(live.values())

    def new_id(self) -> str:
        """A 19-digit number, as Vertex's ids are."""
        return str(self._numbers.randint(_FIRST_ID, _LAST_ID))

    def add(self, job: Job) -> None:
        """Take a job in; one that is already there counts as live again if it is."""
        self._by_id[job.id] = job
        self._jobs.setdefault(job.place, {})[job.id] = job
        self._live.setdefault(job.place, {})[job.id] = job

    def get(self, place: Place, job_id: str) -> Job:
        """The job; NOT_FOUND if there is none."""
        job = self._jobs.get(place, {}).get(job_id)
        if job is None:
            raise not_found(f"The BatchPredictionJob does not exist: {place.job_name(job_id)}")
        return job

    def find(self, job_id: str) -> Job | None:
        """The job of that number in whatever place; numbers are never given twice."""
        return self._by_id.get(job_id)

    def remove(self, job: Job, *, by_hand: bool = False) -> None:
        if job.removal is None:
            job.removal = Removal(self._clock.now(), by_hand)
            self.gone.append(job)
        self._by_id.pop(job.id, None)
        self._jobs.get(job.place, {}).pop(job.id, None)
        self._live.get(job.place, {}).pop(job.id, None)
