"""Creates: idempotent by request_id, judged under the team's lock, many in one commit."""

from gateway.domain.batch_job import BatchJob
from gateway.store.database import Database
from gateway.store.model import Admission, Decide, NewBatchJob, Observer


class Creates:
    """Admits batch jobs. One create transaction at a time per team; those that wait meanwhile share the next one."""

    def __init__(self, database: Database, observer: Observer, *, max_waiting: int = 1000) -> None:
        raise AssertionError

    async def admit(self, new: NewBatchJob, decide: Decide) -> Admission:
        """Record it as QUEUED, or answer the one that its request_id already made.

        Raises GatewayError: what `decide` raises, REQUEST_ID_REUSED, NOT_FOUND (a replay after delete), OVERLOADED,
        STORE_UNAVAILABLE (with `retry_pushback=False` where a commit's outcome is unknown and no request_id was sent).
        """
        raise AssertionError

    async def validate(self, new: NewBatchJob, decide: Decide) -> BatchJob:
        """What `admit` would decide now, without a lock; nothing is taken or reserved. The answer has id and revision 0."""
        raise AssertionError

    async def close(self) -> None:
        """Wait for the transactions under way."""
        raise AssertionError
