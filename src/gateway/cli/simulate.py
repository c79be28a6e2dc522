"""`gateway simulate`: what a policy would do with a trace of batch jobs."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

import click

from gateway.policy.load import PolicyError, load_policy
from gateway.policy.model import Policy
from gateway.policy.patterns import parse_duration
from gateway.simulation.generate import Mix, generate
from gateway.simulation.picture import picture_of
from gateway.simulation.reading import read_trace
from gateway.simulation.replay import Replay
from gateway.simulation.report import Report, report
from gateway.simulation.text import text_of
from gateway.simulation.trace import Arrival, TraceError, bind

Command = TypeVar("Command", bound=Callable[..., Any])
FIRST_COME = "first come"
PATH = click.Path(path_type=Path)


def _pairs(context: click.Context, option: click.Parameter, values: Sequence[str]) -> Mapping[str, float]:
    """`NAME=NUMBER`, each name once."""
    pairs = {}
    for value in values:
        name, mark, number = value.rpartition("=")
        try:
            pairs[name] = float(number)
        except ValueError:
            mark = ""
        if not (mark and name and 0 <= pairs.get(name, -1) < float("inf")):
            raise click.BadParameter(f"{value!r} is not {option.make_metavar(context)}", param=option)
    return pairs


def _runs(context: click.Context, option: click.Parameter, values: Sequence[str]) -> Mapping[float, float]:
    """`DURATION=PARTS`, the durations in seconds."""
    runs = {}
    for text, parts in _pairs(context, option, values).items():
        try:
            runs[parse_duration(text).total_seconds()] = parts
        except ValueError as error:
            raise click.BadParameter(f"{text!r} is not a duration such as 12m", param=option) from error
    if not sum(runs.values()) or not all(runs):
        raise click.BadParameter("needs a duration above zero, and parts above zero", param=option)
    return runs


@click.command()
@click.argument("policy", type=PATH)
@click.argument("trace", type=PATH, required=False)
@click.option("--against", type=PATH, metavar="POLICY", help="A second policy to set beside the first.")
@click.option("--picture", type=PATH, metavar="FILE", help="Write the comparison as an SVG picture too.")
@click.option("--teams", metavar="NUMBER", type=click.IntRange(1), help="Made up: only the policy's first teams send.")
@click.option(
    "--days", default=7.0, show_default=True, type=click.FloatRange(0, min_open=True), help="Made up: for how long."
)
@click.option(
    "--per-hour", default=2.0, show_default=True, type=click.FloatRange(0), help="Made up: batch jobs of each team."
)
@click.option(
    "--team-per-hour", multiple=True, metavar="TEAM=NUMBER", callback=_pairs, help="Made up: the same of one team."
)
@click.option(
    "--run",
    "runs",
    multiple=True,
    default=("12m=9", "4h=1"),
    show_default=True,
    metavar="DURATION=PARTS",
    callback=_runs,
    help="Made up: a mean run time, and how often it comes relative to the others.",
)
@click.option("--seed", default=1, show_default=True, help="Made up: the same seed makes the same trace.")
def simulate(policy: Path, trace: Path | None, against: Path | None, picture: Path | None, **made: Any) -> None:
    """Replay TRACE under POLICY in virtual time: how long each team waits, and what part of each pool it gets.

    It is decided by the controller's own rules, and shown beside first come first served.

    TRACE is CSV or JSON lines with time, team, duration and, where wanted, region and priority. Without one, a trace is
    made up.
    """
    try:
        policies = {str(path): load_policy(path) for path in (policy, against) if path is not None}
        first = policies[str(policy)]
        arrivals = read_trace(trace) if trace else generate(first, _mix(first, made))
        reports = _reports(policies, arrivals, str(trace) if trace else "the trace made up")
    except (PolicyError, TraceError) as error:
        raise click.ClickException(str(error)) from error
    click.echo(text_of(reports), nl=False)
    if picture is not None:
        try:
            picture.write_text(picture_of(reports), encoding="utf-8")
        except OSError as error:
            raise click.ClickException(f"{picture} cannot be written: {error.strerror}") from error


def _mix(policy: Policy, made: Mapping[str, Any]) -> Mix:
    names = list(policy.teams)[: made["teams"]]
    unknown = [name for name in made["team_per_hour"] if name not in policy.teams]
    if unknown:
        raise click.BadParameter(f"the policy has no team {unknown[0]!r}", param_hint="--team-per-hour")
    per_hour = dict.fromkeys(names, made["per_hour"]) | dict(made["team_per_hour"])
    return Mix(made["days"], per_hour, made["runs"], made["seed"])


def _reports(policies: Mapping[str, Policy], arrivals: Sequence[Arrival], file: str) -> list[Report]:
    """Every policy's fair share, and first come first served under the first one."""
    if not arrivals:
        raise TraceError(file, 0, "", "holds no batch job")
    reports = []
    for name, policy in policies.items():
        title = "fair share" if len(policies) == 1 else Path(name).stem
        reports.append(report(title, policy, Replay(policy).run(bind(policy, arrivals, file, name))))
    name, policy = next(iter(policies.items()))
    jobs = bind(policy, arrivals, file, name)
    return [*reports, report(FIRST_COME, policy, Replay(policy, fair=False).run(jobs))]
