"""One gateway process: what is started in which order, and how it ends."""

import asyncio
from contextlib import AsyncExitStack
from importlib.metadata import version
from types import TracebackType
from typing import Final, Self

import structlog
from prometheus_client import CollectorRegistry, ProcessCollector

from gateway.api.batch_jobs.servicer import UseCases
from gateway.api.health import Health
from gateway.app.calls import around_calls, services_of
from gateway.app.core import Core, open_core, warm_rest
from gateway.app.leading import controller_config, controller_of, load_and_run
from gateway.app.servers import Servers, start_beside
from gateway.app.use_cases import use_cases_of
from gateway.background import Background
from gateway.clock import Clock, SystemClock
from gateway.cloud.locations import Locations
from gateway.controller.config import ControllerConfig
from gateway.controller.controller import Controller
from gateway.listening import Listening, open_listeners
from gateway.service.drain import LAST_WORDS, Drain
from gateway.settings import Role, Settings
from gateway.telemetry.loop_lag import measure_loop_lag
from gateway.telemetry.metrics import Metrics
from gateway.telemetry.tracing import OFF, Traces, open_traces

log = structlog.get_logger(__name__)

DISTRIBUTION: Final = "batch-jobs-gateway"


class App:
    """One gateway process. Enter it to start, leave it to stop: everything that was started ends, in the right order.

    Args:
        settings: how to run.
        clock: what deadlines and loops read; tests pass one that they drive.
        registry: where the metrics are; a new one by default.
        traces: where spans go; where the settings say by default.

    """

    def __init__(
        self,
        settings: Settings,
        *,
        clock: Clock | None = None,
        registry: CollectorRegistry | None = None,
        traces: Traces | None = None,
    ) -> None:
        self.settings = settings
        self.clock = clock or SystemClock()
        self.metrics = Metrics(registry or CollectorRegistry())
        self.traces: Traces = OFF
        self._given_traces = traces
        self.drain = Drain()
        self.health = Health()
        self.background = Background()
        self.servers = Servers(settings)
        self.core: Core
        self.use_cases: UseCases
        self.controller: Controller | None = None
        self.health_port = self.metrics_port = 0
        self._stack = AsyncExitStack()

    @property
    def api_target(self) -> str:
        """`host:port` of the API for tokens, or in plaintext, with the port that was really taken; "" for none."""
        return self.servers.api_target

    @property
    def mtls_target(self) -> str:
        """The same of the API for client certificates."""
        return self.servers.mtls_target

    async def start(self) -> None:
        """Start everything; SERVING once it has returned. Waits for the schema: `gateway migrate` may come later.

        Raises:
            SettingsError: settings that contradict each other or the promises.
            DevelopmentIdentityRefusedError: others could reach what only development may show.
            CertificateError, IssuersError: a file that callers are let in by cannot be used.
            ListenError, OSError: an address cannot be bound.
            PolicyError: there is no policy to start with.
            StoreError: the database cannot be reached, or is unfit.
            SchemaError: a newer version has migrated the database.

        """
        async with AsyncExitStack() as stack:
            await self._start(stack)
            self._stack = stack.pop_all()

    async def stop(self) -> None:
        """Drain: say NOT_SERVING and release the lease, serve on for `drain_delay`, let calls end, close everything."""
        self.background.may_end()
        await self.health.draining()
        leaving = [self._stop_serving()]
        if self.controller is not None:
            leaving.append(self.controller.stop())
        await asyncio.gather(*leaving)
        await self._stack.aclose()

    async def _stop_serving(self) -> None:
        """Callers come here until they have noticed that this replica is unready; only then are they sent away."""
        delay = self.settings.drain_delay.total_seconds()
        if delay and not self.drain.begun:
            await self.clock.sleep(delay)
            self.drain.begin()
            await self.drain.until_quiet(self.clock)
        self.drain.begin()
        grace = self.settings.drain_grace.total_seconds()
        ending = asyncio.ensure_future(self.servers.stop(grace + LAST_WORDS))
        _, late = await asyncio.wait([ending], timeout=grace)
        if late:
            self.drain.end()
        await ending

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.stop()

    async def _start(self, stack: AsyncExitStack) -> None:
        settings = self.settings
        config = controller_config(settings)
        self._describe_process()
        self.traces = self._given_traces or traces_of(settings)
        stack.push_async_callback(asyncio.to_thread, self.traces.close)
        listening = await open_listeners(settings, clock=self.clock, metrics=self.metrics.identity)
        beside = await start_beside(stack, settings, self.health, self.metrics.registry)
        self.health_port, self.metrics_port = beside
        locations = Locations.of(settings, self.metrics.process, self.clock)
        stack.push_async_callback(locations.close)
        # Google's client is imported in a thread while PostgreSQL makes its sessions.
        warmed = asyncio.create_task(locations.warm_storage())
        stack.push_async_callback(asyncio.wait, [warmed])
        self.core = core = await open_core(
            stack, settings, locations, clock=self.clock, metrics=self.metrics, traces=self.traces
        )
        stack.push_async_callback(self.background.stop)
        self.background.run("feed", core.feed.run())
        self.background.run("policy", core.policies.run())
        self.background.run("loop lag", measure_loop_lag(self.metrics.process))
        self.use_cases = use_cases_of(stack, settings, core, clock=self.clock, metrics=self.metrics, drain=self.drain)
        await self._serve(stack, listening)
        await asyncio.gather(core.feed.started(), warmed)
        await self.health.serving()
        log.info("serving", api=self.api_target, mtls=self.mtls_target, role=settings.role.value, name=settings.name)
        warm_rest(stack, core)
        if settings.role is Role.ALL:
            self._lead(stack, config)

    async def _serve(self, stack: AsyncExitStack, listening: Listening) -> None:
        settings, policies = self.settings, self.core.policies
        for name, work in listening.background():
            self.background.run(name, work)
        services = await services_of(settings, self.use_cases, policies)
        around = around_calls(settings, services, policies, metrics=self.metrics, drain=self.drain, traces=self.traces)
        await self.servers.start(stack, listening, services, around, self.health)

    def _lead(self, stack: AsyncExitStack, config: ControllerConfig) -> None:
        self.controller = controller_of(
            stack, self.settings, self.core, config, clock=self.clock, metrics=self.metrics, traces=self.traces
        )
        self.background.run("controller", load_and_run(self.controller))

    def _describe_process(self) -> None:
        self.metrics.process.build(version(DISTRIBUTION), self.settings.role.value)
        ProcessCollector(registry=self.metrics.registry)


def traces_of(settings: Settings) -> Traces:
    """Where spans go; raises SettingsError."""
    return open_traces(
        settings.traces_endpoint,
        installation=settings.name,
        version=version(DISTRIBUTION),
        share=settings.traces_share,
    )
