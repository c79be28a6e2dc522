"""What this leader has scanned of each pool: by it absence is concluded and later attempts are allowed."""

from collections import Counter, defaultdict, deque
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from gateway.domain.batch_job import BatchJob, PoolId

_KEPT: Final = 64


@dataclass(frozen=True, slots=True)
class Scan:
    """One complete listing of a pool: everything created since `since`, as Vertex showed it from `begun` on.

    Both are the store's time. `matched` are the batch jobs that a Vertex job was found for, `number` is from `begin`.
    """

    begun: datetime
    since: datetime
    matched: frozenset[int]
    number: int = 0


class Scans:
    """The scans of one term. A new leader starts with none: what another one saw does not count."""

    def __init__(self, settle_after: timedelta, slack: timedelta) -> None:
        self._settle_after = settle_after
        self._slack = slack
        self._scans: defaultdict[PoolId, deque[Scan]] = defaultdict(lambda: deque(maxlen=_KEPT))
        self._ready: set[PoolId] = set()
        self._last = 0
        self._waiting: defaultdict[PoolId, dict[int, tuple[int, datetime]]] = defaultdict(dict)
        self._sorting: Counter[int] = Counter()

    def begin(self) -> int:
        """The number of a scan that begins now."""
        self._last += 1
        return self._last

    def note(self, pool: PoolId, scan: Scan, *, whole: bool) -> None:
        """Keep a complete scan whose finds were dealt with. `whole`: it reached back to every row's create."""
        self._scans[pool].append(scan)
        if whole:
            self._ready.add(pool)
        waiting = self._waiting[pool]
        for batch_job, (number, reach) in list(waiting.items()):
            if scan.number > number and scan.since <= reach:
                del waiting[batch_job]

    def ready(self, pool: PoolId) -> bool:
        """Whether this leader has scanned the pool: its first submit there comes after that."""
        return pool in self._ready

    def put_back(self, job: BatchJob) -> None:
        """Note an attempt that ended, or may have, without a Vertex job: the next one comes after a scan begun later.

        "May have": a commit that was not answered may have put it back all the same. One note too many costs a scan.
        """
        self._wait(job.pool, job.id, self.reach(job))

    @contextmanager
    def sorting(self, pool: PoolId, shown: Mapping[int, datetime]) -> Iterator[None]:
        """While it is worked out whose the Vertex jobs are that a list has shown: no attempt is taken for any of them.

        Where that fails, none is before a later scan has shown them again.

        Args:
            pool: of the list.
            shown: the batch jobs they were made for, each with when Vertex made the oldest of them.

        """
        self._sorting.update(shown.keys())
        try:
            yield
        except BaseException:
            for batch_job, made in shown.items():
                self._wait(pool, batch_job, made - self._slack)
            raise
        finally:
            self._sorting -= Counter(shown.keys())

    def hold(self, job: BatchJob) -> None:
        """Note that a Vertex job was found for it and could not be adopted: no attempt before a later scan."""
        self._wait(job.pool, job.id, self.reach(job))

    def wanted(self, pool: PoolId) -> bool:
        """Whether any attempt waits for a scan."""
        return bool(self._waiting[pool])

    def blocks(self, pool: PoolId, batch_job: int) -> bool:
        """Whether its next attempt waits for a scan, or for what a list has shown of it."""
        return batch_job in self._waiting[pool] or batch_job in self._sorting

    def reaches(self, pool: PoolId) -> list[datetime]:
        """How far back the next scan must reach for those that wait."""
        return [reach for _, reach in self._waiting[pool].values()]

    def forget(self, job: BatchJob) -> None:
        """It does not wait for a scan any more: it was adopted or has ended."""
        self._waiting[job.pool].pop(job.id, None)

    def reach(self, job: BatchJob) -> datetime:
        """From when on Vertex jobs of this batch job can be: its first attempt, or its create where none is known."""
        first = min((each.time for each in job.attempts), default=job.create_time)
        return first - self._slack

    def prove_absent(self, job: BatchJob) -> bool:
        """Whether two scans since its latest attempt, the last begun after T, showed nothing of it."""
        if job.submit_time is None:
            return False
        began, reach = job.submit_time, self.reach(job)
        proofs = [each for each in self._scans[job.pool] if each.begun > began and each.since <= reach]
        shown = any(job.id in each.matched for each in proofs)
        return len(proofs) >= 2 and not shown and proofs[-1].begun >= began + self._settle_after  # noqa: PLR2004 - two scans

    def _wait(self, pool: PoolId, batch_job: int, reach: datetime) -> None:
        _, known = self._waiting[pool].get(batch_job, (0, reach))
        self._waiting[pool][batch_job] = (self._last, min(known, reach))
