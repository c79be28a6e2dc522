"""`gateway dev`: try everything on this machine, until Ctrl-C."""

import asyncio
import socket
from pathlib import Path
from typing import Any, Final

import click

from gateway.cli.dev_stack import DevOptions, dev_stack
from gateway.cli.dev_welcome import welcome
from gateway.cli.options import settings_options
from gateway.cli.running import run_until_stopped, serve_until
from gateway.settings import Settings

SETTINGS: Final = (
    "api_listen",
    "mtls_listen",
    "health_listen",
    "metrics_listen",
    "log_level",
    "watch_heartbeat",
    "drain_grace",
)

REST_LISTEN: Final = "127.0.0.1:8473"

_FILE: Final = click.Path(path_type=Path, dir_okay=False, exists=True)
_FOLDER: Final = click.Path(path_type=Path, file_okay=False)


@click.command()
@click.option("--policy", type=_FILE, metavar="FILE", help="The policy file; by default a sample of three teams.")
@click.option("--buckets", type=_FOLDER, metavar="DIR", help="A folder whose subfolders are the buckets.")
@click.option("--tables", type=_FOLDER, metavar="DIR", help="A folder of tables, project/dataset/table.jsonl.")
@click.option("--state", type=_FOLDER, metavar="DIR", help="Keep database, buckets, tables and logs here.")
@click.option("--emulator-config", type=_FILE, metavar="FILE", help="Settings of the Vertex emulator, as YAML.")
@click.option("--tls", is_flag=True, help="Have callers prove who they are, with certificates and tokens made here.")
@click.option("--rest-listen", default=REST_LISTEN, show_default=True, help="Where REST is served; empty: nowhere.")
@settings_options(SETTINGS, variables=True)
def dev(
    policy: Path | None,
    buckets: Path | None,
    tables: Path | None,
    state: Path | None,
    emulator_config: Path | None,
    tls: bool,
    rest_listen: str,
    **flags: Any,
) -> None:
    """Run PostgreSQL, a Vertex emulator and the gateway here until Ctrl-C.

    Nothing is needed beforehand and nothing is left behind, unless --state names a folder.
    """
    level = flags.pop("log_level") or "INFO"
    flags["health_listen"] = flags["health_listen"] or _free_or_any(Settings.model_fields["health_listen"].default)
    options = DevOptions(policy, buckets, tables, state, emulator_config, tls, rest_listen or None, flags, level)

    async def body(stop: asyncio.Event) -> int:
        click.echo("starting PostgreSQL, the Vertex emulator and the gateway …")
        async with dev_stack(options) as running:
            click.echo(welcome(running))
            code = await serve_until(running.app, stop)
            click.echo("stopping …")
        return code

    run_until_stopped(body)


def _free_or_any(address: str) -> str:
    """The address, or any free port of its host: nobody looks for the health of a development gateway."""
    host, _, port = address.rpartition(":")
    with socket.socket() as attempt:
        try:
            attempt.bind((host, int(port)))
        except OSError:
            return f"{host}:0"
    return address
