"""Where buckets lie and how large objects are.

Places are asked through Google's own Cloud Storage client, which blocks, so it runs in a few threads of its own. They
are cached; sizes never are, because the object may be replaced between two creates, and they are asked on the event
loop: `object_sizes.py` says why, and what of Google's own is kept there.
"""

import functools
from typing import Any, Final

from gateway.clock import Clock
from gateway.cloud.blocking import Service, build_client
from gateway.cloud.google_lookups import GoogleLookups, LookupOptions
from gateway.cloud.lookups import LookupObserver, UnavailableError
from gateway.cloud.object_sizes import ObjectSizes
from gateway.domain.places import BucketPlace
from gateway.domain.uris import GCS, split_gcs

BUCKET: Final = "bucket"


class StoragePlaces(GoogleLookups[BucketPlace]):
    """Look-ups in Cloud Storage for the checks at create."""

    def __init__(self, options: LookupOptions, observer: LookupObserver, clock: Clock | None = None) -> None:
        service = Service("Cloud Storage", functools.partial(_build, options), _retry)
        super().__init__(service, BUCKET, _read_place, options, observer, clock)
        self._sizes = ObjectSizes(self._client, options.connections)

    async def warm_sizes(self) -> None:
        """The same for questions about sizes, once callers are served: it imports what places do without."""
        await self._sizes.warm()

    async def close(self) -> None:
        """End what is under way."""
        await self._sizes.close()
        await super().close()

    async def bucket_place(self, bucket: str) -> BucketPlace:
        """Where the bucket lies; at most `lifetime` old."""
        return await self._places.get(f"{GCS}{bucket}")

    def held_place(self, bucket: str) -> BucketPlace | None:
        """The same, where it is known without asking."""
        return self._places.held(f"{GCS}{bucket}")

    async def object_size(self, uri: str) -> int:
        """The size in bytes of the object `gs://bucket/object`, as it is now."""
        return await self._sizes.of(uri)


def _read_place(uri: str, client: Any, patience: dict[str, Any]) -> BucketPlace:
    found = client.get_bucket(split_gcs(uri).bucket, **patience)
    if not found.location or not found.location_type:
        raise UnavailableError(uri, "Cloud Storage does not say where it is")
    return BucketPlace.of(found.location, found.location_type, found.data_locations or ())


def _build(options: LookupOptions) -> Any:
    from google.cloud.storage import Client

    return build_client(Client, options.endpoint, options.project)


def _retry() -> Any:
    from google.cloud.storage.retry import DEFAULT_RETRY

    return DEFAULT_RETRY
