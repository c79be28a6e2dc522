"""From one line of a batch's input to one line of its output."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NoReturn

from vertex_emulator.rows.answer import answer
from vertex_emulator.rows.contents import HasObject, read_contents, read_instruction
from vertex_emulator.rows.fields import RowRefusedError, message
from vertex_emulator.rows.generation import generation

_REQUEST = [
    "contents",
    "systemInstruction",
    "generationConfig",
    "safetySettings",
    "tools",
    "toolConfig",
    "labels",
    "cachedContent",
    "modelArmorConfig",
]


@dataclass(frozen=True)
class RowSettings:
    """What a row's answer depends on beside the row."""

    model: str
    has_object: HasObject
    job_parameters: Mapping[str, Any] = field(default_factory=dict)
    fail_every: int = 0
    from_table: bool = False
    """A table's request may be text that holds JSON."""
    carried: tuple[str, ...] = ()
    """The columns that stand in the output as they stand in the row."""


@dataclass(frozen=True)
class RowResult:
    """One line of output without its line end, and why the row was refused, if it was."""

    line: bytes
    refusal: str = ""


def process_row(line: bytes, number: int, settings: RowSettings, processed_time: str) -> RowResult:
    """Answer or refuse one row. `number` counts the rows of the input from 1."""
    request: Any = line.decode("utf-8", "replace")
    carried: dict[str, Any] = {}
    try:
        row = _row(line)
        request = row["request"]
        carried = {name: row.get(name) for name in settings.carried}
        if settings.from_table and isinstance(request, str):
            request = _parsed(request, "The request is not valid JSON.")
        _fail_if_chosen(number, settings)
        response = _response(request, settings)
    except RowRefusedError as refused:
        error = {"code": refused.code, "message": refused.message, "status": refused.status}
        status = f"Bad Request: {json.dumps({'error': error})}"
        return RowResult(_output(carried, status, processed_time, request, {}), refused.message)
    return RowResult(_output(carried, "", processed_time, request, response))


def _fail_if_chosen(number: int, settings: RowSettings) -> None:
    if settings.fail_every and number % settings.fail_every == 0:
        raise RowRefusedError("Service agents are being provisioned. Please retry later.", "FAILED_PRECONDITION")


def _row(line: bytes) -> dict[str, Any]:
    row = _parsed(line, "The line is not valid JSON.")
    if not isinstance(row, dict) or "request" not in row:
        raise RowRefusedError('The line must be a JSON object with a "request".')
    return row


def _parsed(text: str | bytes, otherwise: str) -> Any:
    try:
        return json.loads(text, parse_constant=_refuse_constant, parse_float=_finite)
    except (ValueError, RecursionError) as error:
        raise RowRefusedError(otherwise) from error


def _response(request: Any, settings: RowSettings) -> dict[str, Any]:
    fields = message(request, "request", _REQUEST)
    turns = read_contents(fields.get("contents"), settings.has_object)
    instruction = read_instruction(fields.get("systemInstruction"), settings.has_object)
    wanted = generation(settings.job_parameters, fields.get("generationConfig"))
    return answer(settings.model, instruction, turns, wanted)


def _output(carried: dict[str, Any], status: str, processed_time: str, request: Any, response: dict[str, Any]) -> bytes:
    row = {**carried, "status": status, "processed_time": processed_time, "request": request, "response": response}
    try:
        return json.dumps(row, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        # Half of a surrogate pair, which JSON can name and UTF-8 cannot hold, stays escaped as it came.
        return json.dumps(row).encode()


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


def _finite(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise ValueError(f"{text} is too large")
    return value
