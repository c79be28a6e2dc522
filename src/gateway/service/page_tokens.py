"""Page tokens: plain cursors, bound to the list they come from. They give no rights, so they are not signed, only
checked: one that lost a character would otherwise be another page.
"""

import hashlib
import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from typing import Final

from gateway.errors import FieldViolation, GatewayError, Reason

_VERSION: Final = "1"
_TOKEN: Final = re.compile(r"1:([0-9a-f]{16}):([1-9][0-9]{0,18})")
_ENCODED: Final = re.compile(r"[A-Za-z0-9_-]{1,80}")
MAX_ID: Final = 2**63 - 1
_NOT_FROM_HERE: Final = (
    "The page token is not from this list: it belongs to one parent and one filter. "
    "Start again without a token, and keep parent and filter the same from page to page."
)


def write_token(query: tuple[str, ...], last_id: int) -> str:
    """The token for the page that comes after the batch job `last_id` in the list that `query` describes."""
    text = f"{_VERSION}:{_binding(query, last_id)}:{last_id}"
    return urlsafe_b64encode(text.encode()).decode().rstrip("=")


def read_token(query: tuple[str, ...], token: str) -> int | None:
    """The id that the page begins below; None for the first page.

    Raises:
        GatewayError: INVALID_PAGE_TOKEN for a token that is garbled or of another list.

    """
    if not token:
        return None
    match = _TOKEN.fullmatch(_decoded(token))
    if match is None or int(match[2]) > MAX_ID or match[1] != _binding(query, int(match[2])):
        detail = FieldViolation("page_token", Reason.INVALID_PAGE_TOKEN.value, _NOT_FROM_HERE)
        raise GatewayError(Reason.INVALID_PAGE_TOKEN, _NOT_FROM_HERE, details=(detail,))
    return int(match[2])


def _decoded(token: str) -> str:
    if not _ENCODED.fullmatch(token):
        return ""
    try:
        return urlsafe_b64decode(token + "=" * (-len(token) % 4)).decode("ascii")
    except ValueError:
        return ""


def _binding(query: tuple[str, ...], last_id: int) -> str:
    return hashlib.sha256("\0".join((*query, str(last_id))).encode()).hexdigest()[:16]
