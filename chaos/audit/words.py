"""Words that several counters share, written down once more: an audit that read the gateway's would agree with any."""

from collections.abc import Iterator
from typing import Final

Found = Iterator[str]

ACTIVE: Final = frozenset({"SUBMITTING", "PENDING", "RUNNING", "PAUSED"})
ENDS: Final = frozenset({"SUCCEEDED", "PARTIALLY_SUCCEEDED", "FAILED", "CANCELLED", "EXPIRED"})
REFUSALS: Final = frozenset(
    {
        "INVALID_ARGUMENT",
        "FAILED_PRECONDITION",
        "NOT_FOUND",
        "RESOURCE_EXHAUSTED",
        "PERMISSION_DENIED",
        "UNAUTHENTICATED",
    }
)
"""Answers of the server after which nothing was made."""
