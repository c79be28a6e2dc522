"""What follows every commit that changed a batch job: metrics, a log line, and a hint to the watchers."""

from collections.abc import Callable
from contextvars import Context
from typing import Final

import structlog

from gateway.domain.batch_job import BatchJob, Transition
from gateway.domain.states import State
from gateway.telemetry.job_metrics import JobMetrics
from gateway.telemetry.tracing import OFF, Traces

log = structlog.get_logger(__name__)

PHASES: Final = {
    State.QUEUED: "queued",
    State.SUBMITTING: "submitting",
    State.PENDING: "pending",
    State.RUNNING: "running",
}


class JobObserver:
    """Called by the store after each commit, in commit order per team; `before` is None for a create."""

    def __init__(self, metrics: JobMetrics, hint: Callable[[str, int], None], traces: Traces = OFF) -> None:
        self._metrics, self._traces = metrics, traces
        self._hint = hint

    def __call__(self, before: BatchJob | None, after: BatchJob) -> None:
        """Count and log each new entry of the history, then tell the feed."""
        for entry in new_transitions(before, after):
            self._metrics.transition(after.team, entry.state)
            # A commit may stand for many calls: the line must not carry the names of the one that began it.
            Context().run(_log, after, entry)
        if before is not None and before.state is not after.state:
            self._observe_phase(before, after)
        if after.ended and (before is None or not before.ended):
            self._observe_end(after)
        self._hint(after.team, after.revision)

    def _observe_phase(self, before: BatchJob, after: BatchJob) -> None:
        phase = PHASES.get(before.state)
        if phase is None:
            return
        entered = next((t.time for t in reversed(before.transitions) if t.state is before.state), before.create_time)
        self._metrics.phase(phase, str(after.pool), (after.update_time - entered).total_seconds())
        self._traces.record(phase, after.name, entered, after.update_time, pool=str(after.pool))

    def _observe_end(self, job: BatchJob) -> None:
        end = job.end_time or job.update_time
        seconds = (end - job.create_time).total_seconds()
        self._traces.whole(job.name, job.create_time, end, team=job.team, pool=str(job.pool), state=job.state.value)
        self._metrics.finished(job.team, job.spec.model, job.state, seconds)
        if job.rows is not None:
            counts = {"succeeded": job.rows.succeeded, "failed": job.rows.failed, "incomplete": job.rows.incomplete}
            for outcome, count in counts.items():
                if count:
                    self._metrics.rows(job.team, job.spec.model, outcome, count)


def new_transitions(before: BatchJob | None, after: BatchJob) -> tuple[Transition, ...]:
    """The entries that the change added; older ones may have been folded away in the same step."""
    known = frozenset(() if before is None else before.transitions)
    return tuple(entry for entry in after.transitions if entry not in known)


def _log(job: BatchJob, entry: Transition) -> None:
    log.info(
        "transition",
        team=job.team,
        batch_job=job.name,
        vertex_job=job.vertex_name,
        pool=str(job.pool),
        to=entry.state.value,
        reason=entry.reason,
        actor=entry.actor,
        revision=job.revision,
    )
