"""The filter of a list: a small part of AIP-160, read into frozen terms.

    filter = [term {"AND" term}]
    term   = ("state" | "model" | "region") ("=" | "!=") value
           | "labels." key (("=" | "!=") value | ":*")
           | "create_time" ("=" | "!=" | "<" | "<=" | ">" | ">=") "'" time "'"

A value stands bare or in quotes of either kind. Everything else of AIP-160 is refused by its name. Each term is told
all that is wrong with it: beside its OR, NOT and brackets also the fields, operators and values of what they join.
"""

from collections.abc import Iterable, Iterator
from itertools import dropwhile
from typing import Final

from gateway.domain.filter_beyond import alternatives, beyond_the_subset, calls
from gateway.domain.filter_terms import typed_term
from gateway.domain.filter_tokens import Kind, Token, quoted, shown_as, tokens
from gateway.domain.filters import Fault, FilterError, FilterReason, Operator, Term

MAX_CHARACTERS: Final = 4000
MAX_TERMS: Final = 50


def parse_filter(text: str) -> tuple[Term, ...]:
    """The terms, all of which must hold; none for an empty filter.

    Raises:
        FilterError: what is not of the subset, every fault of every term, each by name.

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
        except FilterError as error:
            faults += error.faults
    if len(parts) > MAX_TERMS:
        faults.append(
            Fault(FilterReason.FILTER_TOO_LONG, f"There are {len(parts)} terms; at most {MAX_TERMS} are read.")
        )
    if faults:
        raise FilterError(faults)
    return tuple(terms)


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
    if not part:
        raise FilterError.of(FilterReason.FILTER_SYNTAX, "AND stands between two terms: one of them is missing.")
    if broken := next((token for token in part if token.kind is Kind.BROKEN), None):
        raise FilterError.of(FilterReason.FILTER_SYNTAX, f"{shown_as(part)}: {quoted(broken.text)} is not understood.")
    if beyond := list(beyond_the_subset(part)):
        raise FilterError([*beyond, *_faults_beside(part)])
    field, *rest = part
    if field.kind is not Kind.WORD or not rest or rest[0].kind is not Kind.OPERATOR:
        sentence = f"{shown_as(part)} is no term: write a field, an operator and a value."
        raise FilterError.of(FilterReason.FILTER_SYNTAX, sentence)
    match rest[1:]:
        case []:
            raise FilterError.of(FilterReason.FILTER_SYNTAX, f"{shown_as(part)} lacks its value.")
        case [value] if value.kind is not Kind.OPERATOR:
            return typed_term(field.text, Operator(rest[0].text), value, shown_as(part))
    raise FilterError.of(
        FilterReason.FILTER_SYNTAX, f"{shown_as(part)} is more than one term: join terms by AND, in capitals."
    )


def _faults_beside(part: list[Token]) -> Iterator[Fault]:
    """What is wrong with the terms in a term of the larger language, as far as they are terms without a function."""
    called = calls(part)
    for piece in alternatives(part):
        match _without_not(piece):
            case [field, sign, value] if _is_term(field, sign, value) and field not in called and value not in called:
                name, operator = field.text.removeprefix("-"), Operator(sign.text)
                yield from _faults_of(name, operator, value, shown_as([field, sign, value]))


def _without_not(piece: list[Token]) -> list[Token]:
    return list(dropwhile(lambda token: token.is_word("NOT"), piece))


def _is_term(field: Token, sign: Token, value: Token) -> bool:
    return field.kind is Kind.WORD and sign.kind is Kind.OPERATOR and value.kind is not Kind.OPERATOR


def _faults_of(field: str, operator: Operator, value: Token, shown: str) -> tuple[Fault, ...]:
    try:
        typed_term(field, operator, value, shown)
    except FilterError as error:
        return error.faults
    return ()
