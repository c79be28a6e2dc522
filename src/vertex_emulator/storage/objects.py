"""The objects of a bucket: the files below its folder. Nothing outside that folder is ever read or written."""

from __future__ import annotations

import base64
import mimetypes
import os
import secrets
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from hashlib import md5
from pathlib import Path

import google_crc32c

from vertex_emulator.storage.buckets import Bucket

_CHUNK = 1 << 20
_MAX_NAME_BYTES = 1024
_UPLOADS = ".uploads"
# Making a file's folders and removing empty ones must not meet half-way.
_TREE = threading.Lock()


class ObjectMissingError(Exception):
    """There is no such object."""


class BadObjectNameError(Exception):
    """The name cannot be an object here; the message says why."""


@dataclass(frozen=True)
class StoredObject:
    """One object, as its file is now."""

    bucket: str
    name: str
    path: Path
    size: int
    modified_ns: int

    @property
    def generation(self) -> int:
        """Grows with every write of the object, as the file's time of change does."""
        return self.modified_ns // 1000

    @property
    def modified(self) -> datetime:
        return datetime.fromtimestamp(self.modified_ns / 1e9, UTC)

    @property
    def content_type(self) -> str:
        return mimetypes.guess_type(self.name)[0] or "application/octet-stream"

    def checksums(self) -> tuple[str, str]:
        """CRC32C and MD5 of the content, in base64. Reads the file once for each of its versions."""
        return _checksums(self.path, self.size, self.modified_ns)


@lru_cache(maxsize=1024)
def _checksums(path: Path, size: int, modified_ns: int) -> tuple[str, str]:  # noqa: ARG001 - they are part of the key.
    crc, digest = 0, md5(usedforsecurity=False)
    with path.open("rb") as file:
        while block := file.read(_CHUNK):
            crc = google_crc32c.extend(crc, block)
            digest.update(block)
    return base64.b64encode(crc.to_bytes(4, "big")).decode(), base64.b64encode(digest.digest()).decode()


def path_of(bucket: Bucket, name: str) -> Path:
    """The file that holds an object. BadObjectNameError where the name does not stay inside the bucket's folder."""
    if not name or len(name.encode("utf-8", "surrogatepass")) > _MAX_NAME_BYTES:
        raise BadObjectNameError("an object's name has 1 to 1024 bytes")
    if any(part in {"", ".", ".."} for part in name.split("/")) or any(ord(sign) < 0x20 for sign in name):  # noqa: PLR2004
        raise BadObjectNameError("empty parts, `.`, `..` and control characters cannot be kept in a folder")
    path = bucket.folder / name
    try:
        inside = path.resolve().is_relative_to(bucket.folder)
    except OSError as error:
        raise BadObjectNameError(f"the name cannot be kept in a folder: {error.strerror}") from error
    if not inside:
        raise BadObjectNameError("the name leads out of the bucket")
    return path


def stat(bucket: Bucket, name: str) -> StoredObject:
    """The object; ObjectMissingError if there is none, also for names that can never be one."""
    try:
        path = path_of(bucket, name)
        if not path.is_file():
            raise ObjectMissingError(name)
        stats = path.stat()
    except (BadObjectNameError, OSError) as error:
        raise ObjectMissingError(name) from error
    return StoredObject(bucket.name, name, path, stats.st_size, stats.st_mtime_ns)


def walk(bucket: Bucket, prefix: str) -> Iterator[str]:
    """The names of all objects that begin with `prefix`, in the order of their UTF-8 bytes."""
    names = []
    for folder, _, files in os.walk(bucket.folder):
        inside = Path(folder).relative_to(bucket.folder).as_posix()
        names += [file if inside == "." else f"{inside}/{file}" for file in files]
    chosen = (name for name in names if name.startswith(prefix) and _is_text(name))
    yield from sorted(chosen, key=lambda name: name.encode())


def _is_text(name: str) -> bool:
    """Whether a file's name is UTF-8; others, which only a file system can have, are no objects."""
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True


def temporary(bucket: Bucket) -> Path:
    """A file to upload into, on the same file system as the bucket and outside every bucket."""
    folder = bucket.folder.parent / _UPLOADS
    folder.mkdir(exist_ok=True)
    return folder / secrets.token_hex(16)


def publish(bucket: Bucket, name: str, content: Path) -> StoredObject:
    """Make a finished upload the object, at once and whole. BadObjectNameError where no file can have that name."""
    path = path_of(bucket, name)
    try:
        with _TREE:
            path.parent.mkdir(parents=True, exist_ok=True)
            content.replace(path)
    except OSError as error:
        raise BadObjectNameError(f"the name cannot be kept in a folder: {error.strerror}") from error
    return stat(bucket, name)


def new_folder(bucket: Bucket, name: str) -> bool:
    """Make a folder for output; False where it is there already. BadObjectNameError where it cannot be."""
    try:
        path_of(bucket, name).mkdir(parents=True)
    except FileExistsError:
        return False
    except OSError as error:
        raise BadObjectNameError(f"the name cannot be kept in a folder: {error.strerror}") from error
    return True


def append(bucket: Bucket, name: str, lines: bytes) -> None:
    """Add to an object, or begin it: how a job's output grows while it runs."""
    path = path_of(bucket, name)
    with _TREE:
        path.parent.mkdir(parents=True, exist_ok=True)
        file = path.open("ab")
    with file:
        file.write(lines)


def delete(bucket: Bucket, name: str) -> None:
    """Remove the object, and the folders that held nothing else; ObjectMissingError if there is none."""
    folder = stat(bucket, name).path
    with _TREE:
        folder.unlink(missing_ok=True)
        while (folder := folder.parent) != bucket.folder and not any(folder.iterdir()):
            folder.rmdir()
