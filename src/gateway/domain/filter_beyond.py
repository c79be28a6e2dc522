"""What a list's filter says in the larger language of AIP-160, which is not served."""

from collections.abc import Iterator
from itertools import pairwise

from gateway.domain.filter_tokens import Kind, Token, quoted, shown_as
from gateway.domain.filters import Fault, FilterReason


def beyond_the_subset(part: list[Token]) -> Iterator[Fault]:
    """What of the larger language stands in a term: each kind once, a function by its name."""
    shown, called = shown_as(part), calls(part)
    for name in dict.fromkeys(token.text for token in called):
        yield Fault(FilterReason.FILTER_FUNCTION, f"{shown}: functions such as {quoted(name)} are not served.")
    brackets = [token for token in part if token.kind is Kind.BRACKET]
    if len(brackets) > 2 * len(called):  # more than those of the calls
        sentence = f"{shown}: brackets are not served, all terms are joined by AND."
        yield Fault(FilterReason.FILTER_BRACKETS, sentence)
    if any(token.is_word("OR") for token in part):
        yield Fault(FilterReason.FILTER_OR, f"{shown}: OR is not served, list once for each alternative.")
    if any(_negates(first) for first, *_ in filter(None, alternatives(part))):
        yield Fault(FilterReason.FILTER_NOT, f"{shown}: NOT and - are not served, compare with != instead.")


def calls(part: list[Token]) -> list[Token]:
    """The names of functions: words that a bracket follows without a blank."""
    return [
        name
        for name, bracket in pairwise(part)
        if name.kind is Kind.WORD
        and bracket.text == "("
        and bracket.kind is Kind.BRACKET
        and name.end == bracket.at
        and name.text not in {"OR", "NOT"}
    ]


def alternatives(part: list[Token]) -> list[list[Token]]:
    """What stands between the ORs, without brackets."""
    pieces: list[list[Token]] = [[]]
    for token in part:
        if token.is_word("OR"):
            pieces.append([])
        elif token.kind is not Kind.BRACKET:
            pieces[-1].append(token)
    return pieces


def _negates(token: Token) -> bool:
    return token.is_word("NOT") or (token.kind is Kind.WORD and token.text.startswith("-"))
