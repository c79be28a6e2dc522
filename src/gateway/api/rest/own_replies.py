"""What Envoy answers by itself, in the shape of Google's errors, also where no filter has seen the request.

Most of it Envoy puts into words. Of what it refuses before its filters it only logs the reason, so the words are here.
"""

from typing import Any, Final

from gateway.api.rest.front import Config

_ITS_WORDS: Final = "%LOCAL_REPLY_BODY%"
_STATUS: Final = {404: "NOT_FOUND", 408: "DEADLINE_EXCEEDED", 503: "UNAVAILABLE", 504: "DEADLINE_EXCEEDED"}
_PATH, _HOST = ":path", ":authority"
_READ: Final = {"name": _PATH, "present_match": True}
"""Of bytes that are no HTTP no header was read, and Envoy has words for them."""

SEEN: Final = ("rest", "seen")
"""The metadata, by filter and key, by which `google.lua` says that the filters have seen a request."""

_UNREADABLE: Final = "The path cannot be read. %2F, %5C and %00 stand in no name: send / between the names, as it is."
_FRAGMENT: Final = "The address holds a #. Leave it out, with what follows; inside a value of the query it is %23."
_NO_HOST: Final = "The request does not say to which host it goes. Send the header Host."
_NO_PATH: Final = "The request has no path. Every path begins with /v1."


def own_replies() -> Config:
    """The mappers, of which the first that fits is taken."""
    silent = [
        _silent(400, {"name": _PATH, "string_match": {"contains": "#"}}, _FRAGMENT),
        _silent(400, {"name": _HOST, "present_match": True, "invert_match": True}, _NO_HOST),
        # By now a %2F is a slash in it, so any path does.
        _silent(400, _READ, _UNREADABLE),
        _silent(404, {"name": _PATH, "string_match": {"exact": "*"}}, _NO_PATH),
    ]
    special = [_reply(_status("EQ", code), word) for code, word in _STATUS.items()]
    others = [_reply(_status("GE", 500), "INTERNAL"), _reply(_status("GE", 400), "INVALID_ARGUMENT")]
    return {"mappers": [*silent, *special, *others]}


def _silent(code: int, header: Config, words: str) -> Config:
    """A refusal before the filters, known by what it is about."""
    headers = [{"header_filter": {"header": each}} for each in (_READ, header)]
    known = {"and_filter": {"filters": [_status("EQ", code), _unseen(), *headers]}}
    # Where a format is written, a percent sign begins a command.
    return _reply(known, _STATUS.get(code, "INVALID_ARGUMENT"), words.replace("%", "%%"))


def _reply(condition: Config, word: str, message: str = _ITS_WORDS) -> Config:
    error = {"code": "%RESPONSE_CODE%", "message": message, "status": word}
    return {
        "filter": condition,
        "body_format_override": {"json_format": {"error": error}, "content_type": "application/json; charset=UTF-8"},
    }


def _status(operator: str, code: int) -> dict[str, Any]:
    comparison = {"op": operator, "value": {"default_value": code, "runtime_key": f"rest.own_replies.{code}"}}
    return {"status_code_filter": {"comparison": comparison}}


def _unseen() -> Config:
    name, key = SEEN
    # The matcher's own `invert` counts for nothing here.
    matcher = {"filter": name, "path": [{"key": key}], "value": {"bool_match": False}}
    return {"metadata_filter": {"matcher": matcher, "match_if_key_not_found": True}}
