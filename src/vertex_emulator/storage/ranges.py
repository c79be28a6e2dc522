"""The `Range` header of a download, for the one form that clients of Cloud Storage send: a single range of bytes."""

from __future__ import annotations

import re
from dataclasses import dataclass

_RANGE = re.compile(r"bytes=(\d*)-(\d*)")


class RangeNotSatisfiableError(Exception):
    """The range begins past the end of the object."""


@dataclass(frozen=True)
class ByteRange:
    """From the first byte to the last one, both included."""

    first: int
    last: int

    @property
    def length(self) -> int:
        return self.last - self.first + 1


def parse_range(header: str | None, size: int) -> ByteRange | None:
    """The range of an object of `size` bytes that a header asks for; None for the whole object.

    A header that is not understood asks for the whole object, as RFC 9110 says.
    """
    match = _RANGE.fullmatch((header or "").strip())
    if match is None or match[0] == "bytes=-":
        return None
    first, last = match[1], match[2]
    if first and last and int(last) < int(first):
        return None
    if not first:
        wanted = ByteRange(max(size - int(last), 0), size - 1)
    else:
        wanted = ByteRange(int(first), min(int(last), size - 1) if last else size - 1)
    if wanted.length <= 0:
        raise RangeNotSatisfiableError(f"the object has {size} bytes")
    return wanted
