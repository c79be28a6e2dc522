"""The one write path for a batch job that exists."""

from collections.abc import Callable
from datetime import datetime
from typing import Final

from gateway.domain.batch_job import BatchJob
from gateway.store import locks, writes
from gateway.store.connections import Connections, Transaction
from gateway.store.model import Change, Changed, Observer
from gateway.store.queries import load
from gateway.store.rows import COLUMNS_OF_B, decode

SQL: Final = load("changes", columns=COLUMNS_OF_B)


class Changes:
    """Changes batch jobs one at a time: [fence], team lock, row lock, the pure change, one commit, then the observer.

    On the API's connections every error of the store is a GatewayError; on the controller's it is one of
    StoreUnavailableError, StoreBusyError, LeaseLostError and CommitUnknownError.
    """

    def __init__(self, connections: Connections, observer: Observer) -> None:
        self._connections, self._observer = connections, observer

    async def change(
        self,
        team: str,
        job_id: int,
        change: Change,
        *,
        term: str | None = None,
        told: Callable[[bool | None], None] | None = None,
    ) -> Changed | None:
        """Apply `change` to the row as it is under the locks; None where there is no such row or its guard said None.

        With a `term` the fence is read first. `told` hears with the end of the transaction whether the row was changed,
        even when the caller has been cancelled meanwhile; None where nobody knows. Where it was rolled back it hears
        nothing.
        """
        async with self._connections.surfaced(), self._connections.transaction("change") as transaction:
            if term is not None:
                await locks.fence(transaction, term)
            changed = await self._apply(transaction, team, job_id, change)
            if told is not None:
                transaction.on_commit(lambda: told(changed is not None))
                transaction.on_unknown(lambda: told(None if changed is not None else False))
            return changed

    async def record(self, team: str, job_id: int, attempt_id: str, change: Change) -> Changed | None:
        """Step 3 of submit: without the fence, only while the latest attempt is this one and no Vertex name is known.

        Not guarded by the state: a cancel that came between must not lose the name. A name is a fact under any term.
        """

        def guarded(job: BatchJob, now: datetime) -> BatchJob | None:
            attempt = job.attempt
            if attempt is None or attempt.id != attempt_id or job.vertex_name:
                return None
            return change(job, now)

        return await self.change(team, job_id, guarded)

    async def read(self, team: str, job_id: int) -> BatchJob | None:
        """The row as committed now, deleted or not."""
        async with self._connections.surfaced(), self._connections.session("read") as session:
            row = await session.row(SQL["read"], job_id, team)
        return None if row is None else decode(row)

    async def _apply(self, transaction: Transaction, team: str, job_id: int, change: Change) -> Changed | None:
        if not await locks.lock_team(transaction, team):
            return None
        locked = await writes.read_locked(transaction, team, job_id)
        after = None if locked is None else change(locked.job, locked.now)
        if locked is None or after is None:
            return None
        changed = await writes.write(transaction, locked, after)
        transaction.on_commit(lambda: self._observer(changed.before, changed.after))
        return changed
