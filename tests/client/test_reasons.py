"""Every reason of the contract has its class, and what is not known is judged by its code."""

import pickle
from datetime import timedelta

import grpc
import pytest

from batchjobs.client import BatchJobsError, Forbidden, NotFound, Refused, RequestIdReused, Unavailable
from batchjobs.client._errors import BY_CODE, CLASSES, error_of
from batchjobs.client._failure import DONE_NOTHING, UNCLEAR, Failure, Violation
from batchjobs.v1 import errors_pb2
from gateway.api.errors import CODES, RETRIED_BY_GRPC

Code = grpc.StatusCode
FIRST_OF_FIELDS, FIRST_OF_JOBS = 100, 200


def test_every_reason_of_a_refusal_has_a_class() -> None:
    refusals = {name for name, number in errors_pb2.ErrorReason.items() if 0 < number < FIRST_OF_FIELDS}
    assert set(CLASSES) == refusals


def test_the_other_reasons_are_never_raised() -> None:
    """They stand in a field violation or on a batch job: found there, they are text for the caller to compare."""
    others = {name for name, number in errors_pb2.ErrorReason.items() if number >= FIRST_OF_FIELDS or not number}
    assert others == {
        "ERROR_REASON_UNSPECIFIED",
        *("MODEL_NOT_ALLOWED", "REGION_NOT_ALLOWED", "URI_NOT_ALLOWED"),
        *("VERTEX_JOB_GONE", "SUBMIT_UNRESOLVED"),
    }
    assert not others & CLASSES.keys()


@pytest.mark.parametrize("reason", CODES, ids=str)
def test_a_class_says_the_same_as_the_code_that_the_gateway_sends(reason: str) -> None:
    """So a caller that decides by the code, and one that decides by the class, do the same."""
    code = CODES[reason]  # type: ignore[index]  # a StrEnum
    known = error_of(Failure(code, "No.", str(reason)))
    by_code = error_of(Failure(code, "No.", "A_REASON_OF_TOMORROW"))
    assert isinstance(known, Unavailable) == (code in UNCLEAR or reason == "OVERLOADED")
    assert isinstance(known, type(by_code)) or reason == "OVERLOADED"


def test_every_code_has_a_class() -> None:
    for code in Code:
        error = error_of(Failure(code, ""))
        assert isinstance(error, Unavailable if code in UNCLEAR or code is Code.OK else Refused)
    assert not BY_CODE.keys() & UNCLEAR


def test_what_nothing_came_of_is_said_by_reasons_that_waiting_helps() -> None:
    for reason in DONE_NOTHING:
        assert CODES[reason] in RETRIED_BY_GRPC  # type: ignore[index]  # a StrEnum
        assert not Failure(Code.UNAVAILABLE, "", reason).outcome_unknown


def test_an_error_reads_as_the_whole_refusal() -> None:
    fields = (Violation("batch_job.model", "It is empty.", "MODEL_MISSING"),)
    error = error_of(Failure(Code.INVALID_ARGUMENT, "One fault.", "INVALID_SPEC", fields=fields))
    assert str(error) == "INVALID_SPEC: One fault.\n  batch_job.model: It is empty. (MODEL_MISSING)"
    assert error.violations == fields
    assert (error.code, error.reason, error.message) == (Code.INVALID_ARGUMENT, "INVALID_SPEC", "One fault.")
    assert str(error_of(Failure(Code.PERMISSION_DENIED, "No."))) == "PERMISSION_DENIED: No."


def test_an_error_names_the_resource_that_it_is_about() -> None:
    name = Violation("teams/ranking/batchJobs/1", "")
    assert _named("REQUEST_ID_REUSED", name, RequestIdReused) == name.subject
    assert _named("NOT_FOUND", name, NotFound) == name.subject
    assert _named("NOT_FOUND", None, NotFound) == ""


def _named(reason: str, resource: Violation | None, kind: type[NotFound | RequestIdReused]) -> str:
    error = error_of(Failure(Code.NOT_FOUND, "", reason, resource=resource))
    assert isinstance(error, kind)
    return error.name


def test_an_error_crosses_to_another_process() -> None:
    error = error_of(Failure(Code.PERMISSION_DENIED, "No.", "TEAM_FORBIDDEN"), outcome_unknown=True)
    copy = pickle.loads(pickle.dumps(error))  # noqa: S301 - it was made here
    assert isinstance(copy, Forbidden)
    assert (copy.failure, copy.outcome_unknown) == (error.failure, True)


def test_a_wait_that_does_not_help_is_none() -> None:
    helps = Failure(Code.UNAVAILABLE, "", retry_after=timedelta(seconds=3))
    never = Failure(Code.UNAVAILABLE, "", retry_after=timedelta(seconds=3), pushback=timedelta(milliseconds=-1))
    assert error_of(helps).retry_after == timedelta(seconds=3)
    assert error_of(never).retry_after is None
    assert not any("Try again" in line for line in never.sentences())


def test_every_public_error_is_of_the_family() -> None:
    assert all(issubclass(kind, BatchJobsError) for kind in {*CLASSES.values(), *BY_CODE.values()})
