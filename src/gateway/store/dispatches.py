"""What dispatch reads, and the one commit in which a batch job takes a slot."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from enum import StrEnum, unique
from typing import Final

from gateway.domain import shares
from gateway.domain.batch_job import Attempt, BatchJob, PoolId, remember_attempt
from gateway.domain.fair_share import Contender
from gateway.domain.level import Shift
from gateway.domain.states import State
from gateway.store import locks, writes
from gateway.store.connections import Connections, Transaction
from gateway.store.contenders import columns, read_contenders, read_probes
from gateway.store.model import Changed, Observer, Snapshot, Take
from gateway.store.queries import load
from gateway.store.rows import Slot

SQL: Final = load("dispatches")
ACTOR: Final = "controller"


@unique
class Untaken(StrEnum):
    """Why an order to dispatch did nothing."""

    NOT_QUEUED = "NOT_QUEUED"
    POOL_FULL = "POOL_FULL"
    TEAM_LIMIT = "TEAM_LIMIT"


class Dispatches:
    """Dispatch's part of the store."""

    def __init__(self, connections: Connections, observer: Observer) -> None:
        self._connections, self._observer = connections, observer

    async def snapshot(self, capacities: Mapping[PoolId, int]) -> Snapshot:
        """Everyone with anything open in any pool, with its first head, and as many as there are free slots."""
        async with self._connections.snapshot("dispatch_snapshot") as session:
            now = await session.value(SQL["now"])
            everyone = await read_contenders(session, lambda pool, active: max(1, capacities.get(pool, 0) - active))
        return Snapshot(now, everyone)

    async def probes(self, pool: PoolId) -> tuple[Contender, ...]:
        """The pool's contenders, each with one head: the queued one refused least often, then by priority and age."""
        async with self._connections.snapshot("dispatch_probes") as session:
            return await read_probes(session, pool)

    async def level(self, term: str, shifts: Iterable[Shift]) -> None:
        """Store what `level` changed, under the fence: add to each service, remember each standing."""
        rows: list[tuple[object, ...]] = [(str(s.pool), s.team, s.by, s.standing.value) for s in shifts]
        async with self._connections.transaction("dispatch_level") as transaction:
            await locks.fence(transaction, term)
            await transaction.run(SQL["shift_shares"], *columns(rows, 4))

    async def take(self, take: Take) -> Changed | Untaken:
        """Fence, pool lock, team lock, count again, QUEUED → SUBMITTING, charge the share: one commit.

        Raises LeaseLostError, StoreBusyError, StoreUnavailableError, CommitUnknownError; after any of them the batch
        job must not be sent.
        """
        async with self._connections.transaction("dispatch_take") as transaction:
            await locks.fence(transaction, take.term)
            await locks.lock_pool(transaction, take.pool)
            if not await locks.lock_team(transaction, take.team):
                return Untaken.NOT_QUEUED
            locked = await writes.read_locked(transaction, take.team, take.id)
            if locked is None or not _waits(locked.job, take.pool):
                return Untaken.NOT_QUEUED
            if refusal := await _refused(transaction, take):
                return refusal
            await _charge(transaction, take)
            after = submitting(locked.job, take, locked.now)
            changed = await writes.write(transaction, locked, after, Slot(locked.now, take.charge))
            transaction.on_commit(lambda: self._observer(changed.before, changed.after))
        return changed


def submitting(job: BatchJob, take: Take, now: datetime) -> BatchJob:
    """The batch job as its attempt begins; the attempt keeps what it went by. `team_limit` 0 stands for no limit."""
    attempt = Attempt(
        id=take.attempt_id,
        number=job.attempt_count + 1,
        time=now,
        term=take.term,
        policy_hash=take.policy_hash,
        capacity=take.capacity,
        team_limit=take.limit or 0,
    )
    return job.move(
        State.SUBMITTING,
        time=now,
        reason="DISPATCHED",
        actor=ACTOR,
        submit_time=now,
        attempt_count=attempt.number,
        attempts=remember_attempt(job.attempts, attempt),
    )


def _waits(job: BatchJob, pool: PoolId) -> bool:
    return job.state is State.QUEUED and job.pool == pool and job.cancel_time is None


async def _refused(transaction: Transaction, take: Take) -> Untaken | None:
    """Both counts are of rows, and of now: the locks are held."""
    if await transaction.value(SQL["count_pool"], str(take.pool)) >= take.capacity:
        return Untaken.POOL_FULL
    if take.limit is not None and await transaction.value(SQL["count_team"], take.team) >= take.limit:
        return Untaken.TEAM_LIMIT
    return None


async def _charge(transaction: Transaction, take: Take) -> None:
    account = await writes.read_account(transaction, take.team, take.pool)
    charged = writes.Account(shares.charged(account.share, take.charge), take.weight)
    await writes.write_account(transaction, take.team, take.pool, charged)
