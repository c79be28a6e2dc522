"""Exit codes, and how a failed call becomes one and a few sentences."""

from typing import Final

from batchjobs.cli.text import plain
from batchjobs.client import BatchJob, BatchJobsError, CredentialsUnreadable, NotServed, QuotaExceeded, Unavailable

SUCCEEDED: Final = 0
UNWRITTEN: Final = 1
USAGE: Final = 2
REFUSED: Final = 3
QUOTA: Final = 4
FAILED: Final = 5
PARTIAL: Final = 6
UNAVAILABLE: Final = 7
INTERRUPTED: Final = 130

MEANING: Final = {
    SUCCEEDED: "done; of a command that waits for the end: it succeeded",
    UNWRITTEN: "standard output could not be written; what the command does was done up to there",
    USAGE: "wrong usage: an option, a name or a local file; nothing was sent",
    REFUSED: "refused by the gateway, or by Cloud Storage where a file was to be uploaded",
    QUOTA: "a quota of the team is used up",
    FAILED: "the batch job failed, was cancelled or expired",
    PARTIAL: "it succeeded in part: some results are missing",
    UNAVAILABLE: "no clear answer in the time that was given",
    INTERRUPTED: "interrupted by Ctrl-C; a batch job that was submitted goes on",
}
"""What each exit code says."""

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


def end_code(ended: BatchJob) -> int:
    """The exit code of a command that waited; an end state of a newer gateway counts as a failure."""
    return END_CODES.get(ended.state, FAILED)


def exit_code(error: BatchJobsError) -> int:
    """The exit code of a call that failed."""
    if isinstance(error, QuotaExceeded):
        return QUOTA
    if isinstance(error, CredentialsUnreadable):
        return USAGE
    return UNAVAILABLE if isinstance(error, Unavailable) else REFUSED


def stopped(error: BatchJobsError, endpoint: str, *more: str) -> StoppedError:
    """The end of a command whose call failed, `more` being what the command itself has to say."""
    first, *details = error.failure.sentences()
    if error.reason:
        first = f"{error.reason}: {first}"
    elif isinstance(error, CredentialsUnreadable):
        pass  # It says itself which file or command it is about.
    elif isinstance(error, NotServed):
        first = f"What answers at {endpoint} does not offer this call: {first}"
    elif isinstance(error, Unavailable):
        first = f"The gateway at {endpoint} did not answer: {first}"
    else:
        first = f"{error.code.name}: {first}"
    return StoppedError(exit_code(error), first, *details, *more)
