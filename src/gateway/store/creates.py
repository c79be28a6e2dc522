"""Creates: idempotent by request_id, judged under the team's lock, many in one commit."""

import asyncio
from collections import deque
from collections.abc import Sequence
from datetime import timedelta
from typing import Final

from gateway.domain.batch_job import BatchJob
from gateway.errors import GatewayError, Reason
from gateway.store.admissions import Candidate, Verdict, admit_group, queued
from gateway.store.database import Database
from gateway.store.errors import CommitUnknownError, StoreError, surface
from gateway.store.model import Admission, Decide, NewBatchJob, Observer
from gateway.store.usage import read_standing

GROUP: Final = 64
RETRY_OVERLOADED: Final = timedelta(seconds=1)

_Waiter = tuple[Candidate, "asyncio.Future[Admission]"]


class Creates:
    """Admits batch jobs. One create transaction at a time per team; those that wait meanwhile share the next one.

    One row lock held across one flush would cap a team at a few hundred creates a second on a network disk, and its
    waiters would hold every connection.
    """

    def __init__(self, database: Database, observer: Observer, *, max_waiting: int = 1000) -> None:
        """`max_waiting` creates of one team may wait for their transaction; one more is OVERLOADED."""
        self._connections, self._observer, self._max_waiting = database.api, observer, max_waiting
        self._waiting: dict[str, deque[_Waiter]] = {}
        self._workers: dict[str, asyncio.Task[None]] = {}

    async def admit(self, new: NewBatchJob, decide: Decide) -> Admission:
        """Record it as QUEUED, or answer the one that its request_id already made.

        Raises GatewayError: what `decide` raises, REQUEST_ID_REUSED, NOT_FOUND (a replay after delete), OVERLOADED,
        STORE_UNAVAILABLE (with `retry_pushback=False` where a commit's outcome is unknown and no request_id was sent).
        """
        waiting = self._waiting.setdefault(new.team, deque())
        if len(waiting) >= self._max_waiting:
            raise GatewayError(
                Reason.OVERLOADED,
                f"{self._max_waiting} creates of this team are waiting already. Wait a little and call again.",
                retry_after=RETRY_OVERLOADED,
            )
        answer: asyncio.Future[Admission] = asyncio.get_running_loop().create_future()
        waiting.append((Candidate(new, decide), answer))
        if new.team not in self._workers:
            self._workers[new.team] = asyncio.create_task(self._work(new.team), name=f"creates of {new.team}")
        return await answer

    async def validate(self, new: NewBatchJob, decide: Decide) -> BatchJob:
        """What `admit` would decide now, without a lock; nothing is taken or reserved. The id is 0."""
        async with self._connections.surfaced(), self._connections.session("validate") as session:
            standing = await read_standing(session, new.team)
        decide(standing.usage, standing.now)
        return queued(new, 0, 0, standing.now)

    async def close(self) -> None:
        """Wait for the transactions under way."""
        await asyncio.gather(*self._workers.values())

    async def _work(self, team: str) -> None:
        """Admit the team's waiting creates, group after group, until none is left."""
        waiting = self._waiting[team]
        try:
            while waiting:
                group = [waiting.popleft() for _ in range(min(GROUP, len(waiting)))]
                if group := [waiter for waiter in group if not waiter[1].done()]:
                    await self._answer(team, group)
        finally:
            del self._waiting[team], self._workers[team]
            for _, answer in waiting:
                answer.cancel()

    async def _answer(self, team: str, group: list[_Waiter]) -> None:
        """One transaction for the group; where one candidate breaks it, one for each."""
        try:
            verdicts: Sequence[Verdict | Exception] = await self._admit(team, [candidate for candidate, _ in group])
        except Exception as error:  # noqa: BLE001 - whatever it is belongs to the callers that wait for it
            if len(group) > 1 and not isinstance(error, StoreError):
                for waiter in group:
                    await self._answer(team, [waiter])
                return
            verdicts = [_refusal(candidate.new, error) for candidate, _ in group]
        except BaseException:
            for _, answer in group:
                answer.cancel()
            raise
        for (_, answer), verdict in zip(group, verdicts, strict=True):
            _resolve(answer, verdict)

    async def _admit(self, team: str, group: list[Candidate]) -> list[Verdict]:
        async with self._connections.transaction("create") as transaction:
            verdicts = await admit_group(transaction, team, group)
            made = [verdict.job for verdict in verdicts if isinstance(verdict, Admission) and not verdict.replayed]
            transaction.on_commit(lambda: self._tell(made))
        return verdicts

    def _tell(self, made: list[BatchJob]) -> None:
        for job in made:
            self._observer(None, job)


def _resolve(answer: "asyncio.Future[Admission]", verdict: Verdict | Exception) -> None:
    if answer.done():  # The caller gave up; what was admitted stays admitted.
        return
    if isinstance(verdict, Admission):
        answer.set_result(verdict)
    else:
        answer.set_exception(verdict)


def _refusal(new: NewBatchJob, error: Exception) -> Exception:
    """What one caller of a failed group gets. A create without a request_id whose commit is unknown may be done: the
    transport must not repeat it.
    """
    if not isinstance(error, StoreError):
        return error
    refusal = surface(error)
    refusal.retry_pushback = bool(new.request_id) or not isinstance(error, CommitUnknownError)
    refusal.__cause__ = error
    return refusal
