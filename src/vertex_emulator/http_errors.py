"""Errors of the HTTP routes, in the JSON shape of Google's APIs."""

from __future__ import annotations

import json
from collections.abc import Mapping

from aiohttp import web

_REASONS = {
    400: "invalid",
    401: "required",
    403: "forbidden",
    404: "notFound",
    409: "conflict",
    410: "uploadNotFound",
    412: "conditionNotMet",
    413: "uploadTooLarge",
    416: "requestedRangeNotSatisfiable",
    429: "rateLimitExceeded",
    500: "internalError",
    501: "notImplemented",
    503: "backendError",
}


class HttpError(Exception):
    """An answer other than success: its HTTP status, a sentence that says why, and headers that belong to it.

    `reason` is what Google's clients look at; most statuses have one that goes without saying.
    """

    def __init__(self, status: int, message: str, headers: Mapping[str, str] | None = None, reason: str = "") -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.headers = headers
        self.reason = reason


def error_response(
    status: int, message: str, headers: Mapping[str, str] | None = None, reason: str = ""
) -> web.Response:
    reason = reason or _REASONS.get(status, "backendError")
    body = {
        "error": {
            "code": status,
            "message": message,
            "errors": [{"message": message, "domain": "global", "reason": reason}],
        }
    }
    return web.Response(status=status, text=json.dumps(body), content_type="application/json", headers=headers)
