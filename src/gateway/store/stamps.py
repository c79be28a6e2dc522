"""What the store itself writes into a changed batch job: the revision, the time, and what became of its slot."""

from dataclasses import replace
from datetime import datetime

from gateway.domain import shares
from gateway.domain.batch_job import BatchJob
from gateway.domain.shares import Share
from gateway.store.rows import Slot


def stamp(before: BatchJob, after: BatchJob, revision: int, now: datetime) -> BatchJob:
    """`after` as it is committed. Entries of the history that this change added carry its revision.

    The domain numbers new entries from the batch job's own last revision, as it does not know the team's.
    """
    transitions = tuple(
        replace(entry, revision=revision) if entry.revision > before.revision else entry for entry in after.transitions
    )
    return after.evolve(revision=revision, update_time=now, transitions=transitions)


def slot_after(before: BatchJob, after: BatchJob, slot: Slot, now: datetime) -> Slot:
    """The slot once the change is made. What became active without a dispatch was adopted, and charged nothing."""
    if not after.active:
        return Slot()
    return slot if before.active else Slot(now)


def settled(share: Share, weight: float, slot: Slot, after: BatchJob, now: datetime) -> Share:
    """The team's account once the slot came free. A batch job that Vertex never had says nothing of run times."""
    used = 0.0 if slot.time is None else (now - slot.time).total_seconds()
    ran = after.ended and bool(after.vertex_name)
    return shares.settle(share, charge=slot.charge, used=used, weight=weight, ran=ran)
