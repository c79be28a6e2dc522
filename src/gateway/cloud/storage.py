"""Where buckets lie and how large objects are, through Google's own Cloud Storage client.

The client blocks, so it runs in a few threads of its own. Bucket places are cached; sizes never are, because the object
may be replaced between two creates.
"""

import functools
import os
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final

from gateway.clock import Clock, SystemClock
from gateway.cloud.blocking import BlockingClient, Service, build_client
from gateway.cloud.lookups import FlightCache, LookupObserver, LookupResult, UnavailableError
from gateway.domain.places import BucketPlace
from gateway.domain.uris import GCS, split_gcs

BUCKET: Final = "bucket"
OBJECT: Final = "object"


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
        service = Service("Cloud Storage", functools.partial(_build, options), _retry)
        self._client = BlockingClient(service, options.deadline, options.threads, observer)
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
        await self._client.warm()

    async def close(self) -> None:
        """End what is under way."""
        await self._places.close()
        self._client.close()

    async def bucket_place(self, bucket: str) -> BucketPlace:
        """Where the bucket lies; at most `lifetime` old."""
        return await self._places.get(bucket)

    async def object_size(self, uri: str) -> int:
        """The size in bytes of the object `gs://bucket/object`, as it is now."""
        return await self._client.ask(OBJECT, uri, functools.partial(_read_size, uri))

    async def _look_up_bucket(self, bucket: str) -> BucketPlace:
        return await self._client.ask(BUCKET, f"{GCS}{bucket}", functools.partial(_read_place, bucket))


def _read_place(bucket: str, client: Any, patience: dict[str, Any]) -> BucketPlace:
    found = client.get_bucket(bucket, **patience)
    if not found.location or not found.location_type:
        raise UnavailableError(f"{GCS}{bucket}", "Cloud Storage does not say where it is")
    return BucketPlace.of(found.location, found.location_type, found.data_locations or ())


def _read_size(uri: str, client: Any, patience: dict[str, Any]) -> int:
    parts = split_gcs(uri)
    blob = client.bucket(parts.bucket).blob(parts.name)
    blob.reload(**patience)
    if blob.size is None:
        raise UnavailableError(uri, "Cloud Storage does not say how large it is")
    return int(blob.size)


def _build(options: StorageOptions) -> Any:
    from google.cloud.storage import Client

    # Google's client would look every bucket up once more, in a thread of its own, for traces that nobody takes.
    os.environ.setdefault("DISABLE_GCS_PYTHON_CLIENT_OTEL_BUCKET_METADATA", "true")
    return build_client(Client, options.endpoint, options.project)


def _retry() -> Any:
    from google.cloud.storage.retry import DEFAULT_RETRY

    return DEFAULT_RETRY
