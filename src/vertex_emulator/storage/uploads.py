"""Writing objects: uploads in one piece, in two parts, and resumable ones that come in chunks."""

from __future__ import annotations

import asyncio
import re
import secrets
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from aiohttp import web

from vertex_emulator.http_errors import HttpError
from vertex_emulator.storage import objects
from vertex_emulator.storage.buckets import Bucket, Buckets
from vertex_emulator.storage.multipart import parse_metadata, parse_multipart
from vertex_emulator.storage.objects import BadObjectNameError, ObjectMissingError, StoredObject
from vertex_emulator.storage.resources import object_resource
from vertex_emulator.storage.routes import check_generation, open_bucket

_UPLOAD = "/upload/storage/v1/b/{bucket}/o"
_CONTENT_RANGE = re.compile(r"bytes (?:(\d+)-(\d+)|\*)/(\d+|\*)")


@dataclass
class _Session:
    """A resumable upload that is under way."""

    bucket: Bucket
    name: str
    metadata: dict[str, Any]
    path: Path
    received: int = 0


class UploadRoutes:
    """The writing half of Cloud Storage."""

    def __init__(self, buckets: Buckets) -> None:
        self._buckets = buckets
        self._sessions: dict[str, _Session] = {}

    def add_to(self, app: web.Application) -> None:
        app.router.add_route("POST", _UPLOAD, self.insert, name="storage.objects.insert")
        app.router.add_route("PUT", _UPLOAD, self.resume, name="storage.objects.insert.resume")

    async def insert(self, request: web.Request) -> web.StreamResponse:
        bucket = await open_bucket(self._buckets, request.match_info["bucket"])
        kind = request.query.get("uploadType")
        if kind == "resumable":
            return await self._begin(request, bucket)
        body = await request.read()
        if kind == "multipart":
            upload = parse_multipart(request.headers.get("Content-Type", ""), body)
            metadata, content = upload.metadata, upload.content
        elif kind == "media":
            metadata, content = {}, body
        else:
            raise HttpError(400, f"Unknown uploadType: {kind!r}.")
        name = await self._checked_name(request, bucket, metadata)
        path = await asyncio.to_thread(objects.temporary, bucket)
        await asyncio.to_thread(path.write_bytes, content)
        return await self._publish(bucket, name, metadata, path)

    async def _begin(self, request: web.Request, bucket: Bucket) -> web.StreamResponse:
        metadata = parse_metadata(await request.read())
        name = await self._checked_name(request, bucket, metadata)
        path = await asyncio.to_thread(objects.temporary, bucket)
        await asyncio.to_thread(path.touch)
        upload_id = secrets.token_urlsafe(24)
        self._sessions[upload_id] = _Session(bucket, name, metadata, path)
        location = request.url.with_query({"uploadType": "resumable", "upload_id": upload_id})
        return web.Response(headers={"Location": str(location), "X-GUploader-UploadID": upload_id})

    async def resume(self, request: web.Request) -> web.StreamResponse:
        upload_id = request.query.get("upload_id", "")
        session = self._sessions.get(upload_id)
        if session is None:
            raise HttpError(404, "There is no such upload; it may have ended.")
        match = _CONTENT_RANGE.fullmatch(request.headers.get("Content-Range", "bytes */*"))
        if match is None:
            raise HttpError(400, "The Content-Range of the upload is not understood.")
        body = await request.read()
        total = None if match[3] == "*" else int(match[3])
        if match[1] is not None:
            await self._take(session, int(match[1]), int(match[2]), body)
        elif body:
            session.received = await asyncio.to_thread(session.path.write_bytes, body)
            total = session.received
        if total is None or session.received < total:
            return _incomplete(session)
        del self._sessions[upload_id]
        return await self._publish(session.bucket, session.name, session.metadata, session.path)

    async def _take(self, session: _Session, first: int, last: int, body: bytes) -> None:
        if first > session.received or last - first + 1 != len(body):
            raise HttpError(503, f"The upload holds {session.received} bytes; send what follows them.")
        # What was sent again after a lost answer is skipped.
        new = body[session.received - first :]

        def write() -> None:
            # At its place, not at the end: a write that was cut off is written again.
            with session.path.open("r+b") as file:
                file.seek(session.received)
                file.write(new)

        await asyncio.to_thread(write)
        session.received += len(new)

    async def _checked_name(self, request: web.Request, bucket: Bucket, metadata: dict[str, Any]) -> str:
        name = request.query.get("name") or metadata.get("name")
        if not isinstance(name, str):
            raise HttpError(400, "The object needs a name.")
        try:
            objects.path_of(bucket, name)
        except BadObjectNameError as error:
            raise HttpError(400, f"Invalid object name {name!r}: {error}.") from error
        check_generation(request, await asyncio.to_thread(_generation, bucket, name))
        return name

    async def _publish(self, bucket: Bucket, name: str, metadata: dict[str, Any], path: Path) -> web.StreamResponse:
        try:
            return web.json_response(await asyncio.to_thread(_publish, bucket, name, metadata, path))
        except BadObjectNameError as error:
            raise HttpError(400, f"Invalid object name {name!r}: {error}.") from error
        finally:
            await asyncio.to_thread(path.unlink, missing_ok=True)


def _publish(bucket: Bucket, name: str, metadata: dict[str, Any], path: Path) -> dict[str, Any]:
    uploaded = StoredObject(bucket.name, name, path, path.stat().st_size, path.stat().st_mtime_ns)
    crc32c, md5 = uploaded.checksums()
    if metadata.get("crc32c", crc32c) != crc32c or metadata.get("md5Hash", md5) != md5:
        raise HttpError(400, "The checksum that was sent does not match the content.")
    return object_resource(objects.publish(bucket, name, path))


def _generation(bucket: Bucket, name: str) -> int:
    try:
        return objects.stat(bucket, name).generation
    except ObjectMissingError:
        return 0


def _incomplete(session: _Session) -> web.Response:
    """308: send the rest. Without a `Range` header, nothing has arrived yet."""
    headers = {"Range": f"bytes=0-{session.received - 1}"} if session.received else {}
    return web.Response(status=308, headers=headers)
