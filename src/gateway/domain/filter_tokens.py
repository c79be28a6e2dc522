"""Cutting a list's filter into tokens."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import Enum, auto, unique
from typing import Final


@unique
class Kind(Enum):
    """What a token is. What fits nothing is BROKEN, up to the next blank."""

    WORD = auto()
    QUOTED = auto()
    OPERATOR = auto()
    BRACKET = auto()
    BROKEN = auto()


@dataclass(frozen=True, slots=True)
class Token:
    """One token; `text` is without its quotes. It stands at the characters from `at` to before `end`."""

    kind: Kind
    text: str
    at: int
    end: int

    def is_word(self, word: str) -> bool:
        """Whether it is this word, not in quotes."""
        return self.kind is Kind.WORD and self.text == word


_OPERATORS: Final = r"!=|<=|>=|=|<|>|:"
# Escapes are not served: nothing that can be filtered by holds a quote, a backslash or a control character.
_TOKEN: Final = re.compile(
    rf"""(?P<WORD>[^\s"'()=<>!:,\\\x00-\x1f\x7f]+)
    |"(?P<QUOTED>[^"\\\x00-\x1f\x7f]*)"|'(?P<QUOTED_SINGLY>[^'\\\x00-\x1f\x7f]*)'
    |(?P<OPERATOR>{_OPERATORS})
    |(?P<BRACKET>[()])
    |(?P<BROKEN>\S\S*)""",
    re.VERBOSE,
)
_VALUE: Final = re.compile(r"""[^\s"'()=<>!\\\x00-\x1f\x7f]+""")
_BLANK: Final = re.compile(r"\s*")
_SHOWN: Final = 80


def tokens(text: str) -> Iterator[Token]:
    """The tokens in order. Behind an operator a bare value may hold colons and commas, as times and names do."""
    at, behind_operator = 0, False
    while (at := _after_blank(text, at)) < len(text):
        value = _VALUE.match(text, at) if behind_operator else None
        token = Token(Kind.WORD, value[0], at, value.end()) if value else _token(text, at)
        yield token
        at, behind_operator = token.end, token.kind is Kind.OPERATOR


def _token(text: str, at: int) -> Token:
    found = _TOKEN.match(text, at)
    if found is None:
        return Token(Kind.BROKEN, text[at:], at, len(text))
    name = found.lastgroup or "BROKEN"
    return Token(Kind[name.removesuffix("_SINGLY")], found[name], at, found.end())


def _after_blank(text: str, at: int) -> int:
    found = _BLANK.match(text, at)
    return found.end() if found else at


def shown_as(part: Iterable[Token]) -> str:
    """The tokens in quotation marks, for a sentence about them."""
    return quoted(" ".join(token.text for token in part))


def quoted(text: str) -> str:
    """The beginning of the text in quotation marks, without what cannot be printed."""
    shown = "".join(sign if sign.isprintable() else "\N{REPLACEMENT CHARACTER}" for sign in text[:_SHOWN])
    return f"“{shown}”"
