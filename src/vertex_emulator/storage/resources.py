"""Buckets and objects in the JSON shapes of the Cloud Storage API."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from vertex_emulator.storage.buckets import Bucket
from vertex_emulator.storage.objects import StoredObject


def bucket_resource(bucket: Bucket) -> dict[str, Any]:
    created = _rfc3339(bucket.created)
    resource: dict[str, Any] = {
        "kind": "storage#bucket",
        "id": bucket.name,
        "name": bucket.name,
        "location": bucket.location.name,
        "locationType": bucket.location.kind,
        "storageClass": "STANDARD",
        "metageneration": "1",
        "timeCreated": created,
        "updated": created,
    }
    if bucket.location.members:
        resource["customPlacementConfig"] = {"dataLocations": list(bucket.location.members)}
    return resource


def object_resource(stored: StoredObject) -> dict[str, Any]:
    """An object's metadata. Reads the object's content, for its checksums."""
    crc32c, md5 = stored.checksums()
    return {**object_facts(stored), "crc32c": crc32c, "md5Hash": md5}


def object_facts(stored: StoredObject) -> dict[str, Any]:
    """The part of an object's metadata that is known without reading its content."""
    modified = _rfc3339(stored.modified)
    return {
        "kind": "storage#object",
        "id": f"{stored.bucket}/{stored.name}/{stored.generation}",
        "name": stored.name,
        "bucket": stored.bucket,
        "generation": str(stored.generation),
        "metageneration": "1",
        "contentType": stored.content_type,
        "storageClass": "STANDARD",
        "size": str(stored.size),
        "etag": f"{stored.generation:x}",
        "timeCreated": modified,
        "updated": modified,
    }


def _rfc3339(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z"
