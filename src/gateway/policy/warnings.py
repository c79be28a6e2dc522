"""What a policy may say and probably does not mean. Each rule is one function; none of them refuses a file."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

from gateway.policy.document import PolicyFile
from gateway.policy.match import has_star, matches
from gateway.policy.model import Policy
from gateway.policy.models import PUBLISHER, allows_model, effective_model

_ANYBODY: Final = re.compile(r"(jwt:[^:]+|mtls-dns|dev):[*:.]+")
_ANYTHING: Final = re.compile(r"gs://\*+(/.*)?|bq://\*+(\..*)?")
_CROSSING: Final = re.compile(r"gs://[^/]*\*\*.*")
_NEIGHBOURS: Final = re.compile(r"(gs://[^/]*[a-z0-9])\*/.*|(bq://(?:[^:*]*:)?[^.]*[a-z0-9])\*\..*")
"""A star right behind a letter or a digit ends the bucket's or the project's name."""


@dataclass(frozen=True, slots=True)
class Warn:
    """One warning, and the teams it is about; without teams it is about the file."""

    text: str
    teams: frozenset[str] = frozenset()


def warnings(file: PolicyFile, policy: Policy) -> tuple[Warn, ...]:
    """Every warning, rule by rule."""
    return tuple(warning for rule in RULES for warning in rule(file, policy))


def _pools_without_teams(_: PolicyFile, policy: Policy) -> Iterator[Warn]:
    """A pool that no team can reach, or only callers who name its project."""
    named = {pool for team in policy.teams.values() for pool in team.pools}
    reached = {team.pool_for(region) for team in policy.teams.values() for region in team.regions}
    for pool in policy.pools:
        if pool not in named:
            yield Warn(f"pool {pool}: nobody can reach it, no team's pools take it in")
        elif pool not in reached:
            yield Warn(f"pool {pool}: reached only by callers who name its project; other pools come first")


def _draining_pools(_: PolicyFile, policy: Policy) -> Iterator[Warn]:
    """A pool of capacity 0."""
    for pool in policy.pools.values():
        if pool.capacity == 0:
            yield Warn(f"pool {pool.id}: capacity 0, it drains and starts nothing new")


def _empty_pool_patterns(file: PolicyFile, policy: Policy) -> Iterator[Warn]:
    """A pool pattern with a star that takes in no pool."""
    places = {"defaults": file.defaults, **{f"team {name}": team for name, team in file.teams.items()}}
    for place, section in places.items():
        for pattern in section.pools:
            if has_star(pattern) and not any(matches(pattern, str(pool)) for pool in policy.pools):
                teams = frozenset() if place == "defaults" else frozenset({place.removeprefix("team ")})
                yield Warn(f"{place}: the pool pattern {pattern} takes in no pool", teams)


def _idle_teams(_: PolicyFile, policy: Policy) -> Iterator[Warn]:
    """A team that can create nothing, as it has no submitters, pools, models, sources or destinations."""
    for team in policy.teams.values():
        lacks = {
            "submitters": team.submitters,
            "pools": team.pools,
            "models": team.models,
            "sources": team.sources,
            "destinations": team.destinations,
        }
        if missing := [name for name, held in lacks.items() if not held]:
            yield Warn(
                f"team {team.name}: it can create nothing, as it has no {', no '.join(missing)}",
                frozenset({team.name}),
            )


def _unusable_aliases(_: PolicyFile, policy: Policy) -> Iterator[Warn]:
    """An alias whose model no team may use."""
    for alias in policy.aliases:
        model = effective_model(policy, alias)
        if not any(allows_model(team, model) for team in policy.teams.values()):
            yield Warn(f"alias {alias}: nobody may use its model {model}")


def _hiding_aliases(_: PolicyFile, policy: Policy) -> Iterator[Warn]:
    """An alias that hides a model of the same name which a team may use."""
    for alias in policy.aliases:
        teams = [team.name for team in policy.teams.values() if allows_model(team, PUBLISHER + alias)]
        if teams:
            yield Warn(
                f"alias {alias}: it hides a model of that name, which {_listed(teams)} may use; who means the model "
                f"writes {PUBLISHER}{alias}",
                frozenset(teams),
            )


def _shared_projects(_: PolicyFile, policy: Policy) -> Iterator[Warn]:
    """Teams with different sources that share a Google Cloud project: a project is a trust domain."""
    for project in dict.fromkeys(pool.project for pool in policy.pools):
        teams = [team for team in policy.teams.values() if any(pool.project == project for pool in team.pools)]
        if len({frozenset(team.sources) for team in teams}) > 1:
            names = [team.name for team in teams]
            yield Warn(
                f"project {project}: {_listed(names)} share it and have different sources; files named inside rows "
                "are read with the project's rights, so give each trust domain a project of its own",
                frozenset(names),
            )


def _open_doors(_: PolicyFile, policy: Policy) -> Iterator[Warn]:
    """A principal pattern that takes in everybody of its kind."""
    for team in policy.teams.values():
        for pattern in (*team.submitters, *team.viewers):
            if _ANYBODY.fullmatch(pattern):
                yield Warn(f"team {team.name}: {pattern} takes in everybody of that kind", frozenset({team.name}))
    for pattern in policy.operators:
        if _ANYBODY.fullmatch(pattern):
            yield Warn(f"operators: {pattern} takes in everybody of that kind")


def _open_sources(_: PolicyFile, policy: Policy) -> Iterator[Warn]:
    """A source pattern that takes in every bucket or every project."""
    for team in policy.teams.values():
        for pattern in team.sources:
            if _ANYTHING.fullmatch(pattern):
                reason = "takes in everything that the gateway's own credentials can read"
                yield Warn(f"team {team.name}: {pattern} {reason}", frozenset({team.name}))


def _within(pattern: str) -> str:
    """Something in another bucket that the pattern takes in."""
    behind = "-" if pattern.partition("**")[0][-1].isalnum() else ""
    return pattern.replace("**", f"{behind}private/x", 1).replace("*", "")


def _crossing_sources(_: PolicyFile, policy: Policy) -> Iterator[Warn]:
    """A source pattern with `**` in the bucket part: it goes on into other buckets."""
    for team in policy.teams.values():
        for pattern in team.sources:
            if _CROSSING.fullmatch(pattern) and not _ANYTHING.fullmatch(pattern):
                yield Warn(
                    f"team {team.name}: {pattern} takes in other buckets too, such as {_within(pattern)}, as ** does "
                    "not end where a bucket's name does; spell the name out and write ** behind its /",
                    frozenset({team.name}),
                )


def _neighbouring_sources(_: PolicyFile, policy: Policy) -> Iterator[Warn]:
    """A source pattern with a star right behind the name of a bucket or project: it takes in longer names too."""
    for team in policy.teams.values():
        for pattern in team.sources:
            found = _NEIGHBOURS.fullmatch(pattern)
            if found and not _CROSSING.fullmatch(pattern):
                name = found[1] or found[2]
                rest = pattern.removeprefix(f"{name}*")
                yield Warn(
                    f"team {team.name}: {pattern} takes in {name}2{rest} and {name}-private{rest} as well as "
                    f"{name}{rest}; name those that are meant, or begin what the star stands for with a separator, "
                    f"{name}-*{rest}",
                    frozenset({team.name}),
                )


def _listed(names: list[str]) -> str:
    return " and ".join(filter(None, [", ".join(names[:-1]), names[-1]]))


RULES: Final[tuple[Callable[[PolicyFile, Policy], Iterator[Warn]], ...]] = (
    _pools_without_teams,
    _draining_pools,
    _empty_pool_patterns,
    _idle_teams,
    _unusable_aliases,
    _hiding_aliases,
    _shared_projects,
    _open_doors,
    _open_sources,
    _crossing_sources,
    _neighbouring_sources,
)
