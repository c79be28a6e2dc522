"""`gateway migrate`: bring the database's schema to what this version needs."""

import asyncio
import os
import sys
from typing import Any

import click

from gateway.cli.options import settings_options
from gateway.cli.running import run_until_stopped
from gateway.settings import DatabaseSettings
from gateway.store import migrate as schema
from gateway.telemetry import logs


@click.command()
@settings_options(DatabaseSettings.model_fields)
@click.option(
    "--restored",
    is_flag=True,
    help="After a restore from backup, before a gateway runs again: watchers read anew, lost creates are looked for.",
)
def migrate(restored: bool, **flags: Any) -> None:
    """Bring the database's schema to this version's. Replicas of the version before may go on running meanwhile."""
    logs.configure(sys.stderr)

    async def body(_stop: asyncio.Event) -> int:
        settings = DatabaseSettings.read(os.environ, flags)
        url = await asyncio.to_thread(settings.database_address)
        await schema.upgrade(url)
        click.echo(f"The schema is at {await schema.current(url)}.")
        if restored:
            click.echo(f"The store's new incarnation is {await schema.restored(url)}.")
        return 0

    run_until_stopped(body)
