"""The connection to the gateway, and the options that every command shares."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any, Final, TypeVar

import click

from batchjobs._names import full_name, is_team, split_name
from batchjobs.cli.exits import stopped
from batchjobs.cli.printing import say
from batchjobs.client import BatchJobsError, Client
from batchjobs.client._channel import on_this_machine

Answer = TypeVar("Answer")
Command = TypeVar("Command", bound=Callable[..., object])
Say = Callable[[str, float], None]
"""Told what failed, and the seconds until the next attempt."""

DEFAULT_ENDPOINT: Final = "127.0.0.1:8470"


@dataclass(slots=True)
class Connection:
    """Where and on whose behalf to call; `as_json` is what the caller wants to read.

    `say` tells the user of calls that are repeated; a command that shows its progress otherwise replaces it.
    """

    endpoint: str
    team: str
    as_json: bool
    client: Client = field(init=False)
    say: Say = field(init=False)

    def __init__(self, endpoint: str, team: str, output: str, timeout: float, *, insecure: bool) -> None:
        self.endpoint, self.team, self.as_json = endpoint, team, output == "json"
        self.client = Client(endpoint, team=team, insecure=insecure, timeout=timeout, on_retry=self._retried)
        self.say = self._trying_again

    def run(self, body: Callable[[Client], Awaitable[Answer]]) -> Answer:
        """Connect, await what `body` makes of the client, and close.

        Raises:
            StoppedError: a call failed; with the reason in sentences.
        """

        async def connected() -> Answer:
            async with self.client as client:
                return await body(client)

        try:
            return asyncio.run(connected())
        except BatchJobsError as error:
            raise stopped(error, self.endpoint) from error

    def name(self, given: str) -> str:
        """The full name of a batch job."""
        try:
            return full_name(*split_name(given, self.team))
        except ValueError as error:
            raise click.UsageError(str(error)) from error

    def need_team(self) -> None:
        """A command that is not about one batch job is about a team."""
        if not self.team:
            raise click.UsageError("Which team? Give --team or set BATCHJOBS_TEAM.")

    def _retried(self, error: BatchJobsError, seconds: float) -> None:
        self.say(error.reason or error.code.name, seconds)

    def _trying_again(self, what: str, seconds: float) -> None:
        say(f"{what} from {self.endpoint}, trying again in {seconds:.1f} s (Ctrl-C stops).")


def connect(endpoint: str, team: str, output: str, timeout: float, *, insecure: bool) -> Connection:
    """A connection that its options allow; it connects when something is run on it."""
    if team and not is_team(team):
        raise click.UsageError(
            f"{team!r} is not a team: a lowercase letter, then such letters, digits and hyphens, 63 at most."
        )
    try:
        local = on_this_machine(endpoint)
    except ValueError as error:
        raise click.UsageError(str(error)) from error
    if not local and not insecure:
        raise click.UsageError(
            f"{endpoint} is on another machine, and this version speaks plaintext only: anyone on the way could read "
            "and change what is sent. Give --insecure if the way is safe."
        )
    return Connection(endpoint, team, output, timeout, insecure=insecure)


def connection_options(command: Command) -> Command:
    """The options of every command; a command hands them to `connect` as they come."""
    options: tuple[Callable[[Any], Any], ...] = (
        click.option(
            "--endpoint",
            envvar="BATCHJOBS_ENDPOINT",
            default=DEFAULT_ENDPOINT,
            show_default=True,
            help="HOST:PORT of the gateway.",
        ),
        click.option("--team", envvar="BATCHJOBS_TEAM", default="", help="The team on whose behalf to call."),
        click.option("--insecure", is_flag=True, help="Speak plaintext to another machine."),
        click.option(
            "--output",
            type=click.Choice(["text", "json"]),
            default="text",
            show_default=True,
            help="What to print on standard output.",
        ),
        click.option(
            "--timeout",
            type=click.FloatRange(min=0, min_open=True),
            default=30.0,
            show_default=True,
            help="Seconds to go on trying while the gateway cannot be reached or asks to wait.",
        ),
    )
    for option in reversed(options):
        command = option(command)
    return command
