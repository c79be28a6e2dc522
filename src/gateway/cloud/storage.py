"""Where buckets lie and how large objects are, through Google's own Cloud Storage client.

The client blocks, so it runs in a few threads of its own. Bucket places are cached; sizes never are, because the object
may be replaced between two creates.
"""

import asyncio
import functools
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import timedelta
from threading import Lock
from typing import Any, Final, TypeVar

from gateway.clock import Clock, SystemClock
from gateway.cloud.lookups import (
    FlightCache,
    ForbiddenError,
    LocationError,
    LookupObserver,
    LookupResult,
    MissingError,
    UnavailableError,
)
from gateway.domain.places import BucketPlace
from gateway.domain.uris import GCS, split_gcs

BUCKET: Final = "bucket"
OBJECT: Final = "object"

_Answer = TypeVar("_Answer")


@dataclass(frozen=True, slots=True)
class StorageOptions:
    """How Cloud Storage is asked. With an `endpoint` (an emulator's URL) it is asked without credentials."""

    endpoint: str = ""
    project: str = ""
    deadline: timedelta = timedelta(seconds=8)
    """For one look-up, retries and the wait for a thread included."""
    lifetime: timedelta = timedelta(minutes=5)
    """How long a bucket's place is believed. Buckets seldom move, and one that is gone is noticed by Vertex AI too."""
    cached_buckets: int = 10_000
    threads: int = 8


class StoragePlaces:
    """Look-ups in Cloud Storage for the checks at create.

    Every look-up raises `MissingError`, `ForbiddenError` or `UnavailableError`, never anything of Google's.
    """

    def __init__(self, options: StorageOptions, observer: LookupObserver, clock: Clock | None = None) -> None:
        self._options, self._observer = options, observer
        self._threads = ThreadPoolExecutor(options.threads, thread_name_prefix="cloud-storage")
        self._building = Lock()
        self._built: Any = None
        self._places = FlightCache(
            self._look_up_bucket,
            lifetime=options.lifetime,
            size=options.cached_buckets,
            clock=clock or SystemClock(),
            on_hit=functools.partial(observer.location_lookup, BUCKET, LookupResult.CACHED),
        )

    async def warm(self) -> None:
        """Import Google's client, which takes seconds, and build it, so that no caller waits for that.

        Raises:
            UnavailableError: there are no credentials.

        """
        build = functools.partial(_translating, "", self._client)
        await asyncio.get_running_loop().run_in_executor(self._threads, build)

    async def close(self) -> None:
        """End what is under way. Threads that wait for the network end by their own deadlines."""
        await self._places.close()
        self._threads.shutdown(wait=False, cancel_futures=True)
        if self._built is not None:
            self._built.close()

    async def bucket_place(self, bucket: str) -> BucketPlace:
        """Where the bucket lies; at most `lifetime` old."""
        return await self._places.get(bucket)

    async def object_size(self, uri: str) -> int:
        """The size in bytes of the object `gs://bucket/object`, as it is now."""
        return await self._ask(OBJECT, uri, functools.partial(self._read_size, uri))

    async def _look_up_bucket(self, bucket: str) -> BucketPlace:
        return await self._ask(BUCKET, f"{GCS}{bucket}", functools.partial(self._read_place, bucket))

    async def _ask(self, kind: str, uri: str, read: Callable[[], _Answer]) -> _Answer:
        try:
            answer = await self._in_thread(uri, functools.partial(_translating, uri, read))
        except LocationError as failure:
            self._observer.location_lookup(kind, _result(failure))
            raise
        self._observer.location_lookup(kind, LookupResult.FOUND)
        return answer

    async def _in_thread(self, uri: str, read: Callable[[], _Answer]) -> _Answer:
        try:
            async with asyncio.timeout(self._options.deadline.total_seconds()):
                return await asyncio.get_running_loop().run_in_executor(self._threads, read)
        except TimeoutError as error:
            raise UnavailableError(uri, "Cloud Storage did not answer in time") from error

    def _read_place(self, bucket: str) -> BucketPlace:
        found = self._client().get_bucket(bucket, **self._patience())
        if not found.location or not found.location_type:
            raise UnavailableError(f"{GCS}{bucket}", "Cloud Storage does not say where it is")
        return BucketPlace.of(found.location, found.location_type, found.data_locations or ())

    def _read_size(self, uri: str) -> int:
        parts = split_gcs(uri)
        blob = self._client().bucket(parts.bucket).blob(parts.name)
        blob.reload(**self._patience())
        if blob.size is None:
            raise UnavailableError(uri, "Cloud Storage does not say how large it is")
        return int(blob.size)

    def _patience(self) -> dict[str, Any]:
        from google.cloud.storage.retry import DEFAULT_RETRY

        seconds = self._options.deadline.total_seconds()
        retry = DEFAULT_RETRY.with_timeout(seconds).with_delay(initial=0.2, maximum=2.0, multiplier=2.0)
        return {"timeout": seconds, "retry": retry}

    def _client(self) -> Any:
        with self._building:
            if self._built is None:
                self._built = _build_client(self._options)
            return self._built


def _build_client(options: StorageOptions) -> Any:
    from google.auth.credentials import AnonymousCredentials
    from google.cloud.storage import Client

    if not options.endpoint:
        return Client(project=options.project or None)
    return Client(
        project=options.project or "unused",
        credentials=AnonymousCredentials(),  # type: ignore[no-untyped-call]  # Google's library has no types here.
        client_options={"api_endpoint": options.endpoint},
    )


def _translating(uri: str, read: Callable[[], _Answer]) -> _Answer:
    """What `read` answers; what Google's client raises becomes ours. Runs in a thread, as it may import the client."""
    from google.api_core import exceptions as api
    from google.auth.exceptions import GoogleAuthError

    try:
        return read()
    except api.NotFound as error:
        raise MissingError(uri, "Cloud Storage does not know it") from error
    except api.Forbidden as error:
        raise ForbiddenError(uri, "Cloud Storage does not let the gateway look at it") from error
    except (api.Unauthorized, GoogleAuthError) as error:
        raise UnavailableError(uri, "Cloud Storage does not accept the gateway's credentials") from error
    except (api.BadRequest, api.MethodNotAllowed, api.PreconditionFailed) as error:
        raise ForbiddenError(uri, f"Cloud Storage refuses the look-up with HTTP status {error.code}") from error
    except (api.GoogleAPIError, OSError) as error:
        raise UnavailableError(uri, "Cloud Storage does not answer") from error


def _result(failure: LocationError) -> LookupResult:
    match failure:
        case MissingError():
            return LookupResult.MISSING
        case ForbiddenError():
            return LookupResult.FORBIDDEN
    return LookupResult.UNAVAILABLE
