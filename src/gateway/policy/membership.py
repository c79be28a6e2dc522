"""Who belongs to which team: an index over the principals that a policy names, asked at every call."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum, unique
from functools import lru_cache
from types import MappingProxyType
from typing import Final, NamedTuple

from gateway.policy.match import Glob, compile_glob

MAX_REMEMBERED: Final = 4096


@unique
class Role(StrEnum):
    """What a principal may do in a team. A submitter may do all that a viewer may."""

    SUBMITTER = "submitter"
    VIEWER = "viewer"


@dataclass(frozen=True, slots=True)
class Membership:
    """What one principal may do: its role in each of its teams, and whether it is an operator."""

    roles: Mapping[str, Role] = field(default_factory=lambda: MappingProxyType({}))
    operator: bool = False

    def may_read(self, team: str) -> bool:
        """Members read their team; operators read every team."""
        return self.operator or team in self.roles

    def may_write(self, team: str) -> bool:
        """Submitters alone create, cancel and delete as members of the team."""
        return self.roles.get(team) is Role.SUBMITTER

    def may_cancel(self, team: str) -> bool:
        """Submitters, and operators, whose cancels are logged as theirs."""
        return self.operator or self.may_write(team)


NOBODY: Final = Membership()


class Right(NamedTuple):
    """What one line of the policy gives: a role in a team, or the operator's right (team "" and no role)."""

    team: str
    role: Role | None


class MemberIndex:
    """Exact names stand in one table. Patterns stand under the text before their first star, looked up by length.

    One lookup costs as many table reads as there are different such lengths, not as many as there are patterns.
    Answers are remembered, boundedly; an index belongs to one policy and goes with it.
    """

    def __init__(self, rights: Iterable[tuple[str, Right]]) -> None:
        self._exact: dict[str, list[Right]] = {}
        self._by_head: dict[str, list[tuple[Glob, Right]]] = {}
        for pattern, right in rights:
            glob = compile_glob(pattern)
            if glob.head == pattern:
                self._exact.setdefault(pattern, []).append(right)
            else:
                self._by_head.setdefault(glob.head, []).append((glob, right))
        self._lengths = sorted({len(head) for head in self._by_head})
        self.of = lru_cache(maxsize=MAX_REMEMBERED)(self._look_up)
        """The membership of a principal, as `mtls:…`, `mtls-dns:…`, `jwt:issuer:subject` or `dev:name`."""

    def _look_up(self, principal: str) -> Membership:
        rights = list(self._exact.get(principal, ()))
        for length in self._lengths:
            if length > len(principal):
                break
            candidates = self._by_head.get(principal[:length], ())
            rights += [right for glob, right in candidates if glob.matches(principal)]
        return _membership(rights)


def _membership(rights: list[Right]) -> Membership:
    if not rights:
        return NOBODY
    roles: dict[str, Role] = {}
    for team, role in rights:
        if role is not None and roles.get(team) is not Role.SUBMITTER:
            roles[team] = role
    return Membership(MappingProxyType(roles), operator=any(right.role is None for right in rights))
