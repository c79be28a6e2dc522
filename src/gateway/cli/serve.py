"""`gateway serve`: one replica, until SIGTERM."""

import asyncio
import os
import sys
from typing import Any

import click

from gateway.app import App
from gateway.cli.options import settings_options
from gateway.cli.running import REFUSED, run_until_stopped, serve_until, spare_the_collector, start_unless
from gateway.settings import Settings, SettingsError
from gateway.telemetry import logs


@click.command()
@settings_options(Settings.model_fields)
def serve(**flags: Any) -> None:
    """Run one replica of the gateway until SIGTERM.

    Every option can be given as the environment variable that stands behind its help.
    """
    try:
        settings = Settings.read(os.environ, flags)
    except SettingsError as error:
        click.echo(f"gateway: these settings cannot be used:\n{error}", err=True)
        raise SystemExit(REFUSED) from None
    logs.configure(sys.stdout, level=settings.log_level)

    async def body(stop: asyncio.Event) -> int:
        app = App(settings)
        if not await start_unless(app, stop):
            return 0
        try:
            spare_the_collector()
            return await serve_until(app, stop)
        finally:
            await app.stop()

    run_until_stopped(body)
