"""Answers in the form in which they go over the wire, kept from call to call."""

from collections.abc import Callable
from typing import Final

from gateway.domain.batch_job import BatchJob

KEPT: Final = 4096


class Kept:
    """Saves writing the same message twice, never asking whether it is still true: it belongs to one value, and whoever
    has read a newer one has another value.
    """

    def __init__(self, write: Callable[[BatchJob], bytes], most: int = KEPT) -> None:
        self._write = write
        self._most = most
        self._kept: dict[int, tuple[BatchJob, bytes]] = {}

    def of(self, job: BatchJob) -> bytes:
        """The bytes of the batch job's message."""
        kept = self._kept.get(job.id)
        if kept is None or kept[0] is not job:
            kept = (job, self._write(job))
            self._kept[job.id] = kept
            if len(self._kept) > self._most:
                del self._kept[next(iter(self._kept))]
        return kept[1]
