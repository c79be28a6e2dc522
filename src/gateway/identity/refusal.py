"""Why a caller has no name here. Every refusal says what to send instead, and never repeats what was sent as proof."""

import json
from enum import StrEnum, unique
from typing import Final

from gateway.errors import GatewayError, Reason

CAUSE: Final = "cause"
"""The key of `ErrorInfo.metadata`, and of the call's log line, that holds the cause."""

_SHOWN_LENGTH: Final = 120


@unique
class Cause(StrEnum):
    """What is wrong with a caller's proof. The names are part of the API: programs compare them."""

    NO_CREDENTIALS = "NO_CREDENTIALS"
    NOT_BEARER = "NOT_BEARER"
    SEVERAL_TOKENS = "SEVERAL_TOKENS"
    NO_TOKENS_HERE = "NO_TOKENS_HERE"
    NOT_A_JWT = "NOT_A_JWT"
    UNKNOWN_ISSUER = "UNKNOWN_ISSUER"
    ALGORITHM_NOT_ALLOWED = "ALGORITHM_NOT_ALLOWED"
    UNKNOWN_KEY = "UNKNOWN_KEY"
    WRONG_SIGNATURE = "WRONG_SIGNATURE"
    WRONG_AUDIENCE = "WRONG_AUDIENCE"
    EXPIRED = "EXPIRED"
    NOT_YET_VALID = "NOT_YET_VALID"
    CLAIM_NOT_USABLE = "CLAIM_NOT_USABLE"
    NO_NAME_IN_CERTIFICATE = "NO_NAME_IN_CERTIFICATE"
    FORWARDED_NOT_USABLE = "FORWARDED_NOT_USABLE"


def refused(cause: Cause, message: str) -> GatewayError:
    """The refusal of a caller, to be raised."""
    return GatewayError(Reason.NOT_AUTHENTICATED, message, metadata={CAUSE: cause.value})


def shown(value: object) -> str:
    """A value that a caller sent, for a message to that caller: quoted, on one line, not too long."""
    text = json.dumps(value if isinstance(value, str | int | float | bool) else str(type(value).__name__))
    return text if len(text) <= _SHOWN_LENGTH else f"{text[:_SHOWN_LENGTH]}…"
