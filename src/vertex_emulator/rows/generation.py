"""The generation settings of a row, over those of its job."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from vertex_emulator.rows.fields import RowRefusedError, items, message, number, text, whole

_MIME_TYPES = {"text/plain", "application/json", "text/x.enum"}
_MAX_OUTPUT_TOKENS = 65_536
_MAX_CANDIDATES = 8
_MAX_STOP_SEQUENCES = 5
_KNOWN = [
    "temperature",
    "topP",
    "topK",
    "candidateCount",
    "maxOutputTokens",
    "stopSequences",
    "presencePenalty",
    "frequencyPenalty",
    "seed",
    "responseMimeType",
    "responseSchema",
    "responseJsonSchema",
    "responseLogprobs",
    "logprobs",
    "responseModalities",
    "thinkingConfig",
    "mediaResolution",
    "speechConfig",
    "audioTimestamp",
    "routingConfig",
    "modelConfig",
    "enableAffectiveDialog",
]


@dataclass(frozen=True)
class Generation:
    """The settings that shape an emulated answer; the others are checked and have no effect."""

    max_output_tokens: int = _MAX_OUTPUT_TOKENS
    candidates: int = 1
    stop_sequences: tuple[str, ...] = ()
    as_json: bool = False


def generation(job_parameters: Mapping[str, Any], row: Any) -> Generation:
    """The settings in force for a row: its own, then the job's. Refused where one is out of bounds."""
    at = "generation_config"
    fields = {**message(dict(job_parameters), "model_parameters", _KNOWN), **message(row or {}, at, _KNOWN)}
    if "temperature" in fields:
        number(fields["temperature"], f"{at}.temperature", 0, 2)
    if "topP" in fields:
        number(fields["topP"], f"{at}.top_p", 0, 1)
    mime_type = text(fields.get("responseMimeType", "text/plain"), f"{at}.response_mime_type")
    if mime_type not in _MIME_TYPES:
        raise RowRefusedError(f"Unsupported response_mime_type {mime_type!r}.")
    stops = items(fields.get("stopSequences", []), f"{at}.stop_sequences")
    if len(stops) > _MAX_STOP_SEQUENCES:
        raise RowRefusedError(f"At most {_MAX_STOP_SEQUENCES} stop_sequences are supported, not {len(stops)}.")
    return Generation(
        whole(fields.get("maxOutputTokens", _MAX_OUTPUT_TOKENS), f"{at}.max_output_tokens", 1, _MAX_OUTPUT_TOKENS),
        whole(fields.get("candidateCount", 1), f"{at}.candidate_count", 1, _MAX_CANDIDATES),
        tuple(text(stop, f"{at}.stop_sequences") for stop in stops),
        mime_type == "application/json",
    )
