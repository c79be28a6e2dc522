"""What a file may not say although each part of it is well formed: its parts contradict each other."""

from collections.abc import Callable, Iterator
from typing import Final

from gateway.policy.document import QuotasSection, TeamSection
from gateway.policy.match import has_star
from gateway.policy.merge import merged
from gateway.policy.models import PUBLISHER, parse_model_name
from gateway.policy.problems import Path
from gateway.policy.shape import Shaped

Report = Callable[[Path, str], None]


def report_contradictions(shaped: Shaped, report: Report) -> None:
    """Tell every contradiction. What was cut from the file for its shape is taken as unknown, not as absent."""
    for rule in RULES:
        rule(shaped, report)


def _pools(shaped: Shaped, report: Report) -> None:
    """Two pools are the same project and region."""
    first: dict[tuple[str, str], int] = {}
    for i, pool in zip(shaped.pool_indexes, shaped.file.pools, strict=True):
        earlier = first.setdefault((pool.project, pool.region), i)
        if earlier != i:
            report(("pools", i), f"{pool.project}/{pool.region} is given twice: it is pools[{earlier}] already")


def _project_numbers(shaped: Shaped, report: Report) -> None:
    """A project has two numbers, or a number two projects."""
    numbers: dict[str, str] = {}
    projects: dict[str, str] = {}
    for i, pool in zip(shaped.pool_indexes, shaped.file.pools, strict=True):
        if pool.project_number is None:
            continue
        path = ("pools", i, "project_number")
        known = numbers.setdefault(pool.project, pool.project_number)
        if known != pool.project_number:
            report(path, f"{pool.project} has the number {known} elsewhere in this file")
            continue
        owner = projects.setdefault(pool.project_number, pool.project)
        if owner != pool.project:
            report(path, f"{pool.project_number} is the number of {owner} elsewhere in this file")


def _aliases(shaped: Shaped, report: Report) -> None:
    """An alias stands for itself or for another alias."""
    aliases = shaped.file.aliases
    for alias, model in aliases.items():
        target = parse_model_name(model).full.removeprefix(PUBLISHER)
        if target == alias:
            report(("aliases", alias), "is an alias of itself")
        elif target in aliases:
            report(("aliases", alias), f"{target} is itself an alias: name the model that is meant")


def _sections(shaped: Shaped) -> Iterator[tuple[Path, TeamSection]]:
    yield ("defaults",), shaped.file.defaults
    yield from ((("teams", name), team) for name, team in shaped.file.teams.items())


def _pool_names(shaped: Shaped, report: Report) -> None:
    """A team, or `defaults`, names a pool without a star that the file does not have."""
    if "pools" in shaped.cut:
        return
    pools = {f"{pool.project}/{pool.region}" for pool in shaped.file.pools}
    for path, section in _sections(shaped):
        for i, pattern in enumerate(section.pools):
            if not has_star(pattern) and pattern not in pools:
                report((*path, "pools", i), f"{pattern} is no pool of this file")


def _quota_limits(shaped: Shaped, report: Report) -> None:
    """A quota has a mode, and no limit: neither the team nor `defaults` gives one."""
    if "defaults" in shaped.cut:
        return
    defaults = shaped.file.defaults.quotas
    for name, team in shaped.file.teams.items():
        quotas = merged(defaults, team.quotas)
        for quota in QuotasSection.model_fields:
            section = getattr(quotas, quota)
            if section is not None and section.limit is None:
                path = ("teams", name) if quota in team.quotas.model_fields_set else ("defaults",)
                report((*path, "quotas", quota, "limit"), f"is missing: neither {name} nor defaults gives one")


RULES: Final[tuple[Callable[[Shaped, Report], None], ...]] = (
    _pools,
    _project_numbers,
    _aliases,
    _pool_names,
    _quota_limits,
)
