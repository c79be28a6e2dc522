"""`gateway rest-config`: what Envoy in front of the gateway needs to serve REST."""

from pathlib import Path, PurePosixPath
from typing import Any

import click

from gateway.api.rest.files import BOOTSTRAP, front_files, write_front
from gateway.api.rest.front import Front, FrontError
from gateway.api.rest.twins import rest_twins
from gateway.cli.running import REFUSED

_FILE = click.Path(path_type=PurePosixPath)


@click.command("rest-config")
@click.option("--out", required=True, type=click.Path(path_type=Path, file_okay=False), help="The folder to write to.")
@click.option("--at", type=_FILE, help="Where Envoy finds that folder, if elsewhere.")
@click.option("--listen", default="127.0.0.1:8473", show_default=True, help="Where Envoy serves callers.")
@click.option("--gateway", default="127.0.0.1:8470", show_default=True, help="The gateway's listener for tokens.")
@click.option("--certificate", type=_FILE, help="The certificate that callers are shown, with its chain, PEM.")
@click.option("--key", type=_FILE, help="Its private key, PEM.")
@click.option("--gateway-ca", type=_FILE, help="Who vouches for the gateway's certificate, PEM.")
@click.option("--gateway-name", default="localhost", show_default=True, help="The name in the gateway's certificate.")
@click.option("--plaintext", is_flag=True, help="The gateway, on loopback, runs with insecure.")
@click.option("--vertex-api/--no-vertex-api", default=True, help="Whether Vertex's JobService is served too.")
@click.option("--access-log", is_flag=True, help="Have Envoy write a line for each call.")
def rest_config(out: Path, at: PurePosixPath | None, *, plaintext: bool, vertex_api: bool, **options: Any) -> None:
    """Write what Envoy needs to serve REST in front of the gateway.

    The folder gets envoy.yaml, for `envoy -c`, and the files that it names. Make it anew with each version of the
    gateway.
    """
    folder = at or PurePosixPath(out.absolute())
    try:
        front = Front(folder=folder, gateway_tls=not plaintext, **options)
    except FrontError as error:
        click.echo(f"gateway: this front cannot be:\n{error}", err=True)
        raise SystemExit(REFUSED) from None
    write_front(out, front_files(front, rest_twins(vertex_api=vertex_api)))
    click.echo(f"wrote {out / BOOTSTRAP}")
