"""Steps 2 and 3 of a submit: send the create, once, and record its name. Step 1 is dispatch's commit."""

import math
from collections.abc import Awaitable, Callable
from typing import Final, TypeVar

import structlog

from gateway.cloud.vertex_errors import VertexError
from gateway.cloud.vertex_wire import NewVertexJob
from gateway.controller import moves
from gateway.controller.answers import Meaning, meaning
from gateway.controller.bells import Bell
from gateway.controller.finds import Finds
from gateway.controller.flights import Flights
from gateway.controller.guard import Guard
from gateway.controller.ours import labels_of, same_vertex_job
from gateway.controller.refusals import Refusals
from gateway.controller.term import Term
from gateway.domain.batch_job import BatchJob
from gateway.domain.vertex_job import VertexJob
from gateway.store.errors import LeaseLostError, StoreError

T = TypeVar("T")
_NAME: Final = "submit"
_LONGEST_PAUSE: Final = 5.0


class Submit:
    """Takes over each batch job that dispatch has made SUBMITTING."""

    def __init__(self, term: Term, guard: Guard, flights: Flights, finds: Finds, refusals: Refusals) -> None:
        self._term, self._guard, self._flights = term, guard, flights
        self._finds, self._refusals = finds, refusals
        self._log = structlog.get_logger(__name__)

    def begin(self, job: BatchJob, *, deadline: float, load: int) -> None:
        """Go on with a batch job that step 1 made SUBMITTING.

        Args:
            job: the row as committed; its latest attempt is the one to send.
            deadline: on the clock's boottime, counted from before step 1.
            load: how many other batch jobs held slots of the pool then.

        """
        self._flights.start(job, self._run(job, deadline, load))

    async def _run(self, job: BatchJob, deadline: float, load: int) -> None:
        try:
            with self._term.traces.span(_NAME, about=job.name, pool=str(job.pool), attempt=job.attempt_count):
                await self._guard.run(_NAME, job.name, self._submit(job, deadline, load))
        finally:
            self._term.bells.ring(Bell.DISPATCH)
            self._term.bells.ring(Bell.RESOLVE, job.pool)

    async def _submit(self, job: BatchJob, deadline: float, load: int) -> None:
        attempt = job.attempts[-1].id
        wanted = new_vertex_job(job, attempt, self._term.config.gateway)
        try:
            made = await self._term.ask(
                job.pool,
                lambda vertex: vertex.create(wanted, deadline=deadline, send_by=lambda: self._send_by(job)),
            )
        except VertexError as error:
            failure = error
        else:
            await self._record(job, attempt, made)
            await self._persist(lambda: self._refusals.made(job, load))
            return
        self._log.warning("submit_not_accepted", batch_job=job.name, attempt=attempt, error=_told(failure))
        await self._persist(lambda: self._refusals.not_made(job, failure, load))

    def _send_by(self, job: BatchJob) -> float:
        """Until when its create may go out: as long as we lead, and never once Vertex has shown an earlier one's."""
        return -math.inf if self._flights.was_shown(job.id) else self._term.leadership.submits_until

    async def _record(self, job: BatchJob, attempt: str, made: VertexJob) -> None:
        """Step 3. Without the fence: the name is a fact under any term, and nobody else knows it yet."""
        change = moves.accept(attempt, made, self._term.retention(job.team))
        changed = await self._persist(
            lambda: self._term.store.changes.record(job.team, job.id, attempt, change),
        )
        if changed is None:
            await self._unrecorded(job, made)
        elif changed.before.ended:
            await self._finds.cancel_extra(job.pool, made)
        elif changed.after.cancel_time:
            self._term.bells.ring(Bell.CANCEL, job.pool)

    async def _unrecorded(self, job: BatchJob, made: VertexJob) -> None:
        """The row was not as step 3 needs it: it keeps another Vertex job, or has ended, or is resolve's to settle."""
        row = await self._persist(lambda: self._term.store.changes.read(job.team, job.id))
        if row is not None and same_vertex_job(row.vertex_name, made.name):
            return
        if row is None or row.vertex_name or row.ended:
            await self._finds.cancel_extra(job.pool, made)

    async def _persist(self, write: Callable[[], Awaitable[T]]) -> T:
        """Repeat a write that may be repeated until the database answers. What is fenced ends with the lease."""
        pause = 0.1
        while True:
            try:
                return await write()
            except LeaseLostError:
                raise
            except StoreError as error:
                self._log.warning("submit_waits_for_store", error=str(error))
                await self._term.clock.sleep(pause)
                pause = min(pause * 2, _LONGEST_PAUSE)


def _told(failure: VertexError) -> str:
    """What the log may tell. Words about one batch job may quote what its caller sent: they stand on its `error`."""
    return failure.code.name if meaning(failure) is Meaning.FAILED else str(failure)


def new_vertex_job(job: BatchJob, attempt_id: str, gateway: str) -> NewVertexJob:
    """What a create asks for. Vertex wants a display name; where the caller gave none, it is the batch job's name."""
    return NewVertexJob(
        display_name=job.spec.display_name or f"batchjobs {job.name}",
        model=job.effective_model,
        source=job.spec.source,
        destination=job.spec.destination,
        labels=labels_of(job, attempt_id, gateway),
        model_parameters=job.spec.model_parameters,
    )
