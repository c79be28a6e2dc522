"""The controller: its part of the settings, and what it is given."""

import asyncio
from contextlib import AsyncExitStack
from datetime import timedelta

from gateway.app.core import Core, holder
from gateway.clock import Clock
from gateway.cloud import vertex
from gateway.cloud.vertex import VertexClients, VertexConfig
from gateway.controller.config import ControllerConfig
from gateway.controller.controller import Controller
from gateway.controller.parts import StoreParts
from gateway.settings import Settings, SettingsError
from gateway.telemetry.metrics import Metrics
from gateway.telemetry.tracing import Traces


def controller_of(
    stack: AsyncExitStack,
    settings: Settings,
    core: Core,
    config: ControllerConfig,
    *,
    clock: Clock,
    metrics: Metrics,
    traces: Traces,
) -> Controller:
    """The controller, with clients of its own for Vertex."""
    target = VertexConfig(
        emulator_target=settings.vertex_emulator or "",
        tcp_user_timeout=settings.tcp_user_timeout.total_seconds(),
    )
    clients = VertexClients(target, clock=clock, metrics=metrics, traces=traces)
    stack.push_async_callback(clients.close)
    store = StoreParts.of(core.database, config=config, clock=clock, holder=holder(), observer=core.observer)
    return Controller(
        config=config,
        store=store,
        vertex=clients,
        policy=core.policies,
        hints=core.feed,
        clock=clock,
        metrics=metrics,
        traces=traces,
    )


async def load_and_run(controller: Controller) -> None:
    """Import Google's client for Vertex after callers are served already: it takes a second and much memory."""
    await asyncio.to_thread(vertex.load)
    await controller.run()


def controller_config(settings: Settings) -> ControllerConfig:
    """The controller's part of the settings; raises SettingsError."""
    settings.insist()
    try:
        return ControllerConfig(
            gateway=settings.name,
            lease=settings.lease,
            lease_margin=settings.lease_margin,
            create_deadline=settings.create_deadline,
            tcp_user_timeout=settings.tcp_user_timeout,
            list_lag=settings.list_lag,
            settle=settings.settle or timedelta(0),
            submits_in_flight=settings.submits_in_flight,
            dispatch_interval=settings.dispatch_interval,
            poll_interval=settings.poll_interval,
            sweep_interval=settings.sweep_interval,
            probe_longest=settings.probe_longest,
            delete_retry=settings.delete_retry,
            gauges_interval=settings.gauges_interval,
        )
    except ValueError as error:
        raise SettingsError(str(error)) from error
