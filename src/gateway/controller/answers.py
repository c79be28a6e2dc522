"""What Vertex's answer to a create means: the answer table, as data and one pure function."""

from collections.abc import Mapping
from enum import Enum, unique
from types import MappingProxyType
from typing import Final

from gateway.cloud.vertex_errors import Code, VertexError


@unique
class Meaning(Enum):
    """What follows from an answer that is not OK."""

    FAILED = "this batch job cannot run"
    BUSY = "no room now: back to the queue, the gate closes with back-off"
    DENIED = "nobody may create here now: back to the queue, the gate closes with back-off"
    AMBIGUOUS = "it may have been created: the gate closes until a list succeeds, and a scan settles it"


_REFUSALS: Final[Mapping[Code, Meaning]] = MappingProxyType(
    {
        Code.INVALID_ARGUMENT: Meaning.FAILED,
        Code.FAILED_PRECONDITION: Meaning.FAILED,
        Code.NOT_FOUND: Meaning.FAILED,
        Code.RESOURCE_EXHAUSTED: Meaning.BUSY,
        Code.PERMISSION_DENIED: Meaning.DENIED,
        # Revoked credentials must not fail ten thousand batch jobs.
        Code.UNAUTHENTICATED: Meaning.DENIED,
    }
)

_ABOUT_THE_PROJECT: Final = frozenset(
    {
        "ACCOUNT_STATE_INVALID",
        "API_KEY_SERVICE_BLOCKED",
        "BILLING_DISABLED",
        "CONSUMER_INVALID",
        "CONSUMER_SUSPENDED",
        "LOCATION_POLICY_VIOLATED",
        "RESOURCE_PROJECT_INVALID",
        "SERVICE_DISABLED",
        "SERVICE_NOT_VISIBLE",
        "USER_PROJECT_DENIED",
    }
)
"""`ErrorInfo.reason` of refusals that meet every batch job of the project alike, whatever their code."""

_PASSING: Final = "service agents are being provisioned"
"""In Vertex's words for a project that is used for the first time; it passes within minutes."""


def meaning(error: VertexError) -> Meaning:
    """The row of the table. Only what Vertex itself said can refuse; everything else may have been done."""
    if not error.from_server or error.code not in _REFUSALS:
        return Meaning.AMBIGUOUS
    refusal = _REFUSALS[error.code]
    if refusal is Meaning.FAILED and _is_about_the_project(error):
        return Meaning.DENIED
    return refusal


def _is_about_the_project(error: VertexError) -> bool:
    return error.reason in _ABOUT_THE_PROJECT or _PASSING in error.message.lower()
