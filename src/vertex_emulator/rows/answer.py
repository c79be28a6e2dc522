"""The answer to a good row: not clever, but the same every time, and shaped by what was asked."""

from __future__ import annotations

import json
import math
import re
from typing import Any

from vertex_emulator.rows.contents import Turn
from vertex_emulator.rows.generation import Generation

_QUOTED_WORDS = 24
_KEYWORDS = 5
_LETTERS_PER_TOKEN = 4
_TOKENS_PER_FILE = 258
_SENTENCE = "In short: "


def answer(model: str, instruction: str, turns: list[Turn], settings: Generation) -> dict[str, Any]:
    """A response as Gemini shapes one: candidates, the use of tokens, and the model that answered."""
    candidates = [_candidate(index, instruction, turns, settings) for index in range(settings.candidates)]
    prompt = count_tokens(instruction) + sum(count_tokens(said) for turn in turns for said in turn.texts)
    prompt += _TOKENS_PER_FILE * sum(len(turn.files) for turn in turns)
    spoken = sum(count_tokens(candidate["content"]["parts"][0]["text"]) for candidate in candidates)
    return {
        "candidates": candidates,
        "usageMetadata": {
            "promptTokenCount": prompt,
            "candidatesTokenCount": spoken,
            "totalTokenCount": prompt + spoken,
        },
        "modelVersion": model,
    }


def count_tokens(text: str) -> int:
    """About what a tokenizer would say: four characters to a token."""
    return math.ceil(len(text) / _LETTERS_PER_TOKEN)


def _candidate(index: int, instruction: str, turns: list[Turn], settings: Generation) -> dict[str, Any]:
    text, reason = _limited(_text(index, instruction, turns, as_json=settings.as_json), settings)
    candidate: dict[str, Any] = {
        "content": {"role": "model", "parts": [{"text": text}]},
        "finishReason": reason,
    }
    if index:
        candidate["index"] = index
    return candidate


def _text(index: int, instruction: str, turns: list[Turn], *, as_json: bool) -> str:
    asked = " ".join(turns[-1].texts)
    about = ", ".join(_keywords(asked))
    if as_json:
        return json.dumps({"summary": _shortened(asked), "keywords": _keywords(asked)}, ensure_ascii=False)
    sentences = []
    if index:
        sentences.append(f"Another way to say it ({index + 1}).")
    if instruction:
        sentences.append(f"As instructed ({_shortened(instruction)}):")
    sentences.append(f"You asked: {_shortened(asked)}" if asked else "You sent no text.")
    if len(turns) > 1:
        sentences.append(f"This is turn {len(turns)} of our conversation.")
    if turns[-1].files:
        sentences.append(f"I looked at {', '.join(turns[-1].files)}.")
    sentences.append(f"{_SENTENCE}{about or 'nothing to add'}.")
    return " ".join(sentences)


def _shortened(text: str) -> str:
    words = text.split()
    return " ".join(words[:_QUOTED_WORDS]) + ("…" if len(words) > _QUOTED_WORDS else "")


def _keywords(text: str) -> list[str]:
    """The longest different words, in the order in which they came."""
    words = list(dict.fromkeys(word.lower() for word in re.findall(r"\w{4,}", text)))
    longest = set(sorted(words, key=lambda word: (-len(word), words.index(word)))[:_KEYWORDS])
    return [word for word in words if word in longest]


def _limited(text: str, settings: Generation) -> tuple[str, str]:
    """The text as far as the settings let it go, and why it ends there."""
    for stop in settings.stop_sequences:
        if stop and stop in text:
            text = text[: text.index(stop)]
    longest = settings.max_output_tokens * _LETTERS_PER_TOKEN
    return (text, "STOP") if len(text) <= longest else (text[:longest], "MAX_TOKENS")
