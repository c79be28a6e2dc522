"""The names that a certificate may give its holder, and which of them the gateway takes: pure rules."""

import re
from collections.abc import Iterable
from typing import Final

MTLS: Final = "mtls:"
MTLS_DNS: Final = "mtls-dns:"
JWT: Final = "jwt:"

MAX_NAME_LENGTH: Final = 512
"""Characters of a principal's name; it stands in every row that the principal makes."""

_SPIFFE_ID: Final = re.compile(r"spiffe://[a-z0-9._-]{1,255}(?:/[A-Za-z0-9._-]+)*")
_DNS_NAME: Final = re.compile(
    r"(?=.{1,253}$)(?:[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?\.)*[a-z](?:[a-z0-9-]{0,61}[a-z0-9])?"
)


def is_spiffe_id(uri: str) -> bool:
    """Whether it is a SPIFFE id by the letter of the standard: no escapes, no port, no `.` or `..` in its path."""
    segments = uri.split("/")
    return len(uri) <= MAX_NAME_LENGTH and _SPIFFE_ID.fullmatch(uri) is not None and not {".", ".."} & set(segments)


def is_dns_name(name: str) -> bool:
    """Whether it is one host's name, in lower case; a wildcard is none."""
    return _DNS_NAME.fullmatch(name) is not None


def only(values: Iterable[bytes] | None) -> str | None:
    """The one value where there is exactly one and it is text."""
    found = list(values or ())
    if len(found) != 1:
        return None
    try:
        return found[0].decode("ascii")
    except UnicodeDecodeError:
        return None
