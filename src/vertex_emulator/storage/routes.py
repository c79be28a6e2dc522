"""The routes of the Cloud Storage JSON API that Google's client uses to look at, list, read and delete."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, BinaryIO, TypeVar

from aiohttp import web

from vertex_emulator.http_errors import HttpError
from vertex_emulator.storage import objects
from vertex_emulator.storage.buckets import Bucket, BucketForbiddenError, BucketMissingError, Buckets
from vertex_emulator.storage.listing import list_objects
from vertex_emulator.storage.objects import ObjectMissingError, StoredObject
from vertex_emulator.storage.ranges import ByteRange, RangeNotSatisfiableError, parse_range
from vertex_emulator.storage.resources import bucket_resource, object_facts, object_resource

T = TypeVar("T")
_BLOCK = 1 << 18
_OBJECT = "/storage/v1/b/{bucket}/o/{object:(?s:.+)}"


class StorageRoutes:
    """The reading half of Cloud Storage; `UploadRoutes` is the writing half."""

    def __init__(self, buckets: Buckets) -> None:
        self._buckets = buckets

    def add_to(self, app: web.Application) -> None:
        route = app.router.add_route
        route("GET", "/storage/v1/b", self.list_buckets, name="storage.buckets.list")
        route("GET", "/storage/v1/b/{bucket}", self.get_bucket, name="storage.buckets.get")
        route("GET", "/storage/v1/b/{bucket}/o", self.list_objects, name="storage.objects.list")
        route("GET", _OBJECT, self.get_object, name="storage.objects.get")
        route("GET", f"/download{_OBJECT}", self.get_object, name="storage.objects.get.download")
        route("DELETE", _OBJECT, self.delete_object, name="storage.objects.delete")

    async def list_buckets(self, _: web.Request) -> web.StreamResponse:
        found = await asyncio.to_thread(self._buckets.all)
        items = [bucket_resource(bucket) for bucket in found if not bucket.forbidden]
        return web.json_response({"kind": "storage#buckets", "items": items})

    async def get_bucket(self, request: web.Request) -> web.StreamResponse:
        bucket = await self.bucket(request)
        return web.json_response(await asyncio.to_thread(bucket_resource, bucket))

    async def list_objects(self, request: web.Request) -> web.StreamResponse:
        bucket = await self.bucket(request)
        return web.json_response(await asyncio.to_thread(list_objects, bucket, request.query))

    async def get_object(self, request: web.Request) -> web.StreamResponse:
        stored = await self._stored(request)
        if request.query.get("alt") == "media":
            return await _send(request, stored)
        return web.json_response(await _described(stored, request.query.get("fields", "")))

    async def delete_object(self, request: web.Request) -> web.StreamResponse:
        bucket = await self.bucket(request)
        stored = await self._stored(request)
        await found(lambda: asyncio.to_thread(objects.delete, bucket, stored.name), bucket, stored.name)
        return web.Response(status=204)

    async def bucket(self, request: web.Request) -> Bucket:
        return await open_bucket(self._buckets, request.match_info["bucket"])

    async def _stored(self, request: web.Request) -> StoredObject:
        stored = await asyncio.to_thread(self._stat, request.match_info["bucket"], request.match_info["object"])
        check_generation(request, stored.generation)
        return stored

    def _stat(self, bucket: str, name: str) -> StoredObject:
        """The object, or the answer that Cloud Storage gives where there is none to be seen. Blocks."""
        try:
            return objects.stat(_opened(self._buckets, bucket), name)
        except ObjectMissingError as error:
            raise HttpError(404, f"No such object: {bucket}/{name}") from error


async def open_bucket(buckets: Buckets, name: str) -> Bucket:
    """The bucket, or the 404 or 403 that Cloud Storage answers."""
    return await asyncio.to_thread(_opened, buckets, name)


def _opened(buckets: Buckets, name: str) -> Bucket:
    try:
        return buckets.open(name)
    except BucketMissingError as error:
        raise HttpError(404, "The specified bucket does not exist.") from error
    except BucketForbiddenError as error:
        raise HttpError(403, f"The caller does not have access to the bucket {name}.") from error


async def found(look: Callable[[], Awaitable[T]], bucket: Bucket, name: str) -> T:
    """What `look` finds, or the 404 of an object that is not there."""
    try:
        return await look()
    except ObjectMissingError as error:
        raise HttpError(404, f"No such object: {bucket.name}/{name}") from error


def check_generation(request: web.Request, generation: int) -> None:
    """412 (or 404 for `generation`) where the request wants another version; `generation` is 0 where there is none."""
    try:
        wanted = {
            key: int(request.query[key]) for key in request.query if key.startswith(("ifGeneration", "generation"))
        }
    except ValueError as error:
        raise HttpError(400, "A generation must be a number.") from error
    if wanted.get("generation", generation) != generation:
        raise HttpError(404, "No such version of the object.")
    matches = wanted.get("ifGenerationMatch", generation) == generation
    if not matches or wanted.get("ifGenerationNotMatch") == generation:
        raise HttpError(412, "At least one of the pre-conditions you specified did not hold.")


async def _described(stored: StoredObject, fields: str) -> dict[str, Any]:
    """The object's metadata, or those of it that `fields` lists: the content is read only for checksums."""
    wanted = set(fields.split(",")) if fields else set()
    known = object_facts(stored)
    if not wanted or not wanted <= known.keys():
        known = await asyncio.to_thread(object_resource, stored)
    return {name: value for name, value in known.items() if not wanted or name in wanted}


async def _send(request: web.Request, stored: StoredObject) -> web.StreamResponse:
    try:
        part = parse_range(request.headers.get("Range"), stored.size)
    except RangeNotSatisfiableError as error:
        # A client that reads in chunks tells an empty object from a bad range by this header.
        size = {"Content-Range": f"bytes */{stored.size}"}
        raise HttpError(416, f"The requested range cannot be satisfied: {error}.", size) from error
    crc32c, md5 = await asyncio.to_thread(stored.checksums)
    response = web.StreamResponse(status=206 if part else 200)
    response.content_type = stored.content_type
    response.headers["X-Goog-Hash"] = f"crc32c={crc32c},md5={md5}"
    response.headers["X-Goog-Generation"] = str(stored.generation)
    response.headers["X-Goog-Metageneration"] = "1"
    response.headers["X-Goog-Storage-Class"] = "STANDARD"
    response.headers["ETag"] = f'"{stored.generation:x}"'
    response.headers["Accept-Ranges"] = "bytes"
    if part:
        response.headers["Content-Range"] = f"bytes {part.first}-{part.last}/{stored.size}"
    span = part or ByteRange(0, stored.size - 1)
    response.content_length = span.length
    await response.prepare(request)
    await _copy(stored.path, span, response)
    await response.write_eof()
    return response


async def _copy(path: Path, span: ByteRange, response: web.StreamResponse) -> None:
    left = span.length
    if not left:
        return
    # One handle for the whole download: an upload that replaces the object meanwhile must not mix into it.
    file = await open_for_reading(path)
    try:
        await asyncio.to_thread(file.seek, span.first)
        while left and (block := await asyncio.to_thread(file.read, min(left, _BLOCK))):
            await response.write(block)
            left -= len(block)
    finally:
        file.close()


async def open_for_reading(path: Path) -> BinaryIO:
    """An open file. A caller that is cancelled while a thread still opens it leaves no open file behind."""
    opening = asyncio.ensure_future(asyncio.to_thread(path.open, "rb"))
    try:
        return await asyncio.shield(opening)
    except asyncio.CancelledError:
        opening.add_done_callback(_close)
        raise


def _close(opening: asyncio.Future[Any]) -> None:
    if not opening.cancelled() and opening.exception() is None:
        opening.result().close()
