"""A refusal as `google.rpc.Status` with its details, and the trailers that carry it.

Clients refuse an answer whose trailers pass 8 KiB and show an error of their own instead, so a refusal is made to fit:
sentences are shortened first, then the last violations are left out and counted.
"""

from datetime import timedelta
from typing import Final
from urllib.parse import quote

import grpc
from google.protobuf import any_pb2
from google.protobuf.message import Message
from google.rpc import error_details_pb2, status_pb2

from gateway.api.errors import CODES, RETRIED_BY_GRPC
from gateway.errors import (
    DOMAIN,
    FieldViolation,
    GatewayError,
    PreconditionViolation,
    QuotaViolation,
    ResourceDetail,
)

STATUS_TRAILER: Final = "grpc-status-details-bin"
PUSHBACK_TRAILER: Final = "grpc-retry-pushback-ms"
DEFAULT_WAIT: Final = timedelta(seconds=1)

MAX_DETAILS_BYTES: Final = 4_600  # a third more in base64 on the wire
MAX_MESSAGE_BYTES: Final = 800
MAX_VIOLATIONS: Final = 100
_SENTENCE_LENGTHS: Final = (400, 160, 80)

Trailers = tuple[tuple[str, str | bytes], ...]


def message_of(error: GatewayError) -> str:
    """The sentence for `grpc-message`, shortened to what it may take there, where other scripts cost three times."""
    return _fit(error.message, MAX_MESSAGE_BYTES)


def trailers_of(error: GatewayError) -> Trailers:
    """The trailers of a refusal: the status with its details, and the pushback that gRPC's own retry obeys."""
    trailers: Trailers = ((STATUS_TRAILER, status_of(error).SerializeToString()),)
    if CODES[error.reason] in RETRIED_BY_GRPC:
        wait = _wait(error) if error.retry_pushback else None
        milliseconds = -1 if wait is None else max(round(wait.total_seconds() * 1000), 1)
        trailers += ((PUSHBACK_TRAILER, str(milliseconds)),)
    return trailers


def status_of(error: GatewayError) -> status_pb2.Status:
    """The refusal as a `google.rpc.Status` of at most `MAX_DETAILS_BYTES`."""
    for length in _SENTENCE_LENGTHS if len(error.details) <= MAX_VIOLATIONS else ():
        status = _status(error, error.details, length)
        if status.ByteSize() <= MAX_DETAILS_BYTES:
            return status
    kept = min(len(error.details), MAX_VIOLATIONS)
    while (status := _first(error, kept)).ByteSize() > MAX_DETAILS_BYTES and kept:
        kept -= 1
    return status


def _first(error: GatewayError, kept: int) -> status_pb2.Status:
    """The refusal with its first `kept` violations, and a word about the others."""
    left_out = len(error.details) - kept
    more = FieldViolation("", "MORE_VIOLATIONS", f"{left_out} more are left out to keep this answer short.")
    return _status(error, (*error.details[:kept], more), _SENTENCE_LENGTHS[-1])


def _status(error: GatewayError, details: tuple[object, ...], length: int) -> status_pb2.Status:
    code: grpc.StatusCode = CODES[error.reason]
    number: int = code.value[0]
    status = status_pb2.Status(code=number, message=message_of(error))
    info = error_details_pb2.ErrorInfo(reason=error.reason.value, domain=DOMAIN, metadata=error.metadata)
    for detail in (info, *_messages(details, length), *_retry_info(error)):
        packed = any_pb2.Any()
        packed.Pack(detail)
        status.details.append(packed)
    return status


def _messages(details: tuple[object, ...], length: int) -> list[Message]:
    bad_request = error_details_pb2.BadRequest()
    preconditions = error_details_pb2.PreconditionFailure()
    quotas = error_details_pb2.QuotaFailure()
    resources: list[Message] = []
    for detail in details:
        match detail:
            case FieldViolation(field, reason, description):
                bad_request.field_violations.add(
                    field=_cut(field, length), reason=reason, description=_cut(description, length)
                )
            case PreconditionViolation(kind, subject, description):
                preconditions.violations.add(
                    type=kind, subject=_cut(subject, length), description=_cut(description, length)
                )
            case QuotaViolation():
                _add_quota(quotas, detail, length)
            case ResourceDetail(kind, name, description):
                resources.append(
                    error_details_pb2.ResourceInfo(
                        resource_type=kind, resource_name=_cut(name, length), description=_cut(description, length)
                    )
                )
    gathered = ((bad_request, bad_request.field_violations), (preconditions, preconditions.violations))
    return [*(m for m, filled in (*gathered, (quotas, quotas.violations)) if filled), *resources]


def _add_quota(quotas: error_details_pb2.QuotaFailure, detail: QuotaViolation, length: int) -> None:
    quotas.violations.add(
        subject=detail.subject,
        description=_cut(detail.description, length),
        quota_id=detail.quota,
        quota_value=detail.limit,
        quota_dimensions={"used": str(detail.used)},
    )


def _wait(error: GatewayError) -> timedelta | None:
    """How long to wait. What is unavailable comes back; of all else the refusal itself says whether waiting helps."""
    if error.retry_after is None and CODES[error.reason] is grpc.StatusCode.UNAVAILABLE:
        return DEFAULT_WAIT
    return error.retry_after


def _retry_info(error: GatewayError) -> list[Message]:
    wait = _wait(error)
    if wait is None:
        return []
    info = error_details_pb2.RetryInfo()
    info.retry_delay.FromTimedelta(wait)
    return [info]


def _cut(text: str, length: int) -> str:
    return text if len(text) <= length else text[: length - 1] + "…"


def _fit(text: str, size: int) -> str:
    """The longest beginning of `text` that takes at most `size` bytes when percent-encoded."""
    text = text[:size]
    while len(quote(text, safe=" !\"#$&'()*+,/:;<=>?@[\\]^`{|}")) > size:
        text = _cut(text, max(len(text) * 3 // 4, 1))
    return text
