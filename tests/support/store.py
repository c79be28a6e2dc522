"""Batch jobs for the tests of the store and of what stands on it."""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from gateway.domain.batch_job import BatchJob, GcsDestination, GcsSource, PoolId, Spec
from gateway.domain.states import State
from gateway.errors import GatewayError, QuotaViolation, Reason
from gateway.store.creates import Creates
from gateway.store.database import Database
from gateway.store.dispatches import Dispatches
from gateway.store.model import Changed, Decide, NewBatchJob, Take, Usage

POOL = PoolId("corp-ml", "us-central1")
OTHER_POOL = PoolId("corp-ml", "europe-west4")
SPEC = Spec(
    model="flash",
    source=GcsSource("gs://ranking-in/rows.jsonl"),
    destination=GcsDestination("gs://ranking-out/results"),
)


def new_batch_job(team: str = "ranking", **changes: Any) -> NewBatchJob:
    """A create that has passed every check."""
    made = NewBatchJob(team, SPEC, POOL, "publishers/google/models/gemini-2.5-flash", "dev:ranking")
    return replace(made, **changes)


def allow(usage: Usage, _now: datetime) -> Usage:
    """A decision without quotas."""
    return replace(usage, queued_jobs=usage.queued_jobs + 1)


def at_most_queued(limit: int) -> Decide:
    """A decision by one quota, `queued_jobs`."""

    def decide(usage: Usage, now: datetime) -> Usage:
        if usage.queued_jobs >= limit:
            violation = QuotaViolation("teams/ranking", "queued_jobs", limit, usage.queued_jobs, "wait")
            raise GatewayError(
                Reason.QUOTA_EXCEEDED, "The queue is full.", details=(violation,), retry_after=timedelta(seconds=5)
            )
        return allow(usage, now)

    return decide


def unobserved(_before: BatchJob | None, _after: BatchJob) -> None:
    """An observer that looks away."""


async def create(database: Database, team: str = "ranking", **changes: Any) -> BatchJob:
    """One queued batch job."""
    creates = Creates(database, unobserved)
    return (await creates.admit(new_batch_job(team, **changes), allow)).job


def take_order(job: BatchJob, term: str, **changes: Any) -> Take:
    """An order to dispatch, with room for everything."""
    order = Take(
        term=term,
        pool=job.pool,
        team=job.team,
        id=job.id,
        attempt_id=f"attempt-{job.id}-{job.attempt_count + 1}",
        policy_hash="0123456789abcdef",
        capacity=100,
        limit=None,
        charge=3600.0,
        weight=1.0,
    )
    return replace(order, **changes)


async def dispatch(database: Database, job: BatchJob, term: str, **changes: Any) -> BatchJob:
    """Take a slot for a queued batch job."""
    taken = await Dispatches(database.controller, unobserved).take(take_order(job, term, **changes))
    assert isinstance(taken, Changed), taken
    return taken.after


def moved(to: State, reason: str = "TEST", **changes: Any) -> Any:
    """A change to another state."""

    def change(job: BatchJob, now: datetime) -> BatchJob:
        return job.move(to, time=now, reason=reason, actor="test", **changes)

    return change
