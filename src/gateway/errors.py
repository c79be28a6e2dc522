"""The one error type of the gateway, its reasons and the details it carries.

Everything that refuses a call raises `GatewayError`; the API layer alone knows which gRPC code a reason has.
"""

from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum, unique
from typing import Final

DOMAIN: Final = "batchjobs.gateway"


@unique
class Reason(StrEnum):
    """Why a call was refused. The names are part of the API: callers compare them with `ErrorInfo.reason`."""

    INVALID_SPEC = "INVALID_SPEC"
    INVALID_PAGE_TOKEN = "INVALID_PAGE_TOKEN"  # noqa: S105 - the name of a reason, not a secret
    POLICY_VIOLATION = "POLICY_VIOLATION"
    TEAM_FORBIDDEN = "TEAM_FORBIDDEN"
    ROLE_FORBIDDEN = "ROLE_FORBIDDEN"
    REGION_MISMATCH = "REGION_MISMATCH"
    SOURCE_NOT_FOUND = "SOURCE_NOT_FOUND"
    SOURCE_NOT_READABLE = "SOURCE_NOT_READABLE"
    SOURCE_NOT_A_TABLE = "SOURCE_NOT_A_TABLE"
    SOURCE_TOO_LARGE = "SOURCE_TOO_LARGE"
    DESTINATION_NOT_FOUND = "DESTINATION_NOT_FOUND"
    NOT_ENDED = "NOT_ENDED"
    NOT_AUTHENTICATED = "NOT_AUTHENTICATED"
    QUOTA_EXCEEDED = "QUOTA_EXCEEDED"
    OVERLOADED = "OVERLOADED"
    REQUEST_ID_REUSED = "REQUEST_ID_REUSED"
    RESUME_TOKEN_EXPIRED = "RESUME_TOKEN_EXPIRED"  # noqa: S105 - the name of a reason, not a secret
    NOT_FOUND = "NOT_FOUND"
    NOT_SERVED = "NOT_SERVED"
    STORE_UNAVAILABLE = "STORE_UNAVAILABLE"
    LOCATION_UNAVAILABLE = "LOCATION_UNAVAILABLE"
    IDENTITY_UNAVAILABLE = "IDENTITY_UNAVAILABLE"
    DRAINING = "DRAINING"


@dataclass(frozen=True, slots=True)
class FieldViolation:
    """One field that is wrong: its path in the request, a reason in upper snake case, and a sentence."""

    field: str
    reason: str
    description: str


@dataclass(frozen=True, slots=True)
class PreconditionViolation:
    """One thing outside the request that is not as it must be; `subject` is the URI or resource name."""

    type: str
    subject: str
    description: str


@dataclass(frozen=True, slots=True)
class QuotaViolation:
    """One exceeded quota: whose, which, its limit, and what is in use, both in the quota's own unit."""

    subject: str
    quota: str
    limit: int
    used: int
    description: str


@dataclass(frozen=True, slots=True)
class ResourceDetail:
    """The resource a refusal is about: its type, its name, and a sentence.

    `pool`, as `project/region`, is not sent: other names of the same resource are made of it.
    """

    type: str
    name: str
    description: str = ""
    pool: str = ""


Detail = FieldViolation | PreconditionViolation | QuotaViolation | ResourceDetail


class GatewayError(Exception):
    """A refusal: a reason, a sentence that says what to do, the details, and when waiting helps for how long.

    Args:
        reason: the row of the error table.
        message: one or two sentences for a person.
        details: the violations or the resource that the refusal is about.
        retry_after: how long to wait before the same call may succeed; None where waiting does not help.
        retry_pushback: False tells gRPC's own retry not to repeat the call at all; True sends `retry_after`.
        metadata: extra `ErrorInfo.metadata`, short strings.

    """

    def __init__(
        self,
        reason: Reason,
        message: str,
        *,
        details: tuple[Detail, ...] = (),
        retry_after: timedelta | None = None,
        retry_pushback: bool = True,
        metadata: dict[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.reason = reason
        self.message = message
        self.details = details
        self.retry_after = retry_after
        self.retry_pushback = retry_pushback
        self.metadata = metadata or {}

    def __repr__(self) -> str:
        return f"GatewayError({self.reason}, {self.message!r}, details={self.details!r})"
