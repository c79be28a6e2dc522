"""Making a local file the source of a batch job: checked here, asked about at the gateway, and only then uploaded."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from time import monotonic
from typing import Final

from batchjobs.cli.bar import bar
from batchjobs.cli.connection import Connection
from batchjobs.cli.exits import INTERRUPTED, USAGE, StoppedError
from batchjobs.cli.local import BadFileError, LocalFile, check_file
from batchjobs.cli.printing import say
from batchjobs.cli.upload import Folder, need_google, upload, uri_of
from batchjobs.client import BatchJob, BatchJobsError

SLOWEST: Final = 1_000_000
"""Bytes a second: where the user sets no limit, an upload may be as slow as this."""

AWAITED: Final = frozenset({"SOURCE_NOT_FOUND", "SOURCE_NOT_READABLE"})
"""What the gateway says of an object that is not there yet; the latter where it may read objects but not list them."""


@dataclass(frozen=True, slots=True)
class Deadline:
    """A moment by which all must be done."""

    end: float

    @classmethod
    def after(cls, seconds: float) -> "Deadline":
        return cls(monotonic() + seconds)

    @property
    def left(self) -> float:
        """Seconds that are left, never quite none: what has no time fails by itself, and says what it was about."""
        return max(self.end - monotonic(), 0.001)


@dataclass(frozen=True, slots=True)
class Sent:
    """A file that is the source now, and by when the create must be done."""

    file: LocalFile
    uri: str
    deadline: Deadline


def send(
    connection: Connection,
    batch_job: BatchJob,
    path: Path,
    folder: Folder,
    *,
    request_id: str,
    seconds: Callable[[int], float],
) -> Sent:
    """Check the file, ask whether the gateway would take it, upload it, and make it the batch job's source.

    Args:
        connection: to the gateway.
        batch_job: all of it but the source.
        path: the file.
        folder: where it is to go.
        request_id: the caller's own, under which the batch job may be there already.
        seconds: how long asking, uploading and creating may take together, by the size of the file.

    Raises:
        StoppedError: the file is not one of requests, or the gateway or Cloud Storage refused it or stayed away.
    """
    try:
        with bar("checking", quiet=connection.as_json) as seen:
            file = check_file(path, seen)
        need_google()
        deadline = Deadline.after(seconds(file.size))
        batch_job.gcs_source.uri = uri_of(file, folder)
        _ask(connection, batch_job, request_id, deadline)
        uri = upload(file, folder, seconds=deadline.left, quiet=connection.as_json)
    except BadFileError as error:
        raise StoppedError(USAGE, str(error)) from error
    except KeyboardInterrupt as error:
        raise StoppedError(INTERRUPTED, "Interrupted. Nothing was submitted.") from error
    say(f"{path}: {file.rows:,} rows, now at {uri}")
    return Sent(file, uri, deadline)


def _ask(connection: Connection, batch_job: BatchJob, request_id: str, deadline: Deadline) -> None:
    """Let the gateway run its checks before anything is uploaded for a batch job that it refuses.

    It cannot say of an object that is not there whether it is too large, which the check of the file has said, nor what
    comes after the source: quotas are judged when the batch job is created.
    """
    try:
        connection.run(
            lambda client: client.create(batch_job, request_id=request_id, validate_only=True, timeout=deadline.left)
        )
    except StoppedError as stop:
        if not (isinstance(stop.__cause__, BatchJobsError) and _only_awaits(stop.__cause__, batch_job.gcs_source.uri)):
            raise


def _only_awaits(error: BatchJobsError, uri: str) -> bool:
    """Whether the object that is yet to be uploaded is all that is missing."""
    named = {(violation.subject, violation.reason in AWAITED) for violation in error.violations}
    return named == {(uri, True)}
