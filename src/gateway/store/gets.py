"""Gets, validated and not trusted: each is answered by a query that began after it."""

from collections import OrderedDict
from collections.abc import Mapping
from typing import Final

from gateway.domain.batch_job import BatchJob
from gateway.store.connections import Connections
from gateway.store.kept import Kept
from gateway.store.queries import load
from gateway.store.rows import COLUMNS_OF_B, decode
from gateway.store.together import Together

SQL: Final = load("reads", columns=COLUMNS_OF_B)
HELD: Final = 4096


class Gets:
    """What is held saves decoding; whether it is still true is asked of the store each time."""

    def __init__(self, connections: Connections, *, held: int = HELD) -> None:
        self._most = held
        self._held: OrderedDict[int, BatchJob] = OrderedDict()
        self._incarnation = ""
        self._together = Together("gets", connections, self._read)

    async def get(self, team: str, job_id: int) -> BatchJob | None:
        """The batch job as committed at some moment after this call began; None where the team has none of this id."""
        job = await self._together.ask(job_id)
        return job if job is not None and job.team == team else None

    async def _read(self, kept: Kept, ids: list[int]) -> Mapping[int, BatchJob]:
        revisions = [held.revision if (held := self._held.get(job_id)) else 0 for job_id in ids]
        async with kept.session("get") as session:
            rows = await session.rows(SQL["wanted"], ids, revisions, self._incarnation)
        found = {}
        for row in rows:
            job = self._held[row["wanted_id"]] if row["id"] is None else decode(row)
            found[job.id] = job
            self._incarnation = row["incarnation"]
        self._hold(ids, found)
        return found

    def _hold(self, ids: list[int], found: Mapping[int, BatchJob]) -> None:
        for job_id in ids:
            self._held.pop(job_id, None)
        self._held.update(found)
        while len(self._held) > self._most:
            self._held.popitem(last=False)
