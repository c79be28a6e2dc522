"""Bounds for `model_parameters`, which go to Vertex AI as they are."""

import json
import math
from collections.abc import Iterator, Mapping
from typing import Any, Final

from gateway.admission.fields import MODEL_PARAMETERS
from gateway.errors import FieldViolation

MAX_DEPTH: Final = 16
MAX_BYTES: Final = 32 * 1024
"""As JSON in UTF-8."""


def parameter_violations(parameters: Mapping[str, Any]) -> Iterator[FieldViolation]:
    """What makes the parameters unfit to be kept and sent: too deep, too large, NUL, or numbers that JSON lacks."""
    seen = {fault for value, depth in _walk(parameters) if (fault := _fault(value, depth))}
    if "PARAMETERS_TOO_DEEP" not in seen and _size(parameters) > MAX_BYTES:
        seen.add("PARAMETERS_TOO_LARGE")
    for reason in sorted(seen):
        yield FieldViolation(MODEL_PARAMETERS, reason, _SENTENCES[reason])


_SENTENCES: Final = {
    "PARAMETERS_CHARACTER": "A name or a text in it holds NUL: remove it.",
    "PARAMETERS_NUMBER": "A number in it is not finite: JSON and Vertex AI know neither NaN nor infinity.",
    "PARAMETERS_TOO_DEEP": f"It is nested deeper than {MAX_DEPTH} levels.",
    "PARAMETERS_TOO_LARGE": f"It takes more than {MAX_BYTES} bytes as JSON.",
}


def _fault(value: Any, depth: int) -> str | None:
    if depth > MAX_DEPTH:
        return "PARAMETERS_TOO_DEEP"
    if isinstance(value, float) and not math.isfinite(value):
        return "PARAMETERS_NUMBER"
    if isinstance(value, str) and "\0" in value:
        return "PARAMETERS_CHARACTER"
    return None


def _walk(parameters: Mapping[str, Any]) -> Iterator[tuple[Any, int]]:
    """Every value and every name with its depth, without recursion, one level past the bound."""
    left: list[tuple[Any, int]] = [(parameters, 1)]
    while left:
        value, depth = left.pop()
        yield value, depth
        if depth > MAX_DEPTH:
            continue
        if isinstance(value, Mapping):
            left += [(name, depth) for name in value]
            left += [(item, depth + 1) for item in value.values()]
        elif isinstance(value, (list, tuple)):
            left += [(item, depth + 1) for item in value]


def _size(parameters: Mapping[str, Any]) -> int:
    return len(json.dumps(dict(parameters), ensure_ascii=False, default=dict).encode("utf-8", "surrogatepass"))
