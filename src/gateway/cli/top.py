"""`gateway top`: pools, teams, queue, what runs and what has happened, live on a terminal.

It asks the API, as an operator of the policy: the same address and identity that callers have, reads alone. It needs no
right on the cluster, the database or Prometheus, so it works from any laptop from which a batch job can be submitted.
"""

import asyncio
from typing import Any, Final

import click
from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.text import Text

from batchjobs.cli.connection import Connection, Say, connect, connection_options
from batchjobs.cli.exits import StoppedError
from batchjobs.cli.printing import out_table, say, width
from batchjobs.cli.text import plain
from batchjobs.client import BatchJobsError, Client
from gateway.cli.top_page import Screen, page
from gateway.cli.top_picture import look

OPERATOR: Final = "operator"
"""Who asks where identity is for development only; elsewhere the caller's credentials say who."""


@click.command()
@click.option("--once", is_flag=True, help="Print one page, for a ticket, and end.")
@click.option(
    "--interval",
    type=click.FloatRange(min=0.5),
    default=2.0,
    show_default=True,
    help="Seconds between two looks.",
)
@connection_options
def top(*, once: bool, interval: float, **options: Any) -> None:
    """Watch pools, teams, queue and batch jobs, as an operator of the policy.

    It reads from the API alone. Shown are the teams that have anything open or have created something lately.
    """
    connection = connect(**options, team=OPERATOR, output="text")
    try:
        if once:
            connection.say = _say_once(connection)
            out_table(page(connection.run(look), connection.endpoint, Screen(width())))
        else:
            connection.run(lambda client: _live(client, connection, interval))
    except StoppedError as stop:
        click.echo(stop, err=True)
        raise SystemExit(stop.code) from stop
    except KeyboardInterrupt:
        pass  # This is how a live page is left.


# The team is not a choice here, and there is one form of a page.
top.params = [each for each in top.params if each.name not in {"team", "output"}]


async def _live(client: Client, connection: Connection, interval: float) -> None:
    """Look again and again until Ctrl-C. While looks fail the last page stays, below a line about it."""
    console = Console(highlight=False)
    shown: RenderableType = Text(f"asking {connection.endpoint} …")
    with Live(shown, console=console, screen=console.is_terminal, auto_refresh=False) as live:

        def warn(what: object) -> None:
            line = f"{connection.endpoint}: {plain(str(what))}; below is what was last seen"
            live.update(Group(Text(line, style="red"), shown), refresh=True)

        connection.say = lambda what, _seconds: warn(f"{what}, trying again")
        while True:
            try:
                shown = page(await look(client), connection.endpoint, Screen(console.width, console.height))
                live.update(shown, refresh=True)
            except BatchJobsError as error:
                live.console.bell()
                warn(error)
            await asyncio.sleep(interval)


def _say_once(connection: Connection) -> Say:
    """A look makes many calls at a time, and one line about a gateway that does not answer is enough."""
    told = set[str]()

    def say_once(what: str, _seconds: float) -> None:
        if what not in told:
            told.add(what)
            say(f"{what} from {connection.endpoint}, trying again (Ctrl-C stops).")

    return say_once
