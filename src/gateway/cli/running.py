"""Running an event loop until the process is asked to stop, and saying in one sentence why it could not start."""

import asyncio
import gc
import signal
from collections.abc import Callable, Coroutine
from typing import Any, Final

import click
import uvloop

from gateway.api.server import ListenError
from gateway.app import App
from gateway.cli.emulator import EmulatorError
from gateway.cli.envoy import EnvoyError
from gateway.cli.sample import NoSampleError
from gateway.identity.development import DevelopmentIdentityRefusedError
from gateway.policy.load import PolicyError
from gateway.settings import SettingsError
from gateway.store.embedded import EmbeddedPostgresError
from gateway.store.errors import StoreError, StoreUnavailableError
from gateway.store.fitting import SchemaError

REFUSED: Final = 2
FAILED: Final = 1
COLLECTED_AFTER: Final = (1_000, 20, 200)
"""New objects, and young collections of either age, until the next older ones are looked through for cycles."""

NOT_STARTED: Final = (
    DevelopmentIdentityRefusedError,
    EmbeddedPostgresError,
    EmulatorError,
    EnvoyError,
    ListenError,
    NoSampleError,
    OSError,
    PolicyError,
    SchemaError,
    SettingsError,
    StoreError,
)
"""What keeps a process from starting and is explained by its message alone."""


def run_until_stopped(body: Callable[[asyncio.Event], Coroutine[Any, Any, int]]) -> None:
    """Run `body`, whose event is set by SIGTERM or Ctrl-C, and exit with its code.

    What keeps it from starting is told in plain words, without a stack, and exits with 2.
    """

    async def main() -> int:
        stop = asyncio.Event()
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, stop.set)
        return await body(stop)

    try:
        code = uvloop.run(main())
    except StoreUnavailableError as error:
        click.echo(f"gateway: the database cannot be used now: {error}", err=True)
        code = REFUSED
    except NOT_STARTED as error:
        click.echo(f"gateway: {error}", err=True)
        code = REFUSED
    raise SystemExit(code)


def spare_the_collector() -> None:
    """Leave what the start has made, most of it modules, out of every search for cycles from here on, and search what
    is old seldom: what calls leave behind goes by its count, and ten thousand watches are millions of objects to look
    through. What is new is searched often, a little at a time: what watches replace at each change does not count
    towards the next search, is looked through all the same, and every call waits meanwhile.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(*COLLECTED_AFTER)


async def start_unless(app: App, stop: asyncio.Event) -> bool:
    """Start; False where the process was asked to stop before that was done, and nothing runs any more."""
    asked = asyncio.ensure_future(stop.wait())
    starting = asyncio.ensure_future(app.start())
    try:
        await asyncio.wait([asked, starting], return_when=asyncio.FIRST_COMPLETED)
        if starting.done():
            starting.result()
            return True
        starting.cancel()
        await asyncio.wait([starting])
        return False
    finally:
        asked.cancel()


async def serve_until(app: App, stop: asyncio.Event) -> int:
    """Wait until the process is asked to stop, or a task that must not end has ended; the exit code."""
    asked = asyncio.ensure_future(stop.wait())
    failed = asyncio.ensure_future(app.background.failed())
    try:
        done, _ = await asyncio.wait([asked, failed], return_when=asyncio.FIRST_COMPLETED)
    finally:
        asked.cancel()
        failed.cancel()
    return 0 if asked in done else FAILED
