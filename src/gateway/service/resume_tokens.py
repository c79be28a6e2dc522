"""Resume tokens: plain cursors, bound to the store's incarnation and to one team. They give no rights.

Each carries a checksum over all of it: a token that lost or changed a character would otherwise be a revision all the
same, and what lies between would be skipped in silence.
"""

import hashlib
import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from gateway.errors import FieldViolation, GatewayError, Reason

_TOKEN: Final = re.compile(r"1:([0-9a-f]{1,64}):([0-9a-f]{16}):(0|[1-9][0-9]{0,18}):([0-9a-f]{16})", re.ASCII)
_ENCODED: Final = re.compile(r"[A-Za-z0-9_-]{1,240}")
_MAX_REVISION: Final = 2**63 - 1
_WAY_OUT: Final = "Watch without a token: then everything that has not ended comes first."


@dataclass(frozen=True, slots=True)
class ResumePoint:
    """Where a watch goes on: behind this revision of the store's incarnation."""

    incarnation: str
    revision: int


@lru_cache(maxsize=1024)
def write_resume_token(incarnation: str, team: str, revision: int) -> str:
    """The token of a reader that has seen the team's changes up to this revision."""
    text = f"1:{incarnation}:{_hash(team)}:{revision}"
    text = f"{text}:{_hash(text)}"
    return urlsafe_b64encode(text.encode()).decode().rstrip("=")


def read_resume_token(team: str, token: str) -> ResumePoint:
    """Where the token says to go on.

    Raises:
        GatewayError: INVALID_SPEC for a token that is garbled, or that another team's watch has sent.

    """
    text = _decoded(token)
    match = _TOKEN.fullmatch(text)
    if match is None or match[4] != _hash(text.rpartition(":")[0]) or int(match[3]) > _MAX_REVISION:
        raise _invalid("RESUME_TOKEN_FORM", "This is no resume token: pass on what a watch has sent, as it stands.")
    if match[2] != _hash(team):
        raise _invalid("RESUME_TOKEN_TEAM", "This resume token is from a watch of another team.")
    return ResumePoint(match[1], int(match[3]))


def expired(why: str) -> GatewayError:
    """The refusal of a token that was right once, or may be again: the changes since then are not to be had."""
    return GatewayError(
        Reason.RESUME_TOKEN_EXPIRED, f"The watch cannot be resumed: {why} {_WAY_OUT} List to see what has ended."
    )


def _invalid(reason: str, sentence: str) -> GatewayError:
    detail = FieldViolation("resume_token", reason, sentence)
    return GatewayError(Reason.INVALID_SPEC, f"{sentence} {_WAY_OUT}", details=(detail,))


def _decoded(token: str) -> str:
    if not _ENCODED.fullmatch(token):
        return ""
    try:
        return urlsafe_b64decode(token + "=" * (-len(token) % 4)).decode("ascii")
    except ValueError:
        return ""


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:16]
