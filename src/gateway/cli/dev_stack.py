"""Everything that `gateway dev` runs: an embedded PostgreSQL, the Vertex emulator, and the gateway in this process."""

import asyncio
import sys
import tempfile
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from gateway.app import App
from gateway.cli.emulator import Emulating, EmulatorProcess
from gateway.cli.envoy import RestFront, dev_front, envoy_program, free_address
from gateway.cli.sample import prepare_buckets, prepare_tables, sample_policy
from gateway.policy.load import load_policy
from gateway.policy.model import Policy
from gateway.settings import Settings
from gateway.store import migrate
from gateway.store.embedded import EmbeddedPostgres
from gateway.telemetry import logs

if TYPE_CHECKING:
    from gateway.cli.dev_identity import DevIdentity

QUICK: Final[Mapping[str, Any]] = {
    "dispatch_interval": timedelta(seconds=1),
    "poll_interval": timedelta(seconds=1),
    "gauges_interval": timedelta(seconds=1),
    "drain_delay": timedelta(0),
    "vertex_api": True,
}
"""What a person at the keyboard would rather not wait for, and would like to try."""


MTLS_LISTEN: Final = "127.0.0.1:8472"
"""Where `--tls` takes client certificates."""


@dataclass(frozen=True, slots=True)
class DevOptions:
    """`state` keeps everything from run to run, None forgets it; `flags` are settings as given on the command line."""

    policy: Path | None = None
    buckets: Path | None = None
    tables: Path | None = None
    state: Path | None = None
    emulator_config: Path | None = None
    tls: bool = False
    rest_listen: str | None = None
    """Where REST is served; None for nowhere."""
    flags: Mapping[str, Any] = field(default_factory=dict)
    log_level: str = "INFO"


@dataclass(frozen=True, slots=True)
class DevStack:
    """What runs, and where it is."""

    app: App
    postgres: EmbeddedPostgres
    emulator: EmulatorProcess
    state: Path
    buckets: Path
    tables: Path
    policy: Path
    rules: Policy
    identity: "DevIdentity | None" = None
    """Certificates and tokens, where callers must prove who they are."""
    rest: str | None = None
    """The URL of REST, where it is served."""


@asynccontextmanager
async def dev_stack(options: DevOptions) -> AsyncIterator[DevStack]:
    """Start all of it and stop all of it, in order.

    Raises what App.start raises, NoSampleError, EmulatorError and EmbeddedPostgresError.
    """
    policy = options.policy or sample_policy()
    loaded = await asyncio.to_thread(load_policy, policy)
    async with AsyncExitStack() as stack:
        state = options.state or Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="gateway-dev-")))
        state.mkdir(parents=True, exist_ok=True)
        buckets, tables = options.buckets or state / "buckets", options.tables or state / "tables"
        await asyncio.to_thread(prepare_buckets, buckets, loaded)
        await asyncio.to_thread(prepare_tables, tables, loaded)
        _log_to(stack, state / "gateway.log", options.log_level)
        postgres = await _database(stack, None if options.state is None else state / "postgres")
        emulator = await stack.enter_async_context(
            Emulating(buckets, tables, state / "emulator.log", _arguments(options))
        )
        await migrate.upgrade(postgres.url)
        identity = await _identity(state / "identity", loaded) if options.tls else None
        secured = {"insecure": True} if identity is None else {"insecure": False, **identity.settings()}
        own = {"name": "dev", "policy": policy, "database_url": postgres.url, **secured, **_google(emulator, loaded)}
        given = {key: value for key, value in options.flags.items() if value is not None}
        if identity is not None:
            given.setdefault("mtls_listen", MTLS_LISTEN)
        app = await stack.enter_async_context(App(Settings.read({}, {**QUICK, **given, **own})))
        rest = await _rest(stack, options, app.api_target, state)
        yield DevStack(app, postgres, emulator, state, buckets, tables, policy, loaded, identity, rest)


async def _rest(stack: AsyncExitStack, options: DevOptions, gateway: str, state: Path) -> str | None:
    """The URL of a started front; None where none is wanted, or there is no Envoy for this machine."""
    program = envoy_program()
    if options.rest_listen is None or program is None or not gateway:
        return None
    identity = (state / "identity").absolute() if options.tls else None
    front = dev_front(free_address(options.rest_listen), gateway, (state / "rest").absolute(), identity)
    return await stack.enter_async_context(RestFront(program, front, vertex_api=True))


async def _identity(folder: Path, policy: Policy) -> "DevIdentity":
    """Certificates and tokens for every team. What makes them takes a moment to import."""
    from gateway.cli.dev_identity import make_identity

    return await asyncio.to_thread(make_identity, folder, policy.teams)


def _google(emulator: EmulatorProcess, policy: Policy) -> dict[str, str]:
    """The settings that make the emulator stand in for everything of Google's."""
    project = next(iter(policy.pools)).project if policy.pools else "dev"
    return {
        "vertex_emulator": emulator.target,
        "storage_endpoint": emulator.storage_url,
        "storage_project": project,
        "bigquery_endpoint": emulator.bigquery_url,
        "bigquery_project": project,
    }


def _arguments(options: DevOptions) -> tuple[str, ...]:
    return () if options.emulator_config is None else ("--config", str(options.emulator_config))


def _log_to(stack: AsyncExitStack, path: Path, level: str) -> None:
    """Write logs to a file while the stack stands; afterwards warnings go to stderr, as they would by themselves."""
    file = stack.enter_context(path.open("a", encoding="utf-8", buffering=1))
    logs.configure(file, level=level)
    stack.callback(logs.configure, sys.stderr, level="WARNING")


async def _database(stack: AsyncExitStack, folder: Path | None) -> EmbeddedPostgres:
    """A started PostgreSQL; without a folder its data goes when it stops."""
    server = EmbeddedPostgres(folder)
    stack.push_async_callback(asyncio.to_thread, server.stop)
    await asyncio.to_thread(server.start)
    return server
