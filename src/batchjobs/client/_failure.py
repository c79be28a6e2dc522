"""What a failed call says, decoded: the code, the reason and every detail, and the same in sentences for a person."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Final, Protocol, cast

import grpc
from google.protobuf.any_pb2 import Any as AnyMessage
from google.protobuf.message import DecodeError, Message
from google.rpc import error_details_pb2, status_pb2

from batchjobs.client._hints import hint

DETAILS_TRAILER: Final = "grpc-status-details-bin"
PUSHBACK_TRAILER: Final = "grpc-retry-pushback-ms"

TENTHS_BELOW: Final = 10
"""Seconds below which a wait is shown with tenths."""

UNCLEAR: Final = frozenset(
    {
        grpc.StatusCode.UNAVAILABLE,
        grpc.StatusCode.DEADLINE_EXCEEDED,
        grpc.StatusCode.CANCELLED,
        grpc.StatusCode.UNKNOWN,
        grpc.StatusCode.INTERNAL,
        grpc.StatusCode.ABORTED,
        grpc.StatusCode.DATA_LOSS,
    }
)
"""Codes after which the gateway may or may not have done what it was asked."""

DONE_NOTHING: Final = frozenset({"LOCATION_UNAVAILABLE", "IDENTITY_UNAVAILABLE", "OVERLOADED", "DRAINING"})
"""Reasons that say that nothing was recorded, whatever the code."""


@dataclass(frozen=True, slots=True)
class Violation:
    """One thing that is wrong: a field, a URI or a quota's owner; a sentence; a reason where there is one."""

    subject: str
    description: str
    reason: str = ""

    def __str__(self) -> str:
        reason = f" ({self.reason})" if self.reason else ""
        subject = "" if self.description.startswith(self.subject) else self.subject
        return ": ".join(part for part in (subject, self.description) if part) + reason


@dataclass(frozen=True, slots=True)
class QuotaUse:
    """One quota that is used up: whose, which, its limit and what is in use, both in the quota's own unit."""

    subject: str
    quota: str
    limit: int
    used: int
    description: str

    def __str__(self) -> str:
        return str(Violation(self.subject, self.description))


@dataclass(frozen=True, slots=True)
class Failure:
    """How one call failed.

    `retry_after` is how long the gateway asks to wait; `pushback` is what it tells gRPC's own retry: negative means not
    to repeat the call as it is. Both are None where it says nothing.
    """

    code: grpc.StatusCode
    message: str
    reason: str = ""
    domain: str = ""
    metadata: Mapping[str, str] = field(default_factory=dict)
    fields: tuple[Violation, ...] = ()
    preconditions: tuple[Violation, ...] = ()
    quotas: tuple[QuotaUse, ...] = ()
    resource: Violation | None = None
    retry_after: timedelta | None = None
    pushback: timedelta | None = None
    notes: tuple[str, ...] = ()
    """What this client adds from what it knows of itself."""

    @property
    def outcome_unknown(self) -> bool:
        """Whether the gateway may have done what it was asked all the same."""
        return self.code in UNCLEAR and self.reason not in DONE_NOTHING

    @property
    def wait(self) -> timedelta | None:
        """What the gateway says about coming back: after so long, or never where it is negative; None: nothing."""
        return self.retry_after if self.pushback is None else self.pushback

    def sentences(self) -> list[str]:
        """The message, then a line for each detail and for how long to wait, where the message does not say it."""
        lines = [self.message or f"The call failed with {self.code.name}."]
        violations: tuple[Violation | QuotaUse, ...] = (*self.fields, *self.preconditions, *self.quotas)
        lines += [f"  {violation}" for violation in violations if violation.description not in self.message]
        if self.resource and self.resource.subject not in self.message:
            lines.append(f"  {self.resource}")
        helps = self.retry_after is not None and (self.pushback is None or self.pushback >= timedelta())
        if not self.reason and self.code is grpc.StatusCode.UNAVAILABLE and (advice := hint(self.message)):
            lines.append(f"  {advice}")
        lines += [f"  {note}" for note in self.notes]
        if self.retry_after is not None and helps and "Try again in" not in self.message:
            seconds = max(self.retry_after.total_seconds(), 0.1)
            lines.append(f"  Try again in {seconds:.{0 if seconds >= TENTHS_BELOW else 1}f} s.")
        return lines


class _EndedCall(Protocol):
    """What grpc's synchronous and asyncio errors have in common; its type information leaves it out."""

    def code(self) -> grpc.StatusCode | None: ...
    def details(self) -> str | None: ...
    def trailing_metadata(self) -> Iterable[tuple[str, str | bytes]] | None: ...


def decode(error: grpc.RpcError) -> Failure:
    """Read a failed call, synchronous or asyncio. Details that cannot be read are left out."""
    ended = cast("_EndedCall", error)
    trailers = dict(ended.trailing_metadata() or ())
    details = [message for any_message in _status(trailers).details if (message := _unpack(any_message)) is not None]
    info = _first(details, error_details_pb2.ErrorInfo)
    resource = _first(details, error_details_pb2.ResourceInfo)
    return Failure(
        code=ended.code() or grpc.StatusCode.UNKNOWN,
        message=ended.details() or "",
        reason=info.reason,
        domain=info.domain,
        metadata=dict(info.metadata),
        fields=_violations(details, error_details_pb2.BadRequest, "field_violations", "field"),
        preconditions=_violations(details, error_details_pb2.PreconditionFailure, "violations", "subject"),
        quotas=_quotas(details),
        resource=Violation(resource.resource_name, resource.description) if resource.resource_name else None,
        retry_after=_retry_after(_first(details, error_details_pb2.RetryInfo)),
        pushback=_pushback(trailers),
        notes=tuple(getattr(error, "__notes__", ())),
    )


_KNOWN: Final = {
    kind.DESCRIPTOR.full_name: kind
    for kind in (
        error_details_pb2.ErrorInfo,
        error_details_pb2.RetryInfo,
        error_details_pb2.ResourceInfo,
        error_details_pb2.BadRequest,
        error_details_pb2.PreconditionFailure,
        error_details_pb2.QuotaFailure,
    )
}


def _status(trailers: Mapping[str, str | bytes]) -> status_pb2.Status:
    value = trailers.get(DETAILS_TRAILER, b"")
    try:
        return status_pb2.Status.FromString(value)
    except (DecodeError, TypeError):
        return status_pb2.Status()


def _unpack(any_message: AnyMessage) -> Message | None:
    kind = _KNOWN.get(any_message.TypeName())
    try:
        return cast("Message", kind.FromString(any_message.value)) if kind else None
    except DecodeError:
        return None


def _first(details: Iterable[Message], kind: type[Message]) -> Any:
    """The first detail of a kind, or an empty one. Google's detail messages come without types."""
    return next((detail for detail in details if isinstance(detail, kind)), kind())


def _violations(details: Iterable[Message], kind: type[Message], rows: str, subject: str) -> tuple[Violation, ...]:
    return tuple(
        Violation(getattr(row, subject), row.description, getattr(row, "reason", "") or getattr(row, "type", ""))
        for detail in details
        if isinstance(detail, kind)
        for row in getattr(detail, rows)
    )


def _quotas(details: Iterable[Message]) -> tuple[QuotaUse, ...]:
    return tuple(
        QuotaUse(row.subject, row.quota_id, row.quota_value, _number(row.quota_dimensions.get("used")), row.description)
        for detail in details
        if isinstance(detail, error_details_pb2.QuotaFailure)
        for row in detail.violations
    )


def _number(text: str | None) -> int:
    """A whole number of at most 64 bits; what is none counts as zero."""
    return int(text) if text and text.isascii() and text.isdigit() and len(text) < len(str(1 << 63)) else 0


def _retry_after(info: Any) -> timedelta | None:
    if not info.HasField("retry_delay"):
        return None
    try:
        return cast("timedelta", info.retry_delay.ToTimedelta())
    except (ValueError, OverflowError):
        return None


def _pushback(trailers: Mapping[str, str | bytes]) -> timedelta | None:
    """By gRPC's rule: what is not a whole number means not to repeat, as a negative one does."""
    value = trailers.get(PUSHBACK_TRAILER)
    if value is None:
        return None
    try:
        return timedelta(milliseconds=int(value))
    except (ValueError, OverflowError):
        return timedelta(milliseconds=-1)
