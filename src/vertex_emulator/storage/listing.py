"""Listing the objects of a bucket: prefix, delimiter, pages."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from vertex_emulator.http_errors import HttpError
from vertex_emulator.storage import objects
from vertex_emulator.storage.buckets import Bucket
from vertex_emulator.storage.objects import ObjectMissingError
from vertex_emulator.storage.resources import object_resource

_MAX_RESULTS = 1000


@dataclass
class _Page:
    names: list[str] = field(default_factory=list)
    prefixes: list[str] = field(default_factory=list)
    last: str = ""
    more: bool = False

    def __len__(self) -> int:
        return len(self.names) + len(self.prefixes)


def list_objects(bucket: Bucket, query: Mapping[str, str]) -> dict[str, Any]:
    """One page in the API's shape, as a `query` asks for it. Blocks. HttpError 400 for a bad size or token."""
    page = _page(bucket, query)
    answer: dict[str, Any] = {"kind": "storage#objects"}
    if page.names:
        answer["items"] = [resource for name in page.names if (resource := _resource(bucket, name)) is not None]
    if page.prefixes:
        answer["prefixes"] = page.prefixes
    if page.more:
        answer["nextPageToken"] = base64.urlsafe_b64encode(page.last.encode()).decode()
    return answer


def _page(bucket: Bucket, query: Mapping[str, str]) -> _Page:
    prefix, delimiter = query.get("prefix", ""), query.get("delimiter", "")
    limit, after = _limit(query.get("maxResults", "")), _after(query.get("pageToken", ""))
    page = _Page()
    for name in objects.walk(bucket, prefix):
        cut = name.find(delimiter, len(prefix)) if delimiter else -1
        entry = name if cut < 0 else name[: cut + len(delimiter)]
        if entry.encode() <= after.encode() or (page.prefixes and entry == page.prefixes[-1]):
            continue
        if len(page) == limit:
            page.more = True
            break
        (page.names if cut < 0 else page.prefixes).append(entry)
        page.last = entry
    return page


def _resource(bucket: Bucket, name: str) -> dict[str, Any] | None:
    try:
        return object_resource(objects.stat(bucket, name))
    except (ObjectMissingError, OSError):
        return None  # The file went away between listing and looking.


def _limit(text: str) -> int:
    if not text:
        return _MAX_RESULTS
    if not text.isdecimal() or int(text) < 1:
        raise HttpError(400, f"Invalid maxResults: {text!r}.")
    return min(int(text), _MAX_RESULTS)


def _after(token: str) -> str:
    try:
        return base64.b64decode(token.encode(), altchars=b"-_", validate=True).decode()
    except (binascii.Error, UnicodeError) as error:
        raise HttpError(400, "Invalid page token.") from error
