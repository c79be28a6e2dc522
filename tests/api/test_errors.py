"""The one table from reasons to codes, and how a refusal travels."""

from datetime import timedelta

import grpc
import pytest
from google.protobuf.message import Message
from google.rpc import error_details_pb2, status_pb2

from batchjobs.v1 import errors_pb2
from gateway.api.errors import CODES
from gateway.api.status import (
    MAX_DETAILS_BYTES,
    PUSHBACK_TRAILER,
    STATUS_TRAILER,
    message_of,
    status_of,
    trailers_of,
)
from gateway.errors import (
    FieldViolation,
    GatewayError,
    PreconditionViolation,
    QuotaViolation,
    Reason,
    ResourceDetail,
)

BY_CODE = {
    "INVALID_ARGUMENT": {"INVALID_SPEC", "INVALID_PAGE_TOKEN"},
    "PERMISSION_DENIED": {"POLICY_VIOLATION", "TEAM_FORBIDDEN", "ROLE_FORBIDDEN"},
    "FAILED_PRECONDITION": {
        "REGION_MISMATCH",
        "SOURCE_NOT_FOUND",
        "SOURCE_NOT_READABLE",
        "SOURCE_NOT_A_TABLE",
        "SOURCE_TOO_LARGE",
        "DESTINATION_NOT_FOUND",
        "NOT_ENDED",
    },
    "UNAUTHENTICATED": {"NOT_AUTHENTICATED"},
    "RESOURCE_EXHAUSTED": {"QUOTA_EXCEEDED", "OVERLOADED"},
    "ALREADY_EXISTS": {"REQUEST_ID_REUSED"},
    "OUT_OF_RANGE": {"RESUME_TOKEN_EXPIRED"},
    "NOT_FOUND": {"NOT_FOUND"},
    "UNIMPLEMENTED": {"NOT_SERVED"},
    "UNAVAILABLE": {"STORE_UNAVAILABLE", "LOCATION_UNAVAILABLE", "IDENTITY_UNAVAILABLE", "DRAINING"},
}


def details(error: GatewayError) -> dict[str, Message]:
    found: dict[str, Message] = {}
    for packed in status_of(error).details:
        kind = getattr(error_details_pb2, packed.type_url.rpartition(".")[2])
        message = kind()
        assert packed.Unpack(message)
        found[kind.__name__] = message
    return found


def test_every_reason_has_its_code():
    table: dict[str, set[str]] = {}
    for reason, code in CODES.items():
        table.setdefault(code.name, set()).add(reason.value)
    assert table == BY_CODE
    assert set(CODES) == set(Reason)


def test_no_reason_is_unknown_or_internal():
    assert not {grpc.StatusCode.UNKNOWN, grpc.StatusCode.INTERNAL} & set(CODES.values())


def test_every_reason_stands_in_the_contract():
    assert {reason.value for reason in Reason} <= set(errors_pb2.ErrorReason.keys())


@pytest.mark.parametrize("reason", Reason)
def test_error_info_names_the_reason_and_the_domain(reason):
    info = details(GatewayError(reason, "What to do.", metadata={"team": "ranking"}))["ErrorInfo"]
    assert (info.reason, info.domain) == (reason.value, "batchjobs.gateway")
    assert dict(info.metadata) == {"team": "ranking"}


def test_each_kind_of_detail_has_its_message():
    error = GatewayError(
        Reason.QUOTA_EXCEEDED,
        "Too many.",
        details=(
            FieldViolation("batch_job.model", "MODEL_NAME", "is no name"),
            PreconditionViolation("REGION_MISMATCH", "gs://b", "lies elsewhere"),
            QuotaViolation("teams/ranking", "queued_jobs", 50, 50, "is full"),
            ResourceDetail("batchjobs.gateway/BatchJob", "teams/ranking/batchJobs/1", "is gone"),
        ),
        retry_after=timedelta(seconds=1.5),
    )
    found = details(error)
    [field] = found["BadRequest"].field_violations
    assert (field.field, field.reason, field.description) == ("batch_job.model", "MODEL_NAME", "is no name")
    [precondition] = found["PreconditionFailure"].violations
    assert (precondition.type, precondition.subject) == ("REGION_MISMATCH", "gs://b")
    [quota] = found["QuotaFailure"].violations
    assert (quota.subject, quota.quota_id, quota.quota_value) == ("teams/ranking", "queued_jobs", 50)
    assert quota.quota_dimensions["used"] == "50"
    assert found["ResourceInfo"].resource_name == "teams/ranking/batchJobs/1"
    assert found["RetryInfo"].retry_delay.ToTimedelta() == timedelta(seconds=1.5)


@pytest.mark.parametrize("reason", [r for r, c in CODES.items() if c.name in {"RESOURCE_EXHAUSTED", "UNAVAILABLE"}])
def test_where_grpc_itself_may_retry_it_is_told_when(reason):
    trailers = dict(trailers_of(GatewayError(reason, "Wait.", retry_after=timedelta(seconds=2))))
    assert trailers[PUSHBACK_TRAILER] == "2000"


def test_a_call_that_must_not_be_repeated_says_so_to_grpc():
    error = GatewayError(Reason.STORE_UNAVAILABLE, "Unknown.", retry_pushback=False)
    assert dict(trailers_of(error))[PUSHBACK_TRAILER] == "-1"


def test_unavailable_always_says_for_how_long():
    assert details(GatewayError(Reason.STORE_UNAVAILABLE, "Wait."))["RetryInfo"].retry_delay.ToTimedelta()


def test_where_waiting_does_not_help_nothing_says_it_would():
    error = GatewayError(Reason.NOT_FOUND, "It is not there.")
    assert "RetryInfo" not in details(error)
    assert [key for key, _ in trailers_of(error)] == [STATUS_TRAILER]


def test_a_quota_that_no_waiting_helps_carries_no_wait_and_stops_grpcs_own_retry():
    error = GatewayError(Reason.QUOTA_EXCEEDED, "Ask for a higher limit.")
    assert "RetryInfo" not in details(error)
    assert dict(trailers_of(error))[PUSHBACK_TRAILER] == "-1"


def violations(count: int, length: int) -> tuple[FieldViolation, ...]:
    return tuple(FieldViolation(f"labels[{number}]", "LABEL_KEY", "x" * length) for number in range(count))


def test_long_sentences_are_shortened_before_any_violation_is_left_out():
    found = details(GatewayError(Reason.INVALID_SPEC, "Wrong.", details=violations(30, 400)))["BadRequest"]
    assert len(found.field_violations) == 30


@pytest.mark.parametrize(("count", "length"), [(60, 1000), (200, 300), (1, 100_000), (5000, 1)])
def test_a_refusal_always_fits_into_what_clients_accept(count, length):
    error = GatewayError(Reason.INVALID_SPEC, "é🦆" * 5000, details=violations(count, length))
    status = dict(trailers_of(error))[STATUS_TRAILER]
    assert len(status) <= MAX_DETAILS_BYTES
    parsed = status_pb2.Status.FromString(status)
    assert parsed.message == message_of(error)
    if count > 100:
        last = details(error)["BadRequest"].field_violations[-1]
        assert last.reason == "MORE_VIOLATIONS"
