"""What calls and loops share: the policy in force, the database and its change feed, and the look-ups of places."""

import asyncio
import os
import socket
from contextlib import AsyncExitStack
from dataclasses import dataclass

from gateway.clock import Clock
from gateway.cloud.locations import Locations
from gateway.policy.source import PolicySource
from gateway.service.observe_jobs import JobObserver
from gateway.service.observe_policy import PolicyMetricsObserver
from gateway.settings import Settings
from gateway.store.database import Database, Sizes
from gateway.store.feed import Feed
from gateway.store.fitting import until_schema_fits
from gateway.telemetry.metrics import Metrics
from gateway.telemetry.tracing import Traces


@dataclass(frozen=True, slots=True)
class Core:
    """Open as long as the stack that it was opened on stands."""

    policies: PolicySource
    database: Database
    feed: Feed
    observer: JobObserver
    locations: Locations


async def open_core(
    stack: AsyncExitStack, settings: Settings, locations: Locations, *, clock: Clock, metrics: Metrics, traces: Traces
) -> Core:
    """Read the policy, connect, and wait until the schema fits."""
    policies = await PolicySource.open(settings.policy, clock=clock, observer=PolicyMetricsObserver(metrics, clock))
    url = await asyncio.to_thread(settings.database_address)
    sizes = Sizes(api=settings.api_connections, controller=settings.controller_connections)
    database = await Database.open(url, sizes, timed=metrics.process.store_request)
    stack.push_async_callback(database.close)
    await until_schema_fits(url, clock)
    feed = Feed(database, clock)
    return Core(policies, database, feed, JobObserver(metrics.jobs, feed.hint, traces), locations)


def warm_rest(stack: AsyncExitStack, core: Core) -> None:
    """Load what else look-ups need while callers are served already: what asks for the sizes of objects, and
    BigQuery's client, the latter only where a team may name tables at all.

    A policy that allows tables later has it loaded by the first create that names one.
    """
    warming = [asyncio.create_task(core.locations.warm_sizes())]
    if core.policies.current.names_bigquery:
        warming.append(asyncio.create_task(core.locations.warm_tables()))
    stack.push_async_callback(asyncio.wait, warming)


def holder() -> str:
    """How this replica is called in the lease row and the logs."""
    return f"{socket.gethostname()}:{os.getpid()}"
