"""Filtered pages: the terms of a filter as arguments of one query, which looks at a bounded number of rows."""

import re
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Final

from gateway.domain.filters import (
    AmongStatesTerm,
    DisplayNameTerm,
    LabelTerm,
    ModelTerm,
    Operator,
    PoolsTerm,
    RegionTerm,
    StateTerm,
    Term,
    TimeTerm,
)
from gateway.domain.states import OPEN, State
from gateway.store.queries import load
from gateway.store.rows import COLUMNS_OF_B

LOOKED_AT: Final = 10_000
"""How many batch jobs one page looks at. A page in which few of them are met is short, and not the last one."""

_EARLIEST: Final = datetime.min.replace(tzinfo=UTC)
_LATEST: Final = datetime.max.replace(tzinfo=UTC)
_TICK: Final = timedelta(microseconds=1)
_SHOWN_OPEN: Final = OPEN | {State.CANCELLING}

_WHOSE: Final[Mapping[bool, str]] = {True: "b.team = $1", False: "$1::text IS NULL"}
# In these words the planner finds the index over open batch jobs, of which there are few.
_AMONG: Final[Mapping[bool, str]] = {
    True: "b.state IN ('QUEUED', 'SUBMITTING', 'PENDING', 'RUNNING', 'PAUSED')",
    False: "true",
}
QUERIES: Final[Mapping[tuple[bool, bool], str]] = {
    (team, open_only): load("filters", columns=COLUMNS_OF_B, whose=whose, among=among)["page"]
    for team, whose in _WHOSE.items()
    for open_only, among in _AMONG.items()
}


def query(team: str | None, terms: Iterable[Term]) -> str:
    """The query for a page of one team, or of all of them where it is None."""
    return QUERIES[team is not None, _states(terms) <= _SHOWN_OPEN]


def arguments(terms: Iterable[Term]) -> tuple[object, ...]:
    """Its arguments after team, id, bound and limit."""
    terms = tuple(terms)
    models = [term for term in terms if isinstance(term, ModelTerm)]
    regions = [term for term in terms if isinstance(term, RegionTerm)]
    labels = [term for term in terms if isinstance(term, LabelTerm)]
    names = [term for term in terms if isinstance(term, DisplayNameTerm)]
    wanted = [term for term in labels if term.equal and term.value is not None]
    unwanted = [term for term in labels if not term.equal]
    return (
        [state.value for state in _states(terms)],
        [term.model for term in models if term.equal],
        [term.model for term in models if not term.equal],
        [term.region for term in regions if term.equal],
        [term.region for term in regions if not term.equal],
        [term.key for term in labels if term.value is None],
        [term.key for term in wanted],
        [term.value for term in wanted],
        [term.key for term in unwanted],
        [term.value for term in unwanted],
        *_times([term for term in terms if isinstance(term, TimeTerm)]),
        [_like(term.pattern) for term in names if term.equal],
        [_like(term.pattern) for term in names if not term.equal],
        _pools(terms),
    )


def _states(terms: Iterable[Term]) -> frozenset[State]:
    """The shown states that all terms about them leave."""
    left = frozenset(State)
    for term in terms:
        if isinstance(term, StateTerm):
            left &= {term.state} if term.equal else frozenset(State) - {term.state}
        elif isinstance(term, AmongStatesTerm):
            left &= term.states
    return left


def _like(pattern: str) -> str:
    """The pattern as LIKE has it: `*` is the only sign that stands for others."""
    return "%".join(re.sub(r"([\\\\%_])", r"\\\1", part) for part in pattern.split("*"))


def _pools(terms: Iterable[Term]) -> list[str] | None:
    """The pools that all terms about them leave; None where there is no such term."""
    asked = [term.pools for term in terms if isinstance(term, PoolsTerm)]
    return sorted(frozenset.intersection(*asked)) if asked else None


def _times(terms: Iterable[TimeTerm]) -> tuple[datetime, datetime, list[datetime]]:
    """The first and the last time that all terms leave, and those that are left out. The store counts microseconds."""
    first, last, without = _EARLIEST, _LATEST, list[datetime]()
    for term in terms:
        match term.operator:
            case Operator.EQUAL:
                first, last = max(first, term.time), min(last, term.time)
            case Operator.NOT_EQUAL:
                without.append(term.time)
            case Operator.AT_LEAST:
                first = max(first, term.time)
            case Operator.GREATER:
                first = max(first, min(term.time, _LATEST - _TICK) + _TICK)
            case Operator.AT_MOST:
                last = min(last, term.time)
            case Operator.LESS:
                last = min(last, max(term.time, _EARLIEST + _TICK) - _TICK)
            case Operator.HAS:
                raise AssertionError("the parser lets no time be asked for by a colon")
    return first, last, without
