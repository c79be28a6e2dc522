"""Uploading a local file to Cloud Storage, with Google's client and the user's own credentials.

The client is imported here and when it is needed, because that takes a second and few commands upload. It knows the
environment variable STORAGE_EMULATOR_HOST and then asks for no credentials.
"""

import os
import re
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import closing
from threading import Thread
from typing import Final, NamedTuple

from rich.console import Console
from rich.progress import wrap_file

from batchjobs.cli.exits import REFUSED, UNAVAILABLE, USAGE, StoppedError
from batchjobs.cli.local import LocalFile

SECONDS: Final = 60.0
"""Without an answer, after which one request to Cloud Storage is given up."""

NO_LOOK_UPS: Final = "DISABLE_GCS_PYTHON_CLIENT_OTEL_BUCKET_METADATA"
"""Keeps Google's client from looking up the bucket in the background, which takes a right that nothing here needs."""

_FOLDER: Final = re.compile(r"gs://(?P<bucket>[a-z0-9][a-z0-9._-]{1,220}[a-z0-9])(?:/(?P<prefix>[^*?#\[\]\n\r\0]*))?")
_NOT_IN_NAMES: Final = re.compile(r"[^\w.-]+", re.ASCII)


class Folder(NamedTuple):
    """A bucket and the beginning of the names of objects in it, empty or ending in a slash."""

    bucket: str
    prefix: str


def folder_of(uri: str) -> Folder:
    """The folder that `gs://BUCKET` or `gs://BUCKET/PREFIX` names; raises ValueError where it names none."""
    match = _FOLDER.fullmatch(uri)
    if not match:
        raise ValueError(f"{uri!r} is not gs://BUCKET/PREFIX.")
    prefix = (match["prefix"] or "").strip("/")
    return Folder(match["bucket"], f"{prefix}/" if prefix else "")


def object_name(file: LocalFile, folder: Folder) -> str:
    """A name that says which file and which content, so that the same file is uploaded once and stays one source."""
    stem = _NOT_IN_NAMES.sub("-", file.path.stem).strip("-.")[:80] or "rows"
    return f"{folder.prefix}{stem}-{file.sha256[:16]}.jsonl"


def uri_of(file: LocalFile, folder: Folder) -> str:
    """Where the file goes."""
    return f"gs://{folder.bucket}/{object_name(file, folder)}"


def need_google() -> None:
    """Raises StoppedError where Google's client is not installed."""
    try:
        from google.cloud.storage import Client  # noqa: F401, TID251 - the caller's own upload, not the gateway's look-ups
    except ModuleNotFoundError as error:
        raise StoppedError(
            USAGE,
            "Uploading needs Google's Cloud Storage client: pip install 'batch-jobs-gateway[upload]'.",
            "Or upload the file yourself and give --source gs://BUCKET/OBJECT.",
        ) from error


def upload(file: LocalFile, folder: Folder, *, seconds: float, quiet: bool) -> str:
    """Upload the file in so many seconds, unless its very content is there already, and answer its URI.

    Raises:
        StoppedError: Cloud Storage refused it, or did not take it in that time.
    """
    from google.api_core import exceptions as api
    from google.auth.exceptions import GoogleAuthError

    uri = uri_of(file, folder)
    try:
        _send(file, folder.bucket, object_name(file, folder), seconds=seconds, quiet=quiet)
    except api.PreconditionFailed:
        return uri
    except api.NotFound as error:
        raise StoppedError(REFUSED, f"The bucket gs://{folder.bucket} does not exist.") from error
    except (api.Forbidden, api.Unauthorized, GoogleAuthError) as error:
        raise StoppedError(
            REFUSED,
            f"Cloud Storage does not let you write {uri}: {_said(error)}",
            "Log in with `gcloud auth application-default login`, or ask the bucket's owner for access.",
        ) from error
    except TimeoutError as error:
        sentence = f"Cloud Storage did not take {uri} in the {seconds:.1f} s that there were. Nothing was submitted."
        raise StoppedError(UNAVAILABLE, sentence, "Give it longer with --timeout.") from error
    except (api.RetryError, api.ServerError, api.TooManyRequests, OSError) as error:
        raise StoppedError(UNAVAILABLE, f"Cloud Storage did not take {uri}: {_said(error)}") from error
    except api.GoogleAPIError as error:
        raise StoppedError(REFUSED, f"Cloud Storage refused {uri}: {_said(error)}") from error
    return uri


def _send(file: LocalFile, bucket: str, name: str, *, seconds: float, quiet: bool) -> None:
    """One upload. Cloud Storage refuses it where the object exists, so it may be repeated; and where the content is no
    longer what was checked.
    """
    from google.cloud.storage import Client  # noqa: TID251 - as above
    from google.cloud.storage.retry import DEFAULT_RETRY  # noqa: TID251 - as above

    def put() -> None:
        os.environ.setdefault(NO_LOOK_UPS, "true")
        with closing(Client(project=None)) as client:
            blob = client.bucket(bucket).blob(name)
            blob.md5_hash = file.md5
            blob.upload_from_file(
                read,
                size=file.size,
                content_type="application/jsonl",
                if_generation_match=0,
                timeout=min(SECONDS, seconds),
                retry=DEFAULT_RETRY.with_timeout(seconds),
            )

    console = Console(stderr=True)
    hidden = quiet or not console.is_terminal
    with (
        file.path.open("rb") as content,
        wrap_file(content, file.size, description="uploading", console=console, transient=True, disable=hidden) as read,
    ):
        _within(seconds, put)


def _within(seconds: float, work: Callable[[], None]) -> None:
    """Work in a thread that is left to itself after so many seconds: a request cannot be cut off from outside, and its
    own time-outs begin anew with every byte. What is left behind ends with the process, and only a whole upload makes
    an object.

    Raises:
        TimeoutError: the time is over.
    """
    done = Future[None]()

    def run() -> None:
        try:
            work()
        except BaseException as error:  # noqa: BLE001 - it is raised where the work is waited for
            done.set_exception(error)
        else:
            done.set_result(None)

    Thread(target=run, daemon=True).start()
    done.result(seconds)


def _said(error: BaseException) -> str:
    """The first line of what Google's client says."""
    text = str(getattr(error, "message", "") or error).strip()
    return text.splitlines()[0][:300] if text else type(error).__name__
