"""Vertex's rules for labels."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping

MAX_LABELS = 64
MAX_CODE_POINTS = 64


def label_problems(labels: Mapping[str, str]) -> list[str]:
    """What is wrong with the labels of one resource, a sentence each."""
    problems = []
    if len(labels) > MAX_LABELS:
        problems.append(f"There are {len(labels)} labels; at most {MAX_LABELS} are allowed.")
    for key, value in sorted(labels.items()):
        if not key:
            problems.append("A label's key is empty.")
        problems += [f"Label key {key!r} {problem}" for problem in _text_problems(key)]
        problems += [f"Label value {value!r} of {key!r} {problem}" for problem in _text_problems(value)]
    return problems


def _text_problems(text: str) -> list[str]:
    problems = []
    if len(text) > MAX_CODE_POINTS:
        problems.append(f"has more than {MAX_CODE_POINTS} characters.")
    if not all(map(_allowed, text)):
        problems.append("may hold lowercase letters, digits, `_` and `-` only.")
    return problems


def _allowed(sign: str) -> bool:
    """International letters count where they have no upper case form, or are not in it."""
    return sign in "_-" or unicodedata.category(sign) in {"Ll", "Lo", "Lm", "Mn", "Mc", "Nd"}
