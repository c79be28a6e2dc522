"""One term of a list's filter: which field is compared how, and with what."""

import re
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Final, TypeVar

from gateway.domain.filter_tokens import Kind, Token, quoted
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

LABELS: Final = "labels."

_EQUALITY: Final = frozenset({Operator.EQUAL, Operator.NOT_EQUAL})
_ORDER: Final = frozenset(Operator) - {Operator.HAS}
_FIELDS: Final = "state, model, region, labels.KEY and create_time can"
_TIME: Final = re.compile(r"(\d{4}-\d\d-\d\d)[Tt](\d\d:\d\d:\d\d)(?:\.(\d{1,6})0{0,3})?([Zz]|[+-]\d\d:\d\d)", re.ASCII)

_Value = TypeVar("_Value")


def typed_term(field: str, operator: Operator, value: Token, shown: str) -> Term:
    equal = operator is Operator.EQUAL
    if field.startswith(LABELS):
        return _label(field.removeprefix(LABELS), operator, value, shown)
    match field:
        case "state":
            return StateTerm(_compared(field, operator, _EQUALITY, _state, value, shown), equal)
        case "model" | "region":
            text = _compared(field, operator, _EQUALITY, _text, value, shown)
            return ModelTerm(text, equal) if field == "model" else RegionTerm(text, equal)
        case "create_time":
            return TimeTerm(operator, _compared(field, operator, _ORDER, _time, value, shown))
    raise FilterError.of(FilterReason.FILTER_FIELD, f"{shown}: {quoted(field)} cannot be filtered by: {_FIELDS}.")


def _label(key: str, operator: Operator, value: Token, shown: str) -> LabelTerm:
    if not key or "." in key:
        raise FilterError.of(FilterReason.FILTER_FIELD, f"{shown}: a label is named as labels.KEY, with one key.")
    if operator is Operator.HAS:
        if value.kind is not Kind.WORD or value.text != "*":
            raise FilterError.of(
                FilterReason.FILTER_OPERATOR, f"{shown}: a colon only asks whether a label is there, as :*."
            )
        return LabelTerm(key, None, equal=True)
    text = _compared(f"{LABELS}{key}", operator, _EQUALITY, _text, value, shown)
    return LabelTerm(key, text, operator is Operator.EQUAL)


def _compared(
    field: str,
    operator: Operator,
    allowed: frozenset[Operator],
    read: Callable[[Token], _Value],
    value: Token,
    shown: str,
) -> _Value:
    """The value, where the field is compared like this; the faults of operator and value are told together."""
    faults = list[Fault]()
    if operator not in allowed:
        listed = " ".join(each for each in Operator if each in allowed)
        sentence = f"{shown}: {quoted(field)} is compared with {listed}, not with {operator}."
        faults.append(Fault(FilterReason.FILTER_OPERATOR, sentence))
    try:
        found = read(value)
    except FilterError as error:
        faults += [Fault(fault.reason, f"{shown}: {fault.sentence}") for fault in error.faults]
    if faults:
        raise FilterError(faults)
    return found


def _text(value: Token) -> str:
    if "*" in value.text:
        raise FilterError.of(
            FilterReason.FILTER_WILDCARD, f"wildcards in values are not served, as in {quoted(value.text)}."
        )
    return value.text


def _state(value: Token) -> State:
    text = _text(value)
    if text not in State.__members__:
        raise FilterError.of(FilterReason.FILTER_VALUE, f"{quoted(text)} is no state. States are {', '.join(State)}.")
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
    raise FilterError.of(
        FilterReason.FILTER_VALUE,
        f"{quoted(value.text)} is no time: write it in quotes as RFC 3339 does, to the microsecond at most, "
        'such as "2026-01-31T08:00:00Z".',
    )
