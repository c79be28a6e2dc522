"""Vertex AI's rules for labels, and the keys that are the gateway's own."""

import unicodedata
from collections.abc import Iterator, Mapping
from typing import Final

from gateway.admission.fields import LABELS, label_field
from gateway.domain.vertex_job import RESERVED_LABEL_PREFIX
from gateway.errors import FieldViolation

MAX_LABELS: Final = 60
"""Vertex AI takes 64 on one resource; four are the gateway's own."""
MAX_CHARACTERS: Final = 63

_LETTERS: Final = frozenset({"Ll", "Lo"})
_DIGITS: Final = frozenset({"Nd"})


def label_violations(labels: Mapping[str, str]) -> Iterator[FieldViolation]:
    """Every label that Vertex AI would refuse, or that is not the caller's to set."""
    if len(labels) > MAX_LABELS:
        sentence = f"There are {len(labels)} labels; at most {MAX_LABELS} are allowed."
        yield FieldViolation(LABELS, "LABEL_COUNT", sentence)
    for key, value in sorted(labels.items()):
        for reason, sentence in _label_faults(key, value):
            yield FieldViolation(label_field(key), reason, sentence)


def _label_faults(key: str, value: str) -> Iterator[tuple[str, str]]:
    if not key or not _is_letter(key[0]) or not _is_text(key):
        rule = "begins with a lowercase letter and has lowercase letters, digits, _ and - only"
        yield "LABEL_KEY", f"A key {rule}, at most {MAX_CHARACTERS} characters."
    if key.startswith(RESERVED_LABEL_PREFIX):
        yield "LABEL_RESERVED", f"Keys that begin with {RESERVED_LABEL_PREFIX} are the gateway's own: choose another."
    if not _is_text(value):
        rule = f"lowercase letters, digits, _ and - only, at most {MAX_CHARACTERS} characters"
        yield "LABEL_VALUE", f"A value has {rule}."


def _is_text(text: str) -> bool:
    return len(text) <= MAX_CHARACTERS and all(
        sign in "_-" or _is_letter(sign) or unicodedata.category(sign) in _DIGITS for sign in text
    )


def _is_letter(sign: str) -> bool:
    # International letters count; those of scripts without cases are lowercase enough for Google Cloud.
    return unicodedata.category(sign) in _LETTERS
