"""The filter of a list: a small part of AIP-160, read into frozen terms.

    filter = [term {"AND" term}]
    term   = ("state" | "model" | "region") ("=" | "!=") value
           | "labels." key (("=" | "!=") value | ":*")
           | "create_time" ("=" | "!=" | "<" | "<=" | ">" | ">=") "'" time "'"

A value stands bare or in quotes of either kind. Everything else of AIP-160 is refused by its name, term by term.
"""

import re
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Final

from gateway.domain.filter_tokens import Kind, Token, tokens
from gateway.domain.filters import (
    Fault,
    FilterError,
    FilterReason,
    LabelTerm,
    ModelTerm,
    Operator,
    RegionTerm,
    StateTerm,
    Term,
    TimeTerm,
)
from gateway.domain.states import State

MAX_CHARACTERS: Final = 4000
MAX_TERMS: Final = 50
LABELS: Final = "labels."

_EQUALITY: Final = frozenset({Operator.EQUAL, Operator.NOT_EQUAL})
_ORDER: Final = frozenset(Operator) - {Operator.HAS}
_TIME: Final = re.compile(r"(\d{4}-\d\d-\d\d)[Tt](\d\d:\d\d:\d\d)(?:\.(\d{1,6})0{0,3})?([Zz]|[+-]\d\d:\d\d)", re.ASCII)
_SHOWN: Final = 80


def parse_filter(text: str) -> tuple[Term, ...]:
    """The terms, all of which must hold; none for an empty filter.

    Raises:
        FilterError: what is not of the subset, each term's fault by name.

    """
    if len(text) > MAX_CHARACTERS:
        reason = FilterReason.FILTER_TOO_LONG
        raise FilterError([Fault(reason, f"The filter has {len(text)} characters; at most {MAX_CHARACTERS} are read.")])
    parts = _parts(tokens(text))
    if parts == [[]]:
        return ()
    terms, faults = list[Term](), list[Fault]()
    for part in parts:
        try:
            terms.append(_term(part))
        except _Fault as fault:
            faults.append(fault.fault)
    if len(parts) > MAX_TERMS:
        faults.append(
            Fault(FilterReason.FILTER_TOO_LONG, f"There are {len(parts)} terms; at most {MAX_TERMS} are read.")
        )
    if faults:
        raise FilterError(faults)
    return tuple(terms)


class _Fault(Exception):  # noqa: N818 - it carries one fault to where all are gathered, and is no error of its own
    def __init__(self, reason: FilterReason, sentence: str) -> None:
        super().__init__(sentence)
        self.fault = Fault(reason, sentence)


def _parts(found: Iterable[Token]) -> list[list[Token]]:
    """The tokens between the ANDs."""
    parts: list[list[Token]] = [[]]
    for token in found:
        if token.is_word("AND"):
            parts.append([])
        else:
            parts[-1].append(token)
    return parts


def _term(part: list[Token]) -> Term:
    _refuse_the_rest_of_the_language(part)
    shown = _shown(part)
    if not part:
        raise _Fault(FilterReason.FILTER_SYNTAX, "AND stands between two terms: one of them is missing.")
    field, *rest = part
    if field.kind is not Kind.WORD or not rest or rest[0].kind is not Kind.OPERATOR:
        raise _Fault(FilterReason.FILTER_SYNTAX, f"{shown} is no term: write a field, an operator and a value.")
    operator = Operator(rest[0].text)
    match rest[1:]:
        case []:
            raise _Fault(FilterReason.FILTER_SYNTAX, f"{shown} lacks its value.")
        case [value] if value.kind is not Kind.OPERATOR:
            return _typed(field.text, operator, value, shown)
    raise _Fault(FilterReason.FILTER_SYNTAX, f"{shown} is more than one term: join terms by AND, in capitals.")


def _refuse_the_rest_of_the_language(part: list[Token]) -> None:
    for before, token in zip([None, *part], part, strict=False):
        if token.kind is Kind.BROKEN:
            raise _Fault(FilterReason.FILTER_SYNTAX, f"{_quoted(token.text)} is not understood.")
        if token.kind is Kind.BRACKET:
            call = token.text == "(" and before is not None and before.kind is Kind.WORD and before.end == token.at
            if call and before is not None and before.text not in {"OR", "NOT"}:
                raise _Fault(FilterReason.FILTER_FUNCTION, f"{_quoted(before.text)}: functions are not served.")
            raise _Fault(FilterReason.FILTER_BRACKETS, "Brackets are not served: all terms are joined by AND.")
        if token.is_word("OR"):
            raise _Fault(FilterReason.FILTER_OR, "OR is not served: list once for each alternative.")
    if part and (part[0].is_word("NOT") or (part[0].kind is Kind.WORD and part[0].text.startswith("-"))):
        raise _Fault(FilterReason.FILTER_NOT, "NOT and - are not served: compare with != instead.")


def _typed(field: str, operator: Operator, value: Token, shown: str) -> Term:
    equal = operator is Operator.EQUAL
    if field.startswith(LABELS):
        return _label(field.removeprefix(LABELS), operator, value, shown)
    match field:
        case "state":
            _allow(field, operator, _EQUALITY)
            return StateTerm(_state(value), equal)
        case "model" | "region":
            _allow(field, operator, _EQUALITY)
            term = ModelTerm if field == "model" else RegionTerm
            return term(_text(value), equal)
        case "create_time":
            _allow(field, operator, _ORDER)
            return TimeTerm(operator, _time(value))
    raise _Fault(
        FilterReason.FILTER_FIELD,
        f"{_quoted(field)} cannot be filtered by: state, model, region, labels.KEY and create_time can.",
    )


def _label(key: str, operator: Operator, value: Token, shown: str) -> LabelTerm:
    if not key or "." in key:
        raise _Fault(FilterReason.FILTER_FIELD, f"{shown}: a label is named as labels.KEY, with one key.")
    if operator is Operator.HAS:
        if value.kind is not Kind.WORD or value.text != "*":
            raise _Fault(FilterReason.FILTER_OPERATOR, f"{shown}: a colon only asks whether a label is there, as :*.")
        return LabelTerm(key, None, equal=True)
    _allow(f"labels.{key}", operator, _EQUALITY)
    return LabelTerm(key, _text(value), operator is Operator.EQUAL)


def _allow(field: str, operator: Operator, allowed: frozenset[Operator]) -> None:
    if operator not in allowed:
        listed = " ".join(each for each in Operator if each in allowed)
        sentence = f"{_quoted(field)} is compared with {listed}, not with {operator}."
        raise _Fault(FilterReason.FILTER_OPERATOR, sentence)


def _text(value: Token) -> str:
    if "*" in value.text:
        raise _Fault(FilterReason.FILTER_WILDCARD, f"{_quoted(value.text)}: wildcards in values are not served.")
    return value.text


def _state(value: Token) -> State:
    text = _text(value)
    if text not in State.__members__:
        raise _Fault(FilterReason.FILTER_VALUE, f"{_quoted(text)} is no state. States are {', '.join(State)}.")
    return State(text)


def _time(value: Token) -> datetime:
    found = _TIME.fullmatch(value.text) if value.kind is Kind.QUOTED else None
    try:
        if found is not None:
            date, clock, fraction, zone = found.groups()
            text = f"{date}T{clock}.{(fraction or '0').ljust(6, '0')}{zone.upper()}"
            return datetime.fromisoformat(text).astimezone(UTC)
    except (ValueError, OverflowError):
        pass  # A day, an hour or a zone that there is not: told below like every other form.
    raise _Fault(
        FilterReason.FILTER_VALUE,
        f"{_quoted(value.text)} is no time: write it in quotes as RFC 3339 does, to the microsecond at most, "
        'such as "2026-01-31T08:00:00Z".',
    )


def _shown(part: list[Token]) -> str:
    return _quoted(" ".join(token.text for token in part))


def _quoted(text: str) -> str:
    shown = "".join(sign if sign.isprintable() else "\N{REPLACEMENT CHARACTER}" for sign in text[:_SHOWN])
    return f"“{shown}”"
