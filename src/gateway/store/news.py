"""What is new about batch jobs, for whoever holds them as they were."""

from dataclasses import dataclass, field

from gateway.domain.batch_job import BatchJob
from gateway.store.rows import Row, decode_onto


@dataclass(frozen=True, slots=True)
class News:
    """The latest change of one batch job. It is read out of its row for those who ask, and costs nobody else."""

    id: int
    revision: int
    row: Row = field(repr=False)

    def of(self, held: BatchJob) -> BatchJob:
        """The batch job with this change, out of any other state of it."""
        return decode_onto(held, self.row)
