"""Cutting a list filter into tokens."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum


class FilterError(ValueError):
    """A filter that does not follow the grammar, or names what cannot be filtered by."""


class TokenKind(StrEnum):
    """What a token is. A string was in quotes, a text was not."""

    OPEN = "("
    CLOSE = ")"
    COMPARE = "comparator"
    DOT = "."
    TEXT = "text"
    STRING = "string"
    END = "end"


@dataclass(frozen=True)
class Token:
    """One token; `text` is what it means, with quotes and escapes taken off; `at` counts characters from 0."""

    kind: TokenKind
    text: str
    at: int


_NAME = re.compile(r"[^\s\"'()=<>!:.]+")
_VALUE = re.compile(r"[^\s\"'()=<>!]+")
_COMPARATOR = re.compile(r"<=|>=|!=|=|<|>|:")
_ESCAPES = re.compile(r"\\(.)", re.DOTALL)
_QUOTED = re.compile(r"\"((?:[^\"\\]|\\.)*)\"|'((?:[^'\\]|\\.)*)'", re.DOTALL)
_SINGLE = {"(": TokenKind.OPEN, ")": TokenKind.CLOSE, ".": TokenKind.DOT}


def tokens(text: str) -> Iterator[Token]:
    """The tokens of a filter, closed by one of kind END. FilterError where none fits.

    After a comparator a bare value may hold dots and colons, as times do; before one, a dot parts a field from its key.
    """
    at, previous = 0, TokenKind.END
    while at < len(text):
        if text[at].isspace():
            at += 1
            continue
        token, at = _next(text, at, after_comparator=previous is TokenKind.COMPARE)
        previous = token.kind
        yield token
    yield Token(TokenKind.END, "", len(text))


def _next(text: str, at: int, *, after_comparator: bool) -> tuple[Token, int]:
    sign = text[at]
    if sign in "\"'":
        match = _QUOTED.match(text, at)
        if match is None:
            raise FilterError(f"the string that begins at character {at} is not closed")
        inner = match[1] if match[1] is not None else match[2]
        return Token(TokenKind.STRING, _ESCAPES.sub(r"\1", inner), at), match.end()
    if match := _COMPARATOR.match(text, at):
        return Token(TokenKind.COMPARE, match[0], at), match.end()
    if sign in "()" or (sign == "." and not after_comparator):
        return Token(_SINGLE[sign], sign, at), at + 1
    match = (_VALUE if after_comparator else _NAME).match(text, at)
    if match is None:
        raise FilterError(f"{sign!r} at character {at} is not understood")
    return Token(TokenKind.TEXT, match[0], at), match.end()
