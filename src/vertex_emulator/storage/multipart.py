"""The body of a multipart upload: a JSON part about the object, then the object's bytes."""

from __future__ import annotations

import json
from dataclasses import dataclass
from email.message import Message
from typing import Any

from vertex_emulator.http_errors import HttpError


@dataclass(frozen=True)
class MultipartUpload:
    """What the caller said about the object, and its content."""

    metadata: dict[str, Any]
    content: bytes


def parse_multipart(content_type: str, body: bytes) -> MultipartUpload:
    """Take a `multipart/related` body apart; HttpError 400 where it is none.

    The content is cut out by the boundary alone: it may hold any bytes, so nothing may decode it or strip line ends.
    """
    header = Message()
    header["Content-Type"] = content_type
    boundary = header.get_boundary()
    if header.get_content_type() != "multipart/related" or not boundary:
        raise HttpError(400, "A multipart upload needs the content type multipart/related with a boundary.")
    parts = (b"\r\n" + body).split(b"\r\n--" + boundary.encode())
    if len(parts) != 4 or not parts[3].startswith(b"--"):  # noqa: PLR2004 - nothing, two parts, and the closing mark.
        raise HttpError(400, "A multipart upload needs exactly two parts.")
    return MultipartUpload(parse_metadata(_content(parts[1])), _content(parts[2]))


def parse_metadata(body: bytes) -> dict[str, Any]:
    """The JSON object about an upload; empty for an empty body."""
    try:
        metadata = json.loads(body) if body.strip() else {}
    except ValueError as error:
        raise HttpError(400, "The metadata of the upload is not JSON.") from error
    if not isinstance(metadata, dict):
        raise HttpError(400, "The metadata of the upload is not a JSON object.")
    return metadata


def _content(part: bytes) -> bytes:
    _, separator, content = part.partition(b"\r\n\r\n")
    if not separator:
        raise HttpError(400, "A part of the upload has no headers.")
    return content
