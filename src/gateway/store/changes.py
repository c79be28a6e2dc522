"""The one write path for a batch job that exists."""

from gateway.domain.batch_job import BatchJob
from gateway.store.database import Connections
from gateway.store.model import Change, Changed, Observer


class Changes:
    """Changes batch jobs one at a time: [fence], team lock, row lock, the pure change, one commit, then the observer."""

    def __init__(self, connections: Connections, observer: Observer) -> None:
        raise AssertionError

    async def change(self, team: str, id: int, change: Change, *, term: str | None = None) -> Changed | None:  # noqa: A002 - the domain's word
        """Apply `change` to the row as it is under the locks; None where there is no such row or its guard said None.

        With a `term` the fence is read first: LeaseLostError where it is over. Raises StoreUnavailableError,
        StoreBusyError, CommitUnknownError; on API connections GatewayError instead.
        """
        raise AssertionError

    async def record(self, team: str, id: int, attempt_id: str, change: Change) -> Changed | None:  # noqa: A002 - the domain's word
        """Step 3 of submit: without the fence, only while the latest attempt is this one and no Vertex name is known."""
        raise AssertionError

    async def read(self, team: str, id: int) -> BatchJob | None:  # noqa: A002 - the domain's word
        """The row as committed now, deleted or not."""
        raise AssertionError
