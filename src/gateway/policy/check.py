"""What `gateway policy check` says of a file: every problem, or what it means and what looks unintended."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from gateway.policy.load import PolicyError, read_document, read_policy_file
from gateway.policy.model import Mode, Policy, Quota, Quotas, TeamPolicy
from gateway.policy.resolve import resolve
from gateway.policy.text import duration_text
from gateway.policy.warnings import Warn, warnings

NONE: Final = "-"


@dataclass(frozen=True, slots=True)
class Report:
    """The text for people, and the exit status: 0 for a file that may be deployed, else 1."""

    text: str
    status: int


def check_policy(path: Path | str, team: str | None = None) -> Report:
    """Judge the file as the gateway would; with a team, show that team alone. It blocks while it reads."""
    try:
        file = read_document(read_policy_file(path), str(path))
    except PolicyError as error:
        count = len(error.problems)
        return Report(f"{error}\n\n{path}: refused, {_counted(count, 'problem')}\n", 1)
    policy = resolve(file)
    if team is not None and team not in policy.teams:
        return Report(f"{path}: has no team {team!r}; its teams are {', '.join(policy.teams) or NONE}\n", 1)
    teams = [policy.teams[team]] if team is not None else list(policy.teams.values())
    told = [warning for warning in warnings(file, policy) if team is None or team in warning.teams]
    return Report("\n".join(_report(path, policy, teams, told)), 0)


def _report(path: Path | str, policy: Policy, teams: Sequence[TeamPolicy], told: Sequence[Warn]) -> Iterator[str]:
    counts = (_counted(len(policy.teams), "team"), _counted(len(policy.pools), "pool"))
    yield f"{path}: OK, policy {policy.hash}, {', '.join(counts)}, {_counted(len(told), 'warning')}"
    yield from _section("Limits", _limits(teams))
    yield from _section("Routing: where a batch job goes that names the region", _routing(policy, teams))
    for team in teams:
        yield from _section(f"Team {team.name}", _rights(team))
    yield from _section("Aliases", [[alias, model] for alias, model in policy.aliases.items()])
    yield from _section("Operators", [[pattern] for pattern in policy.operators])
    yield from _section("Warnings", [[f"- {warning.text}"] for warning in told])
    yield ""


def _limits(teams: Sequence[TeamPolicy]) -> Iterator[list[str]]:
    names = [name for name, _ in Quotas().items()]
    yield ["team", "weight", *names, "retention", "max_queue_duration", ""]
    for team in teams:
        quotas = [_quota(quota) for _, quota in team.quotas.items()]
        times = [
            duration_text(team.retention),
            duration_text(team.max_queue_duration) if team.max_queue_duration else NONE,
        ]
        yield [team.name, f"{team.weight:g}", *quotas, *times, "paused" if team.paused else ""]


def _routing(policy: Policy, teams: Sequence[TeamPolicy]) -> Iterator[list[str]]:
    yield ["team", "region", "pool", "capacity", "counts"]
    for team in teams:
        if not team.regions:
            yield [team.name, NONE, NONE, NONE, NONE]
        for region in team.regions:
            if found := team.pool_for(region):
                pool = policy.pools[found]
                yield [team.name, region, str(found), str(pool.capacity), pool.counts]


def _rights(team: TeamPolicy) -> Iterator[list[str]]:
    lists = {
        "submitters": team.submitters,
        "viewers": team.viewers,
        "models": team.models,
        "sources": team.sources,
        "destinations": team.destinations,
    }
    for name, held in lists.items():
        yield [name, ", ".join(held) or NONE]
    yield ["gcs_region_match", team.gcs_region_match]
    yield ["global_bigquery", team.global_bigquery]


def _section(title: str, rows: Iterable[list[str]]) -> Iterator[str]:
    """A heading and its table, columns as wide as what stands in them; nothing at all for a table without rows."""
    table = list(rows)
    if not table:
        return
    widths = [max(len(row[i]) for row in table) for i in range(len(table[0]))]
    yield from ("", title)
    for row in table:
        yield "  " + "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()


def _quota(quota: Quota | None) -> str:
    if quota is None:
        return NONE
    return f"{quota.limit} (shadow)" if quota.mode is Mode.SHADOW else str(quota.limit)


def _counted(count: int, noun: str) -> str:
    return f"{count} {noun}{'' if count == 1 else 's'}"
