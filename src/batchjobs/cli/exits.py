"""Exit codes, and how a failed call becomes one and a few sentences."""

from typing import Final

import grpc

from batchjobs._errors import UNCLEAR, CallFailedError, Failure
from batchjobs.cli.text import plain
from batchjobs.v1.batch_jobs_pb2 import BatchJob

SUCCEEDED: Final = 0
USAGE: Final = 2
REFUSED: Final = 3
QUOTA: Final = 4
FAILED: Final = 5
PARTIAL: Final = 6
UNAVAILABLE: Final = 7
INTERRUPTED: Final = 130

END_CODES: Final = {
    BatchJob.SUCCEEDED: SUCCEEDED,
    BatchJob.PARTIALLY_SUCCEEDED: PARTIAL,
    BatchJob.FAILED: FAILED,
    BatchJob.CANCELLED: FAILED,
    BatchJob.EXPIRED: FAILED,
}
"""The end states, each with the exit code of a command that waited for it."""


class StoppedError(Exception):
    """The end of a command: sentences for the error stream, and an exit code."""

    def __init__(self, code: int, *lines: str) -> None:
        super().__init__("\n".join(plain(line) for line in lines))
        self.code = code


def exit_code(failure: Failure) -> int:
    """The exit code of a call that failed."""
    if failure.reason == "QUOTA_EXCEEDED":
        return QUOTA
    if failure.code in UNCLEAR or failure.reason == "OVERLOADED":
        return UNAVAILABLE
    return REFUSED


def stopped(error: CallFailedError, endpoint: str, *more: str) -> StoppedError:
    """The end of a command whose call failed, `more` being what the command itself has to say."""
    failure = error.failure
    lines = failure.sentences()
    if failure.reason:
        lines[0] = f"{failure.reason}: {lines[0]}"
    elif failure.code is grpc.StatusCode.UNIMPLEMENTED:
        lines[0] = f"What answers at {endpoint} does not offer this call: {lines[0]}"
    elif failure.code in UNCLEAR:
        lines[0] = f"The gateway at {endpoint} did not answer: {lines[0]}"
    else:
        lines[0] = f"{failure.code.name}: {lines[0]}"
    return StoppedError(exit_code(failure), *lines, *more)
