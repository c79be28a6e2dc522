"""`gateway policy`: judge a policy file before it is deployed."""

from pathlib import Path

import click

from gateway.policy.check import check_policy


@click.group("policy")
def policy() -> None:
    """Work with policy files."""


@policy.command("check")
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--team", metavar="TEAM", help="Show this team alone.")
def check(file: Path, team: str | None) -> None:
    """Say what FILE means, or everything that is wrong with it.

    Exits with 0 where the gateway would take the file, with 1 where it would refuse it.
    """
    report = check_policy(file, team)
    click.echo(report.text, nl=False)
    raise SystemExit(report.status)
