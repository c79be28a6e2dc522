"""What goes wrong between the gateway and its database, freed of the driver's exceptions.

Loops see these; callers of the API see the `GatewayError` that `surface` makes of them.
"""

from datetime import timedelta
from typing import Final

from gateway.errors import GatewayError, Reason

RETRY_UNAVAILABLE: Final = timedelta(seconds=2)
RETRY_BUSY: Final = timedelta(seconds=1)


class StoreError(Exception):
    """The store could not do what was asked. What it had begun was rolled back, unless a subclass says otherwise."""


class StoreUnavailableError(StoreError):
    """The database cannot be reached, is starting or stopping, or took too long. Nothing was written."""


class StoreBusyError(StoreError):
    """A lock was not had within the lock timeout. Nothing was written; the next pass meets it again."""


class LeaseLostError(StoreError):
    """The fence found no row: this term is over. Nothing was written, and the loops of this term must stop."""


class CommitUnknownError(StoreError):
    """COMMIT was sent and its answer never came: the work may be done or not, and must be treated as neither."""


class UnfitDatabaseError(StoreError):
    """The database, its settings, or what stands in front of it breaks a promise of the store; the start is refused."""


def failure_of(error: Exception) -> str:
    """One word for metrics; "" where the store did its part, as where it says that a lease is lost."""
    return next((word for kind, word in _FAILURES.items() if isinstance(error, kind)), "")


_FAILURES: Final = {StoreUnavailableError: "unavailable", StoreBusyError: "busy", CommitUnknownError: "unknown"}


def surface(error: StoreError) -> GatewayError:
    """The refusal that a caller of the API gets. The original stays its `__cause__`."""
    if isinstance(error, StoreBusyError):
        return GatewayError(
            Reason.OVERLOADED,
            "Too many calls are changing this team's batch jobs at once. Wait a little and call again.",
            retry_after=RETRY_BUSY,
        )
    return GatewayError(
        Reason.STORE_UNAVAILABLE,
        "The gateway cannot reach its database, or it does not know whether the change was kept. Call again.",
        retry_after=RETRY_UNAVAILABLE,
    )
