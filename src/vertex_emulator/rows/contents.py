"""The contents of a row: turns, their roles, and parts of text and files."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from vertex_emulator.rows.fields import RowRefusedError, items, message, text

_ROLES = ("user", "model")
_PART_DATA = (
    "text",
    "inlineData",
    "fileData",
    "functionCall",
    "functionResponse",
    "executableCode",
    "codeExecutionResult",
)
_PART_EXTRAS = ("videoMetadata", "thought", "thoughtSignature", "partMetadata", "mediaResolution")
_MIME_PREFIXES = ("image/", "audio/", "video/", "text/")
_MIME_TYPES = {"application/pdf", "application/json", "application/xml"}

HasObject = Callable[[str], bool]
"""Says whether a `gs://` URI names an object that is there. May block."""


@dataclass
class Turn:
    """One turn of a conversation: who speaks, what is said, and the names of the files that come with it."""

    role: str
    texts: list[str] = field(default_factory=list)
    files: list[str] = field(default_factory=list)


def read_contents(value: Any, has_object: HasObject) -> list[Turn]:
    """The turns of a row; refused where there are none, or one is not as it must be."""
    contents = items(value if value is not None else [], "contents")
    if not contents:
        raise RowRefusedError("Unable to submit request because at least one contents field is required.")
    return [_turn(content, f"contents[{index}]", has_object) for index, content in enumerate(contents)]


def read_instruction(value: Any, has_object: HasObject) -> str:
    """The text of a system instruction; empty where there is none."""
    if value is None:
        return ""
    content = message(value, "system_instruction", ("role", "parts"))
    turn = _turn({"role": "user", "parts": content.get("parts")}, "system_instruction", has_object)
    if turn.files:
        raise RowRefusedError("A system instruction may hold text only.")
    return " ".join(turn.texts)


def _turn(value: Any, at: str, has_object: HasObject) -> Turn:
    content = message(value, at, ("role", "parts"))
    role = text(content.get("role", "user"), f"{at}.role")
    if role not in _ROLES:
        raise RowRefusedError("Please use a valid role: user, model.")
    turn = Turn(role)
    parts = items(content.get("parts") or [], f"{at}.parts")
    if not parts:
        raise RowRefusedError(f"Unable to submit request because {at} must include at least one parts field.")
    for index, part in enumerate(parts):
        _read_part(part, f"{at}.parts[{index}]", turn, has_object)
    return turn


def _read_part(value: Any, at: str, turn: Turn, has_object: HasObject) -> None:
    part = message(value, at, (*_PART_DATA, *_PART_EXTRAS))
    data = [name for name in _PART_DATA if name in part]
    if len(data) != 1:
        raise RowRefusedError(f"Unable to submit request because {at} must have one initialized field.")
    if data == ["text"]:
        turn.texts.append(text(part["text"], f"{at}.text"))
    elif data == ["fileData"]:
        turn.files.append(_file(part["fileData"], f"{at}.file_data", has_object))
    elif data == ["inlineData"]:
        turn.files.append(_inline(part["inlineData"], f"{at}.inline_data"))
    elif not isinstance(part[data[0]], dict):
        raise RowRefusedError(f"Invalid value at '{at}.{data[0]}': an object is expected.")


def _file(value: Any, at: str, has_object: HasObject) -> str:
    data = message(value, at, ("fileUri", "mimeType", "displayName"))
    uri = text(data.get("fileUri", ""), f"{at}.file_uri")
    _check_mime_type(data, at)
    if uri.startswith("gs://"):
        if not has_object(uri):
            raise RowRefusedError(f"Cannot fetch content from the provided URI: {uri} does not exist.", "NOT_FOUND")
    elif not uri.startswith(("https://", "http://")):
        raise RowRefusedError(f"Invalid file_uri {uri!r}: it must be a gs:// or https:// URI.")
    return uri.rsplit("/", 1)[-1]


def _inline(value: Any, at: str) -> str:
    data = message(value, at, ("data", "mimeType", "displayName"))
    mime_type = _check_mime_type(data, at)
    try:
        base64.b64decode(text(data.get("data", ""), f"{at}.data"), altchars=None, validate=True)
    except binascii.Error as error:
        raise RowRefusedError(f"Invalid value at '{at}.data': Base64 decoding failed.") from error
    return f"inline {mime_type}"


def _check_mime_type(data: dict[str, Any], at: str) -> str:
    mime_type = text(data.get("mimeType", ""), f"{at}.mime_type")
    if not mime_type:
        raise RowRefusedError(f"Unable to submit request because {at} must have a mimeType parameter.")
    if mime_type not in _MIME_TYPES and not mime_type.startswith(_MIME_PREFIXES):
        raise RowRefusedError(
            f"Unable to submit request because it has a mimeType parameter with value {mime_type}, "
            "which is not supported."
        )
    return mime_type
