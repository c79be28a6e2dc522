"""The documented list filter of batch prediction jobs: its parts, its grammar, and which jobs it lets through.

    filter     = [ sequence ]
    sequence   = disjunction { "AND" disjunction }
    disjunction= factor { "OR" factor }
    factor     = [ "NOT" ] ( "(" sequence ")" | comparison )
    comparison = field comparator value | "labels" "." key ( "=" value | ":" "*" )

OR binds more tightly than AND, as in Google's standard for filters (AIP-160).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import lru_cache

from vertex_emulator.filter_tokens import FilterError, Token, TokenKind, tokens
from vertex_emulator.states import WIRE_NAMES

_MAX_LENGTH = 20_000
_MAX_DEPTH = 50
_COMPARATORS = {
    "display_name": ("=", "!=", ":"),
    "model_display_name": ("=", "!="),
    "state": ("=", "!="),
    "create_time": ("=", "!=", "<", "<=", ">", ">="),
}
_RFC3339 = re.compile(
    r"(\d{4}-\d\d-\d\d)[Tt](\d\d:\d\d:\d\d)(\.\d{1,9})?([Zz]|[+-]\d\d:\d\d)",
)


@dataclass(frozen=True)
class Filterable:
    """What a filter can look at in a job."""

    display_name: str
    model_display_name: str
    state: str
    create_time: datetime
    labels: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Compare:
    """`field comparator value`. The value is as it was written, without quotes."""

    field: str
    comparator: str
    value: str

    def matches(self, job: Filterable) -> bool:
        if self.field == "create_time":
            return _ORDER[self.comparator](_microseconds(job.create_time), parse_time(self.value))
        actual = getattr(job, self.field)
        if self.comparator == ":":
            return _fits(self.value, actual)
        return bool((actual == self.value) == (self.comparator == "="))


@dataclass(frozen=True)
class HasLabel:
    """`labels.key:*`, or `labels.key=value` where there is a value."""

    key: str
    value: str | None = None

    def matches(self, job: Filterable) -> bool:
        return self.key in job.labels and (self.value is None or job.labels[self.key] == self.value)


@dataclass(frozen=True)
class Not:
    """True where its part is not."""

    part: Expression

    def matches(self, job: Filterable) -> bool:
        return not self.part.matches(job)


@dataclass(frozen=True)
class And:
    """True where all parts are; without parts, always."""

    parts: tuple[Expression, ...]

    def matches(self, job: Filterable) -> bool:
        return all(part.matches(job) for part in self.parts)


@dataclass(frozen=True)
class Or:
    """True where any part is."""

    parts: tuple[Expression, ...]

    def matches(self, job: Filterable) -> bool:
        return any(part.matches(job) for part in self.parts)


Expression = Compare | HasLabel | Not | And | Or


def parse_filter(text: str) -> Expression:
    """The filter that a text says; an empty one lets every job through. FilterError with the reason for all others."""
    if len(text) > _MAX_LENGTH:
        raise FilterError(f"longer than {_MAX_LENGTH} characters")
    parser = _Parser(text)
    if parser.at(TokenKind.END):
        return And(())
    expression = parser.sequence(depth=0)
    parser.expect(TokenKind.END)
    return expression


class _Parser:
    def __init__(self, text: str) -> None:
        self._tokens = list(tokens(text))
        self._next = 0

    @property
    def token(self) -> Token:
        return self._tokens[self._next]

    def at(self, kind: TokenKind, text: str | None = None) -> bool:
        return self.token.kind is kind and (text is None or self.token.text == text)

    def expect(self, *kinds: TokenKind) -> Token:
        token = self.token
        if token.kind not in kinds:
            found = f"{token.text!r} at character {token.at}" if token.text else "the end"
            raise FilterError(f"expected {' or '.join(kinds)}, found {found}")
        self._next = min(self._next + 1, len(self._tokens) - 1)
        return token

    def sequence(self, depth: int) -> Expression:
        return self._joined("AND", self.disjunction, And, depth)

    def disjunction(self, depth: int) -> Expression:
        return self._joined("OR", self.factor, Or, depth)

    def _joined(
        self,
        word: str,
        part: Callable[[int], Expression],
        join: Callable[[tuple[Expression, ...]], Expression],
        depth: int,
    ) -> Expression:
        parts = [part(depth)]
        while self.at(TokenKind.TEXT, word):
            self.expect(TokenKind.TEXT)
            parts.append(part(depth))
        return parts[0] if len(parts) == 1 else join(tuple(parts))

    def factor(self, depth: int) -> Expression:
        if depth > _MAX_DEPTH:
            raise FilterError(f"nested deeper than {_MAX_DEPTH} levels")
        if self.at(TokenKind.TEXT, "NOT"):
            self.expect(TokenKind.TEXT)
            return Not(self.factor(depth + 1))
        if self.at(TokenKind.OPEN):
            self.expect(TokenKind.OPEN)
            inner = self.sequence(depth + 1)
            self.expect(TokenKind.CLOSE)
            return inner
        return self.comparison()

    def comparison(self) -> Expression:
        name = self.expect(TokenKind.TEXT).text
        if name == "labels":
            return self._label()
        if name not in _COMPARATORS:
            raise FilterError(f"{name!r} cannot be filtered by; labels.<key>, {', '.join(_COMPARATORS)} can")
        comparator = self.expect(TokenKind.COMPARE).text
        if comparator not in _COMPARATORS[name]:
            raise FilterError(f"{name} cannot be compared by {comparator!r}; {' '.join(_COMPARATORS[name])} can")
        value = self.expect(TokenKind.TEXT, TokenKind.STRING).text
        _check_value(name, value)
        return Compare(name, comparator, value)

    def _label(self) -> Expression:
        self.expect(TokenKind.DOT)
        key = self.expect(TokenKind.TEXT, TokenKind.STRING).text
        comparator = self.expect(TokenKind.COMPARE).text
        value = self.expect(TokenKind.TEXT, TokenKind.STRING)
        if comparator == "=":
            return HasLabel(key, value.text)
        if comparator == ":" and value.kind is TokenKind.TEXT and value.text == "*":
            return HasLabel(key)
        raise FilterError(f"labels.{key} can be compared by `=value` and `:*` only")


def _check_value(name: str, value: str) -> None:
    if name == "create_time":
        parse_time(value)
    if name == "state" and value not in WIRE_NAMES:
        raise FilterError(f"{value!r} is not a state of a job")


@lru_cache(maxsize=256)
def parse_time(text: str) -> int:
    """Microseconds since 1970 of an RFC 3339 time; FilterError if it is none. Finer parts are cut off."""
    match = _RFC3339.fullmatch(text)
    if match is None:
        raise FilterError(f"{text!r} is not a time in RFC 3339 format")
    day, clock, fraction, zone = match[1], match[2], match[3] or ".0", match[4]
    try:
        moment = datetime.fromisoformat(f"{day}T{clock}{fraction[:7]:0<7}{'+00:00' if zone in 'Zz' else zone}")
    except ValueError as error:
        raise FilterError(f"{text!r} is not a time: {error}") from error
    return _microseconds(moment)


def _microseconds(moment: datetime) -> int:
    return (moment - _EPOCH) // timedelta(microseconds=1)


_EPOCH = datetime.fromisoformat("1970-01-01T00:00:00+00:00")
_ORDER: dict[str, Callable[[int, int], bool]] = {
    "=": lambda left, right: left == right,
    "!=": lambda left, right: left != right,
    "<": lambda left, right: left < right,
    "<=": lambda left, right: left <= right,
    ">": lambda left, right: left > right,
    ">=": lambda left, right: left >= right,
}


def _fits(pattern: str, text: str) -> bool:
    """Whether a text fits a pattern whose `*` stands for anything; in one pass, whatever the pattern."""
    first, *rest = pattern.split("*")
    if not rest:
        return text == pattern
    *middle, last = rest
    if not text.startswith(first) or len(text) < len(first) + len(last) or not text.endswith(last):
        return False
    at, end = len(first), len(text) - len(last)
    for part in middle:
        found = text.find(part, at, end)
        if found < 0:
            return False
        at = found + len(part)
    return True
