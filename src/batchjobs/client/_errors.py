"""What a failed call raises: one class for each way of going on from it.

`CLASSES` is the one table from the contract's reasons to these classes. A reason that this version does not know is
judged by its gRPC code.
"""

from collections.abc import Mapping
from datetime import timedelta
from types import MappingProxyType
from typing import Final

import grpc

from batchjobs.client._failure import Failure, QuotaUse, Violation


class BatchJobsError(Exception):
    """A call that failed for good. `str()` of it is the whole refusal in sentences.

    `outcome_unknown` says whether the gateway may have done what it was asked all the same, at this attempt or an
    earlier one; it means nothing where the call only reads. `request_id` is the one that a create was sent under: send
    the same batch job under it again, and there will be one.
    """

    def __init__(self, failure: Failure, *, outcome_unknown: bool = False, request_id: str = "") -> None:
        super().__init__(failure)
        self.failure = failure
        self.outcome_unknown = outcome_unknown
        self.request_id = request_id

    def __str__(self) -> str:
        first, *details = self.failure.sentences()
        return "\n".join([f"{self.failure.reason or self.failure.code.name}: {first}", *details])

    @property
    def code(self) -> grpc.StatusCode:
        return self.failure.code

    @property
    def reason(self) -> str:
        """The name of an `ErrorReason`; empty where something else than the gateway answered."""
        return self.failure.reason

    @property
    def message(self) -> str:
        return self.failure.message

    @property
    def violations(self) -> tuple[Violation, ...]:
        """Everything that is wrong, each with the field or URI that it is about."""
        return (*self.failure.fields, *self.failure.preconditions)

    @property
    def retry_after(self) -> timedelta | None:
        """How long to wait before the same call may succeed; None where that is not known, or waiting does not help."""
        wait = self.failure.wait
        return wait if wait is None or wait >= timedelta() else None


class Refused(BatchJobsError):  # noqa: N818 - what callers catch is named for what happened
    """The gateway said no, and says it again until something changes."""


class InvalidSpec(Refused):
    """Fields are missing or malformed; `violations` names every one."""


class InvalidPageToken(Refused):
    """The page token is not from this list."""


class Forbidden(Refused):
    """The caller may not do this."""


class PolicyViolation(Forbidden):
    """The team may not use the model, the region or a URI; `violations` names every one."""


class PreconditionFailed(Refused):
    """Something outside the request is not as it must be; `violations` names the URIs."""


class RegionMismatch(PreconditionFailed):
    """Source or destination is where the job's region cannot use it."""


class SourceNotUsable(PreconditionFailed):
    """The source is missing, unreadable, too large, or no plain table; `reason` says which."""


class DestinationNotFound(PreconditionFailed):
    """The destination's bucket or dataset does not exist."""


class NotEnded(PreconditionFailed):
    """Only ended batch jobs can be deleted."""


class NotAuthenticated(Refused):
    """The gateway does not know who calls; the message says what to send."""


class CredentialsUnreadable(NotAuthenticated):
    """What should prove the caller cannot be had: a file is missing, or the token command failed. Nothing was sent."""


class QuotaExceeded(Refused):
    """A quota of the team is used up. `retry_after` says when it may be free again, where waiting helps.

    `quota`, `limit` and `used` are those of the first quota; `quotas` has all.
    """

    @property
    def quotas(self) -> tuple[QuotaUse, ...]:
        return self.failure.quotas

    @property
    def quota(self) -> str:
        return self._first.quota

    @property
    def limit(self) -> int:
        return self._first.limit

    @property
    def used(self) -> int:
        return self._first.used

    @property
    def _first(self) -> QuotaUse:
        return self.quotas[0] if self.quotas else QuotaUse("", "", 0, 0, "")


class RequestIdReused(Refused):
    """The `request_id` was used with other content; `name` is the batch job that it made."""

    @property
    def name(self) -> str:
        return self.failure.resource.subject if self.failure.resource else ""


class NotFound(Refused):
    """There is no such batch job in this team, or it was deleted; `name` is what was asked for."""

    @property
    def name(self) -> str:
        return self.failure.resource.subject if self.failure.resource else ""


class ResumeTokenExpired(Refused):
    """A watch cannot go on from this token. Watches of this client start over by themselves."""


class NotServed(Refused):
    """What answers there does not serve this call."""


class Unavailable(BatchJobsError):  # noqa: N818 - as Refused
    """No clear answer in the time that was given: the gateway is away, overloaded, or cannot look something up."""


CLASSES: Final[Mapping[str, type[BatchJobsError]]] = MappingProxyType(
    {
        "INVALID_SPEC": InvalidSpec,
        "INVALID_PAGE_TOKEN": InvalidPageToken,
        "POLICY_VIOLATION": PolicyViolation,
        "TEAM_FORBIDDEN": Forbidden,
        "ROLE_FORBIDDEN": Forbidden,
        "REGION_MISMATCH": RegionMismatch,
        "SOURCE_NOT_FOUND": SourceNotUsable,
        "SOURCE_NOT_READABLE": SourceNotUsable,
        "SOURCE_NOT_A_TABLE": SourceNotUsable,
        "SOURCE_TOO_LARGE": SourceNotUsable,
        "DESTINATION_NOT_FOUND": DestinationNotFound,
        "NOT_ENDED": NotEnded,
        "NOT_AUTHENTICATED": NotAuthenticated,
        "QUOTA_EXCEEDED": QuotaExceeded,
        "OVERLOADED": Unavailable,
        "REQUEST_ID_REUSED": RequestIdReused,
        "RESUME_TOKEN_EXPIRED": ResumeTokenExpired,
        "NOT_FOUND": NotFound,
        "NOT_SERVED": NotServed,
        "STORE_UNAVAILABLE": Unavailable,
        "LOCATION_UNAVAILABLE": Unavailable,
        "DRAINING": Unavailable,
        "IDENTITY_UNAVAILABLE": Unavailable,
    }
)
"""From the reasons that a refusal may have."""

BY_CODE: Final[Mapping[grpc.StatusCode, type[BatchJobsError]]] = MappingProxyType(
    {
        grpc.StatusCode.INVALID_ARGUMENT: Refused,
        grpc.StatusCode.PERMISSION_DENIED: Forbidden,
        grpc.StatusCode.FAILED_PRECONDITION: PreconditionFailed,
        grpc.StatusCode.UNAUTHENTICATED: NotAuthenticated,
        grpc.StatusCode.RESOURCE_EXHAUSTED: Refused,
        grpc.StatusCode.ALREADY_EXISTS: Refused,
        grpc.StatusCode.OUT_OF_RANGE: Refused,
        grpc.StatusCode.NOT_FOUND: NotFound,
        grpc.StatusCode.UNIMPLEMENTED: NotServed,
    }
)
"""From the codes of refusals without a reason that is known. Every other code leaves the outcome open: Unavailable."""


def error_of(failure: Failure, *, outcome_unknown: bool = False) -> BatchJobsError:
    """The error that says what a failure means."""
    kind = CLASSES.get(failure.reason) or BY_CODE.get(failure.code, Unavailable)
    return kind(failure, outcome_unknown=outcome_unknown)
