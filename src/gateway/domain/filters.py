"""The terms that a list may be filtered by, and what is said of a filter that is not served."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum, unique
from typing import Self

from gateway.domain.states import State


@unique
class FilterReason(StrEnum):
    """What is wrong with a filter; it stands as the reason of a field violation."""

    FILTER_TOO_LONG = "FILTER_TOO_LONG"
    FILTER_SYNTAX = "FILTER_SYNTAX"
    FILTER_OR = "FILTER_OR"
    FILTER_NOT = "FILTER_NOT"
    FILTER_BRACKETS = "FILTER_BRACKETS"
    FILTER_FUNCTION = "FILTER_FUNCTION"
    FILTER_FIELD = "FILTER_FIELD"
    FILTER_OPERATOR = "FILTER_OPERATOR"
    FILTER_WILDCARD = "FILTER_WILDCARD"
    FILTER_VALUE = "FILTER_VALUE"


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that is wrong with a filter, as a reason and a sentence."""

    reason: FilterReason
    sentence: str


class FilterError(Exception):
    """The filter is not one that is served; `faults` has everything that was found."""

    def __init__(self, faults: Sequence[Fault]) -> None:
        super().__init__(faults[0].sentence)
        self.faults = tuple(faults)

    @classmethod
    def of(cls, reason: FilterReason, sentence: str) -> Self:
        """One fault alone."""
        return cls([Fault(reason, sentence)])


@unique
class Operator(StrEnum):
    """How a term compares. HAS is for labels alone."""

    EQUAL = "="
    NOT_EQUAL = "!="
    LESS = "<"
    AT_MOST = "<="
    GREATER = ">"
    AT_LEAST = ">="
    HAS = ":"


@dataclass(frozen=True, slots=True)
class StateTerm:
    """The shown state is, or is not, this one."""

    state: State
    equal: bool


@dataclass(frozen=True, slots=True)
class ModelTerm:
    """The model as sent or the effective one, in full or without its publisher, is this name, or none of them is."""

    model: str
    equal: bool


@dataclass(frozen=True, slots=True)
class RegionTerm:
    """The effective region is, or is not, this one."""

    region: str
    equal: bool


@dataclass(frozen=True, slots=True)
class LabelTerm:
    """The label is there with this value (None: with any), or it is not: a batch job without the label is not equal."""

    key: str
    value: str | None
    equal: bool


@dataclass(frozen=True, slots=True)
class TimeTerm:
    """How `create_time` lies to this time."""

    operator: Operator
    time: datetime


@dataclass(frozen=True, slots=True)
class AmongStatesTerm:
    """The shown state is one of these."""

    states: frozenset[State]


@dataclass(frozen=True, slots=True)
class DisplayNameTerm:
    """The display name is, or is not, this one; `*` in the pattern stands for any text."""

    pattern: str
    equal: bool


@dataclass(frozen=True, slots=True)
class PoolsTerm:
    """The pool is one of these, each `project/region`."""

    pools: frozenset[str]


Term = StateTerm | ModelTerm | RegionTerm | LabelTerm | TimeTerm | AmongStatesTerm | DisplayNameTerm | PoolsTerm
