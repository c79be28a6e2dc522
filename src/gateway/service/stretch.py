"""Stretches of an ordered list of batch jobs, kept so that many readers at different places share what was read."""

from bisect import bisect_right
from collections.abc import Callable, Iterable
from typing import Final

from gateway.domain.batch_job import BatchJob

Key = Callable[[BatchJob], int]


class Stretch:
    """Everything in the list with a key above `floor`, up to `through`."""

    def __init__(self, floor: int, through: int, jobs: Iterable[BatchJob], key: Key) -> None:
        self.floor, self.through = floor, through
        self._jobs = tuple(jobs)
        self._keys = [key(job) for job in self._jobs]

    def covers(self, key: int) -> bool:
        """Whether what comes after this key stands here, or is known not to be."""
        return self.floor <= key < self.through

    def after(self, key: int) -> BatchJob | None:
        """The first one behind this key; None: there is none up to `through`."""
        place = bisect_right(self._keys, key)
        return self._jobs[place] if place < len(self._jobs) else None


class Tail:
    """The latest changes of a team by their revisions, each batch job once, with its latest state alone.

    It holds every change above `floor`; what is more than `most` is forgotten from the oldest on, and `floor` rises.
    """

    MOST: Final = 256

    def __init__(self, revision: int, most: int = MOST) -> None:
        self.floor = self.through = revision
        self._most = most
        self._revisions: list[int] = []
        self._at: dict[int, BatchJob] = {}
        self._latest: dict[int, int] = {}

    def extend(self, jobs: Iterable[BatchJob], through: int) -> None:
        """Add the changes up to the revision `through`, in their order."""
        for job in jobs:
            self._at.pop(self._latest.get(job.id, -1), None)
            self._at[job.revision] = job
            self._latest[job.id] = job.revision
            self._revisions.append(job.revision)
        self.through = through
        while len(self._at) > self._most:
            self.floor = next(iter(self._at))
            del self._latest[self._at.pop(self.floor).id]
        if len(self._revisions) > 2 * self._most:
            self._revisions = list(self._at)

    def after(self, revision: int) -> BatchJob | None:
        """The next change behind a revision that is not below `floor`; None: there is none up to `through`."""
        for place in range(bisect_right(self._revisions, revision), len(self._revisions)):
            job = self._at.get(self._revisions[place])
            if job is not None:
                return job
        return None

    def replaces(self, job: BatchJob) -> bool:
        """Whether a later state of the same batch job is held here."""
        return self._latest.get(job.id, -1) > job.revision
