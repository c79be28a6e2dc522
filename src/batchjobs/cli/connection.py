"""The connection to the gateway, and the options that every command shares."""

import ipaddress
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final, TypeVar

import click
import grpc

from batchjobs._errors import CallFailedError, Failure
from batchjobs._names import is_team, split_name
from batchjobs._retry import Patience, repeat
from batchjobs.cli.exits import stopped
from batchjobs.v1.batch_jobs_pb2_grpc import BatchJobsStub

Request = TypeVar("Request")
Answer = TypeVar("Answer")
Command = TypeVar("Command", bound=Callable[..., object])

DEFAULT_ENDPOINT: Final = "127.0.0.1:8470"
CHANNEL_OPTIONS: Final = (
    ("grpc.enable_retries", 0),  # Repeated here, under a request id and with the caller told.
    ("grpc.initial_reconnect_backoff_ms", 200),
    ("grpc.max_reconnect_backoff_ms", 2000),
    ("grpc.max_receive_message_length", 64 << 20),  # A full page of a list.
    ("grpc.keepalive_time_ms", 60_000),  # A watch must notice a dead connection; heartbeats keep servers content.
    ("grpc.keepalive_timeout_ms", 20_000),
)


@dataclass(frozen=True, slots=True)
class Connection:
    """A channel to one gateway, on behalf of one team; `as_json` is what the caller wants to read."""

    endpoint: str
    team: str
    as_json: bool
    timeout: float
    stub: BatchJobsStub

    def metadata(self, team: str = "") -> tuple[tuple[str, str], ...]:
        """Who calls: the team that was given, else the one in the batch job's name."""
        return (("x-batchjobs-team", self.team or team),)

    def name(self, given: str) -> str:
        """The full name of a batch job."""
        try:
            team, number = split_name(given, self.team)
        except ValueError as error:
            raise click.UsageError(str(error)) from error
        return f"teams/{team}/batchJobs/{number}"

    def parent(self) -> str:
        """The team's name; a command without a batch job needs one."""
        if not self.team:
            raise click.UsageError("Which team? Give --team or set BATCHJOBS_TEAM.")
        return f"teams/{self.team}"

    def patience(self) -> Patience:
        return Patience(self.timeout, notice=self._notice)

    def send(self, rpc: Callable[..., Answer], request: Request, name: str) -> Answer:
        """Call an RPC that may be repeated; `name` is what it is about.

        Raises:
            StoppedError: with the reason in sentences.
        """
        try:
            return self.attempt(rpc, request, name)
        except CallFailedError as error:
            raise stopped(error, self.endpoint) from error

    def attempt(self, rpc: Callable[..., Answer], request: Request, name: str) -> Answer:
        """As `send`, but raises the CallFailedError itself."""
        metadata = self.metadata(name.split("/")[1])
        return repeat(lambda timeout: rpc(request, timeout=timeout, metadata=metadata), self.patience())

    def _notice(self, failure: Failure, seconds: float) -> None:
        what = failure.reason or failure.code.name
        click.echo(f"{what} from {self.endpoint}, trying again in {seconds:.1f} s (Ctrl-C stops).", err=True)


def on_this_machine(endpoint: str) -> bool:
    """Whether nobody else can read what is sent there.

    Raises:
        click.UsageError: the endpoint is neither HOST:PORT nor unix:PATH.
    """
    if endpoint.startswith("unix:"):
        return True
    host, colon, port = endpoint.rpartition(":")
    if not colon or not host or not port.isascii() or not port.isdigit() or "/" in host:
        raise click.UsageError(f"The endpoint {endpoint!r} is neither HOST:PORT nor unix:PATH.")
    try:
        return ipaddress.ip_address(host.removeprefix("[").removesuffix("]")).is_loopback
    except ValueError:
        return host == "localhost"


@contextmanager
def connect(endpoint: str, team: str, output: str, timeout: float, *, insecure: bool) -> Iterator[Connection]:
    """Open the connection; it is closed when the block ends."""
    if team and not is_team(team):
        raise click.UsageError(
            f"{team!r} is not a team: a lowercase letter, then such letters, digits and hyphens, 63 at most."
        )
    local = on_this_machine(endpoint)
    if not local and not insecure:
        raise click.UsageError(
            f"{endpoint} is on another machine, and this version speaks plaintext only: anyone on the way could read "
            "and change what is sent. Give --insecure if the way is safe."
        )
    # A proxy from the environment has no business between this machine and itself.
    options = (*CHANNEL_OPTIONS, ("grpc.enable_http_proxy", 0 if local else 1))
    with grpc.insecure_channel(endpoint, options=options) as channel:
        yield Connection(endpoint, team, output == "json", timeout, BatchJobsStub(channel))


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
            help="Seconds to go on trying while the gateway cannot be reached.",
        ),
    )
    for option in reversed(options):
        command = option(command)
    return command
