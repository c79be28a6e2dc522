"""What Vertex checks at create about the buckets that a job names: that they exist, may be used, and lie right."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import grpc

from vertex_emulator.config import BucketCheck
from vertex_emulator.errors import ApiError, not_found, precondition
from vertex_emulator.names import Place
from vertex_emulator.storage.buckets import Bucket, Buckets
from vertex_emulator.validation import split_gcs_uri


def check_buckets(job: Any, place: Place, buckets: Buckets, check: BucketCheck) -> None:
    """NOT_FOUND, PERMISSION_DENIED or FAILED_PRECONDITION for the first bucket that will not do. Blocks.

    Datasets and tables are not looked at here: what is wrong with them shows when the job runs.
    """
    for uri in _uris(job):
        name, _ = split_gcs_uri(uri)
        bucket = buckets.find(name)
        if bucket is None:
            raise not_found(f"The Cloud Storage bucket {name} does not exist.")
        if bucket.forbidden:
            raise ApiError(
                grpc.StatusCode.PERMISSION_DENIED,
                f"The service agent of the project does not have access to the bucket {name}.",
                reason="IAM_PERMISSION_DENIED",
            )
        _check_location(bucket, place.region, check)


def _uris(job: Any) -> Iterator[str]:
    yield from job.input_config.gcs_source.uris[:1]
    if prefix := job.output_config.gcs_destination.output_uri_prefix:
        yield prefix.rstrip("/") + "/"


def _check_location(bucket: Bucket, region: str, check: BucketCheck) -> None:
    # A job at the global location reads from and writes to anywhere.
    if check == BucketCheck.OFF or region == "global":
        return
    fits = bucket.location.is_exactly(region)
    if check == BucketCheck.CONTAINS:
        fits = bucket.location.contains(region)
    if not fits:
        raise precondition(
            f"The Cloud Storage bucket of gs://{bucket.name} is in location `{bucket.location.name.lower()}`. "
            f"It must be in the same regional location as the service location `{region}`."
        )
