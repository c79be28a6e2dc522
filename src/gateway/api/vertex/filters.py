"""Vertex's filter of a list, read into the terms that the store knows.

    filter = [["NOT"] term {"AND" ["NOT"] term}]
    term   = "state" ("=" | "!=") "JOB_STATE_…"
           | ("display_name" | "model_display_name") ("=" | "!=" | ":") value
           | "labels." key (("=" | "!=") value | ":*")
           | "create_time" ("=" | "!=" | "<" | "<=" | ">" | ">=") "'" time "'"

`*` in a display name behind a colon stands for any text. OR and brackets are refused by name.
"""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any, Final

from gateway.admission.fields import refuse
from gateway.api.vertex.states import States
from gateway.domain.filter_terms import LABELS, typed_term
from gateway.domain.filter_tokens import Kind, Token, quoted, shown_as, tokens
from gateway.domain.filters import (
    AmongStatesTerm,
    DisplayNameTerm,
    FilterError,
    FilterReason,
    LabelTerm,
    ModelTerm,
    Operator,
    Term,
    TimeTerm,
)
from gateway.domain.states import State
from gateway.errors import FieldViolation, Reason

MAX_CHARACTERS: Final = 4000
MAX_TERMS: Final = 50

_OPPOSITE: Final[Mapping[Operator, Operator]] = {
    Operator.EQUAL: Operator.NOT_EQUAL,
    Operator.NOT_EQUAL: Operator.EQUAL,
    Operator.LESS: Operator.AT_LEAST,
    Operator.AT_LEAST: Operator.LESS,
    Operator.GREATER: Operator.AT_MOST,
    Operator.AT_MOST: Operator.GREATER,
}
_FIELDS: Final = "state, display_name, model_display_name, labels.KEY and create_time can"


def read_filter(text: str, states: States, job_states: Any) -> tuple[Term, ...]:
    """The terms, all of which must hold. `job_states` is the descriptor of Vertex's enum JobState.

    Raises:
        GatewayError: INVALID_SPEC, naming the first thing in each term that is not served.

    """
    if len(text) > MAX_CHARACTERS:
        raise _refused([(FilterReason.FILTER_TOO_LONG, f"At most {MAX_CHARACTERS} characters are read.")])
    reader, terms, faults = _Reader(states, job_states), list[Term](), list[tuple[str, str]]()
    parts = _parts(tokens(text))
    for part in parts if parts != [[]] else []:
        try:
            terms.append(reader.term(part))
        except FilterError as error:
            faults += [(fault.reason, fault.sentence) for fault in error.faults]
    if len(parts) > MAX_TERMS:
        faults.append((FilterReason.FILTER_TOO_LONG, f"There are {len(parts)} terms; at most {MAX_TERMS} are read."))
    if faults:
        raise _refused(faults)
    return tuple(terms)


class _Reader:
    def __init__(self, states: States, job_states: Any) -> None:
        self._states = states
        self._job_states = job_states

    def term(self, part: list[Token]) -> Term:
        """One term of a filter, a NOT before it included."""
        shown = shown_as(part)
        negated = bool(part) and part[0].is_word("NOT")
        match part[1:] if negated else part:
            case [field, operator, value] if _is_term(field, operator, value):
                term = self._typed(field.text, Operator(operator.text), value, shown)
                return _negated(term, shown) if negated else term
        if any(token.is_word("OR") for token in part):
            raise FilterError.of(FilterReason.FILTER_OR, f"{shown}: OR is not served, list once for each alternative.")
        if any(token.kind is Kind.BRACKET for token in part):
            raise FilterError.of(FilterReason.FILTER_BRACKETS, f"{shown}: brackets are not served.")
        raise FilterError.of(FilterReason.FILTER_SYNTAX, f"{shown} is no term: write a field, an operator and a value.")

    def _typed(self, field: str, operator: Operator, value: Token, shown: str) -> Term:
        if field == "create_time" or field.startswith(LABELS):
            return typed_term(field, operator, value, shown)
        if field not in {"state", "display_name", "model_display_name"}:
            raise FilterError.of(
                FilterReason.FILTER_FIELD, f"{shown}: {quoted(field)} cannot be filtered by: {_FIELDS}."
            )
        if operator not in {Operator.EQUAL, Operator.NOT_EQUAL} and (operator is not Operator.HAS or field == "state"):
            sentence = f"{shown}: {quoted(field)} is not compared with {operator}."
            raise FilterError.of(FilterReason.FILTER_OPERATOR, sentence)
        equal = operator is not Operator.NOT_EQUAL
        if field == "state":
            return self._state(value.text, shown, equal=equal)
        if "*" in value.text and (operator is not Operator.HAS or field == "model_display_name"):
            sentence = f"{shown}: wildcards stand behind display_name and a colon alone."
            raise FilterError.of(FilterReason.FILTER_WILDCARD, sentence)
        return ModelTerm(value.text, equal) if field == "model_display_name" else DisplayNameTerm(value.text, equal)

    def _state(self, name: str, shown: str, *, equal: bool) -> Term:
        found = self._job_states.values_by_name.get(name)
        if found is None:
            raise FilterError.of(FilterReason.FILTER_VALUE, f"{shown}: {quoted(name)} is no JobState.")
        meant = self._states.meant(found.number)
        return AmongStatesTerm(meant if equal else frozenset(State) - meant)


def _negated(term: Term, shown: str) -> Term:
    match term:
        case AmongStatesTerm(states):
            return AmongStatesTerm(frozenset(State) - states)
        case TimeTerm(operator):
            return replace(term, operator=_OPPOSITE[operator])
        case DisplayNameTerm(equal=equal) | ModelTerm(equal=equal):
            return replace(term, equal=not equal)
        case LabelTerm(value=str(), equal=equal):
            return replace(term, equal=not equal)
    raise FilterError.of(FilterReason.FILTER_NOT, f"{shown}: NOT is not served before this term.")


def _parts(found: Iterable[Token]) -> list[list[Token]]:
    parts: list[list[Token]] = [[]]
    for token in found:
        if token.is_word("AND"):
            parts.append([])
        else:
            parts[-1].append(token)
    return parts


def _is_term(field: Token, operator: Token, value: Token) -> bool:
    return field.kind is Kind.WORD and operator.kind is Kind.OPERATOR and value.kind in {Kind.WORD, Kind.QUOTED}


def _refused(faults: Iterable[tuple[str, str]]) -> Exception:
    return refuse(Reason.INVALID_SPEC, [FieldViolation("filter", reason, sentence) for reason, sentence in faults])
