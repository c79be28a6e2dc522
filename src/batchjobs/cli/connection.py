"""The connection to the gateway, and the options that every command shares."""

import asyncio
import shlex
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any, Final, TypeVar

import click

from batchjobs._names import full_name, is_team, split_name
from batchjobs.cli.exits import stopped
from batchjobs.cli.printing import say
from batchjobs.client import BatchJobsError, Client, Security

Answer = TypeVar("Answer")
Command = TypeVar("Command", bound=Callable[..., object])
Say = Callable[[str, float], None]
"""Told what failed, and the seconds until the next attempt."""

FILES: Final = ("ca_file", "certificate_file", "key_file", "token_file")
SHARED: Final = frozenset({"endpoint", "team", "output", "timeout", "insecure", "token_command", *FILES})
"""The parameters that `connect` takes."""

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

    def __init__(
        self, endpoint: str, team: str, output: str, timeout: float, *, security: Security | None, insecure: bool
    ) -> None:
        self.endpoint, self.team, self.as_json = endpoint, team, output == "json"
        self.client = Client(
            endpoint, team=team, security=security, insecure=insecure, timeout=timeout, on_retry=self._retried
        )
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


def connect(
    endpoint: str,
    team: str,
    output: str,
    timeout: float,
    *,
    insecure: bool,
    token_command: str | None,
    **files: str | None,
) -> Connection:
    """A connection that its options allow; it connects when something is run on it."""
    if team and not is_team(team):
        raise click.UsageError(
            f"{team!r} is not a team: a lowercase letter, then such letters, digits and hyphens, 63 at most."
        )
    given = [name for name in FILES if files[name]] + ["token_command"] * bool(token_command)
    if insecure and given:
        raise click.UsageError(
            f"--insecure speaks plaintext, and {', '.join(map(option_of, given))} would prove you to anybody on the "
            "way: take one of the two out. Their variables, such as BATCHJOBS_INSECURE, count as well."
        )
    try:
        security = Security(**files, token_command=shlex.split(token_command or "")) if given else None
        return Connection(endpoint, team, output, timeout, security=security, insecure=insecure)
    except ValueError as error:
        raise click.UsageError(str(error)) from error


def option_of(name: str) -> str:
    """The option of a parameter."""
    return "--" + name.replace("_", "-")


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
        _file("ca_file", "CA certificates, PEM, that vouch for the gateway; by default those that gRPC trusts."),
        _file("certificate_file", "Your certificate, PEM, where the gateway demands one."),
        _file("key_file", "The certificate's key, PEM."),
        _file("token_file", "A file with your token, a JWT; read again when it changes."),
        click.option(
            "--token-command",
            envvar="BATCHJOBS_TOKEN_COMMAND",
            metavar="COMMAND",
            help="A command that prints your token; run without a shell, and again when the token is about to expire.",
        ),
        click.option(
            "--insecure",
            is_flag=True,
            envvar="BATCHJOBS_INSECURE",
            help="Speak plaintext, as to a gateway in development, and prove nothing.",
        ),
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


def _file(name: str, text: str) -> Callable[[Any], Any]:
    return click.option(option_of(name), envvar=f"BATCHJOBS_{name.upper()}", metavar="FILE", help=text)
