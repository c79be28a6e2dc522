"""One create transaction: a group of one team's creates, each with its own verdict, all in one commit."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from gateway.domain.batch_job import BatchJob, Transition
from gateway.domain.states import State
from gateway.errors import GatewayError
from gateway.store import locks
from gateway.store.connections import Transaction
from gateway.store.contenders import columns
from gateway.store.model import Admission, Decide, NewBatchJob, Usage
from gateway.store.queries import load
from gateway.store.replays import Known, answer, read_known
from gateway.store.rows import COLUMNS_OF_B, NAMES, Slot, encode_changing, encode_fixed
from gateway.store.usage import Standing, standing_of


def _places(after: int = 0) -> str:
    """As many parameters as a row has columns, numbered from behind `after` others."""
    return ", ".join(f"${after + number}" for number in range(1, NAMES.count(",") + 2))


SQL: Final = load("creates", columns=COLUMNS_OF_B, names=NAMES, values=_places(), values_after_11=_places(after=11))


@dataclass(frozen=True, slots=True)
class Candidate:
    """A create that waits for its verdict."""

    new: NewBatchJob
    decide: Decide


Verdict = Admission | GatewayError


async def admit_group(transaction: Transaction, team: str, group: Sequence[Candidate]) -> list[Verdict]:
    """The verdicts in the group's order; what is admitted is written when the transaction commits."""
    await locks.lock_or_make_team(transaction, team)
    row = await transaction.row(SQL["admission"], team, [each.new.request_id for each in group], len(group))
    if row is None:
        raise AssertionError("the lock makes the row")
    judge = _Judge(standing_of(row), dict(await read_known(transaction, team, row["used_ids"])))
    verdicts = [
        judge.verdict(candidate, job_id) for candidate, job_id in zip(group, sorted(row["new_ids"]), strict=True)
    ]
    if judge.made:
        await _write(transaction, team, judge)
    return verdicts


class _Judge:
    """Judges one candidate after another; each admitted one counts for those behind it."""

    def __init__(self, standing: Standing, known: dict[str, Known]) -> None:
        self.revision, self.usage, self.now = standing.revision, standing.usage, standing.now
        self.made: list[tuple[NewBatchJob, BatchJob]] = []
        self._known = known

    def verdict(self, candidate: Candidate, job_id: int) -> Verdict:
        new = candidate.new
        try:
            if known := self._known.get(new.request_id):
                contents = {new.content_hash, *new.equal_hashes}
                return Admission(answer(known, new.team, new.request_id, contents), replayed=True)
            self.usage = candidate.decide(self.usage, self.now)
        except GatewayError as refusal:
            return refusal
        self.revision += 1
        job = queued(new, job_id, self.revision, self.now)
        self.made.append((new, job))
        if new.request_id:
            self._known[new.request_id] = Known(new.content_hash, job)
        return Admission(job)


def queued(new: NewBatchJob, job_id: int, revision: int, now: datetime) -> BatchJob:
    """The batch job that a create makes."""
    return BatchJob(
        id=job_id,
        team=new.team,
        spec=new.spec,
        state=State.QUEUED,
        pool=new.pool,
        effective_model=new.effective_model,
        creator=new.creator,
        create_time=now,
        update_time=now,
        queue_deadline=None if new.max_queue_duration is None else now + new.max_queue_duration,
        revision=revision,
        source_bytes=new.source_bytes,
        transitions=(Transition(State.QUEUED, now, "CREATED", new.creator, revision),),
    )


async def _write(transaction: Transaction, team: str, judge: _Judge) -> None:
    made = judge.made
    *others, last = [(*encode_fixed(job, new.request_id), *encode_changing(job, Slot())) for new, job in made]
    if others:
        await transaction.run_each(SQL["insert"], others)
    taken = [(new.request_id, new.content_hash, job.id) for new, job in made if new.request_id]
    await transaction.run(
        SQL["insert_last"], team, judge.revision, *_counters(judge.usage), judge.now, *columns(taken, 3), *last
    )


def _counters(usage: Usage) -> tuple[object, ...]:
    return (usage.bucket_used, usage.bucket_time, usage.day, usage.day_jobs, usage.day_input_bytes)
