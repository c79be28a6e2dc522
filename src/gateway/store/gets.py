"""Gets that share queries: those that arrive before a query starts are answered by it together."""

import asyncio
from collections import OrderedDict
from typing import Final

from gateway.domain.batch_job import BatchJob
from gateway.store.connections import Connections
from gateway.store.errors import StoreError
from gateway.store.queries import load
from gateway.store.rows import COLUMNS_OF_B, decode

SQL: Final = load("reads", columns=COLUMNS_OF_B)
HELD: Final = 4096
TOGETHER: Final = 500

_Waiters = list["asyncio.Future[BatchJob | None]"]


class Gets:
    """Validated reads. What is held saves decoding; whether it is still true is asked of the store each time."""

    def __init__(self, connections: Connections, *, held: int = HELD) -> None:
        self._connections, self._most = connections, held
        self._held: OrderedDict[int, BatchJob] = OrderedDict()
        self._incarnation = ""
        self._waiting: dict[int, _Waiters] = {}
        self._worker: asyncio.Task[None] | None = None

    async def get(self, team: str, job_id: int) -> BatchJob | None:
        """The batch job as committed at some moment after this call began; None where the team has none of this id."""
        answer = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(job_id, []).append(answer)
        if self._worker is None:
            self._worker = asyncio.create_task(self._work(), name="gets")
        try:
            job = await answer
        except StoreError as error:
            raise self._connections.surface(error) from error
        return job if job is not None and job.team == team else None

    async def _work(self) -> None:
        try:
            while self._waiting:
                ids = list(self._waiting)[:TOGETHER]
                await self._answer({job_id: self._waiting.pop(job_id) for job_id in ids})
        finally:
            self._worker = None
            for answer in _waiting(self._waiting):
                answer.cancel()

    async def _answer(self, group: dict[int, _Waiters]) -> None:
        try:
            found = await self._read(list(group))
        except Exception as error:  # noqa: BLE001 - whatever it is belongs to the callers that wait for it
            for answer in _waiting(group):
                answer.set_exception(type(error)(*error.args) if isinstance(error, StoreError) else error)
        except BaseException:
            for answer in _waiting(group):
                answer.cancel()
            raise
        else:
            for job_id, answers in group.items():
                for answer in _waiting({job_id: answers}):
                    answer.set_result(found.get(job_id))

    async def _read(self, ids: list[int]) -> dict[int, BatchJob]:
        revisions = [held.revision if (held := self._held.get(job_id)) else 0 for job_id in ids]
        async with self._connections.session("get") as session:
            rows = await session.rows(SQL["wanted"], ids, revisions, self._incarnation)
        found = {}
        for row in rows:
            job = self._held[row["wanted_id"]] if row["id"] is None else decode(row)
            found[job.id] = job
            self._incarnation = row["incarnation"]
        self._hold(ids, found)
        return found

    def _hold(self, ids: list[int], found: dict[int, BatchJob]) -> None:
        for job_id in ids:
            self._held.pop(job_id, None)
        self._held.update(found)
        while len(self._held) > self._most:
            self._held.popitem(last=False)


def _waiting(group: dict[int, _Waiters]) -> _Waiters:
    """Those that have not given up."""
    return [answer for answers in group.values() for answer in answers if not answer.done()]
