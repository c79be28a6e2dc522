"""The one place that builds and wires everything."""

import asyncio
import os
import socket
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import timedelta
from importlib.metadata import version
from types import TracebackType
from typing import Self

import structlog
from prometheus_client import CollectorRegistry, ProcessCollector

from gateway.admission.place import Placer
from gateway.api.batch_jobs.servicer import SERVICE, BatchJobs, UseCases
from gateway.api.health import Health
from gateway.api.interceptors import layers
from gateway.api.interceptors.shedding import Shedding
from gateway.api.interceptors.turns import Share, Turns, whose_turns
from gateway.api.rest.twins import batch_jobs_twin, vertex_twin
from gateway.api.server import ApiServer, HealthServer, Limits, ListenError
from gateway.api.services import Service, Services
from gateway.api.vertex.servicer import JobService
from gateway.background import Background
from gateway.clock import Clock, SystemClock
from gateway.cloud import vertex, vertex_messages
from gateway.cloud.locations import Locations
from gateway.cloud.vertex import VertexClients, VertexConfig
from gateway.controller.config import ControllerConfig
from gateway.controller.controller import Controller
from gateway.controller.parts import StoreParts
from gateway.listening import Listening, open_listeners
from gateway.policy.source import PolicySource
from gateway.service.cancel import CancelBatchJob
from gateway.service.create import CreateBatchJob
from gateway.service.delete import DeleteBatchJob
from gateway.service.drain import LAST_WORDS, Drain
from gateway.service.get import GetBatchJob
from gateway.service.herald import Herald
from gateway.service.hubs import Hubs
from gateway.service.list import ListBatchJobs
from gateway.service.observe_jobs import JobObserver
from gateway.service.observe_policy import PolicyMetricsObserver
from gateway.service.usage import GetTeamUsage
from gateway.service.waiting import Explainer
from gateway.service.watch import WatchBatchJob
from gateway.service.watch_team import WatchBatchJobs
from gateway.service.watching import Watches, WatchSettings
from gateway.settings import Role, Settings, SettingsError
from gateway.store.changes import Changes
from gateway.store.creates import Creates
from gateway.store.database import Database, Sizes
from gateway.store.feed import Feed
from gateway.store.fitting import until_schema_fits
from gateway.store.lease import Lease
from gateway.store.pools import Pools
from gateway.store.reads import Reads
from gateway.telemetry.exposition import MetricsListener
from gateway.telemetry.loop_lag import measure_loop_lag
from gateway.telemetry.metrics import Metrics
from gateway.telemetry.tracing import OFF, Traces, open_traces

log = structlog.get_logger(__name__)

DISTRIBUTION = "batch-jobs-gateway"


@dataclass(frozen=True, slots=True)
class Core:
    """What calls and loops share."""

    policies: PolicySource
    database: Database
    feed: Feed
    observer: JobObserver
    locations: Locations


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
        self.core: Core
        self.use_cases: UseCases
        self.controller: Controller | None = None
        self.health_port = self.metrics_port = 0
        self._servers: list[ApiServer] = []
        self._ports: dict[str, int] = {}
        self._stack = AsyncExitStack()

    @property
    def api_target(self) -> str:
        """`host:port` of the API for tokens, or in plaintext, with the port that was really taken; "" for none."""
        return self._target(self.settings.api_listen, self._ports.get("tokens") or self._ports.get("plaintext"))

    @property
    def mtls_target(self) -> str:
        """The same of the API for client certificates."""
        return self._target(self.settings.mtls_listen, self._ports.get("mtls"))

    @staticmethod
    def _target(address: str | None, port: int | None) -> str:
        return f"{address.rpartition(':')[0]}:{port}" if address and port else ""

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
        ending = asyncio.gather(*(server.stop(grace + LAST_WORDS) for server in self._servers))
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
        await self._start_side_listeners(stack)
        locations = Locations.of(settings, self.metrics.process, self.clock)
        stack.push_async_callback(locations.close)
        # Google's client is imported in a thread while PostgreSQL makes its sessions.
        warmed = asyncio.create_task(locations.warm_storage())
        stack.push_async_callback(asyncio.wait, [warmed])
        self.core = core = await self._open_core(stack, locations)
        stack.push_async_callback(self.background.stop)
        self.background.run("feed", core.feed.run())
        self.background.run("policy", core.policies.run())
        self.background.run("loop lag", measure_loop_lag(self.metrics.process))
        self.use_cases = self._use_cases(stack, core)
        await self._listen(stack, listening)
        await asyncio.gather(core.feed.started(), warmed)
        await self.health.serving()
        log.info("serving", api=self.api_target, mtls=self.mtls_target, role=settings.role.value, name=settings.name)
        self._warm_rest(stack, core)
        if settings.role is Role.ALL:
            self._start_controller(stack, core, config)

    async def _listen(self, stack: AsyncExitStack, listening: Listening) -> None:
        """A server for each listener: they differ in how callers are known, and share all else."""
        settings, services = self.settings, await self._services()
        shedding = Shedding(settings.calls_in_flight, services.guarded)
        self.metrics.rpcs.read_in_flight(lambda: shedding.in_flight)
        turns = Turns(
            share_of(settings),
            lambda principal: whose_turns(self.core.policies.current, principal),
            at_rest=shedding.at_rest,
        )
        self.metrics.rpcs.read_waiting(lambda: turns.waiting)
        for name, work in listening.background():
            self.background.run(name, work)
        for each in listening.listeners:
            around = layers(
                metrics=self.metrics,
                drain=self.drain,
                shedding=shedding,
                turns=turns,
                authenticator=each.authenticator,
                guarded=services.guarded,
                forwarded=services.forwarded,
                traces=self.traces,
            )
            server = ApiServer(services, around, self.health, Limits.of(settings))
            credentials = None if each.tls is None else each.tls.credentials
            self._ports[each.name] = await server.start(each.address, credentials)
            self._servers.append(server)
            stack.push_async_callback(server.stop, 0.0)

    async def _services(self) -> Services:
        """What is served under a caller's name. Google's messages are imported only where they are spoken."""
        batch_jobs = BatchJobs(self.use_cases)
        direct: list[Service] = [(SERVICE, batch_jobs.handler())]
        by_rest: list[Service] = [batch_jobs_twin().served(batch_jobs.methods())]
        if self.settings.vertex_api:
            messages = await asyncio.to_thread(vertex_messages.load)
            compatible = self.settings.compatible_end_states
            spoken = JobService(self.use_cases, self.core.policies, messages, compatible_end_states=compatible)
            direct.append((messages.service, spoken.handler()))
            by_rest.append(vertex_twin().served(spoken.methods()))
        return Services(direct, by_rest)

    def _describe_process(self) -> None:
        self.metrics.process.build(version(DISTRIBUTION), self.settings.role.value)
        ProcessCollector(registry=self.metrics.registry)

    async def _start_side_listeners(self, stack: AsyncExitStack) -> None:
        """Health says NOT_SERVING from here on, and metrics can be read, while the rest is still starting."""
        await self.health.starting()
        health = HealthServer(self.health)
        self.health_port = await health.start(self.settings.health_listen)
        stack.push_async_callback(health.stop)
        host, _, port = self.settings.metrics_listen.rpartition(":")
        listener = MetricsListener(self.metrics.registry, host.strip("[]"), int(port))
        try:
            self.metrics_port = (await stack.enter_async_context(listener)).port
        except OSError as error:
            raise ListenError.of(self.settings.metrics_listen) from error

    async def _open_core(self, stack: AsyncExitStack, locations: Locations) -> Core:
        settings = self.settings
        observer = PolicyMetricsObserver(self.metrics, self.clock)
        policies = await PolicySource.open(settings.policy, clock=self.clock, observer=observer)
        url = await asyncio.to_thread(settings.database_address)
        sizes = Sizes(api=settings.api_connections, controller=settings.controller_connections)
        database = await Database.open(url, sizes, timed=self.metrics.process.store_request)
        stack.push_async_callback(database.close)
        await until_schema_fits(url, self.clock)
        feed = Feed(database, self.clock)
        return Core(policies, database, feed, JobObserver(self.metrics.jobs, feed.hint, self.traces), locations)

    def _use_cases(self, stack: AsyncExitStack, core: Core) -> UseCases:
        settings = self.settings
        connections = core.database.api
        reads = Reads(connections)
        changes = Changes(connections, core.observer)
        creates = Creates(core.database, core.observer, max_waiting=settings.waiting_creates)
        stack.push_async_callback(creates.close)
        lease = Lease(connections, self.clock, holder=holder(), duration=settings.lease)
        explainer = Explainer(core.policies, reads, Pools(connections), lease, self.clock)
        watching = WatchSettings(
            heartbeat=settings.watch_heartbeat.total_seconds(),
            age=settings.watch_age.total_seconds(),
            most=settings.watches,
            most_of_one=settings.watches_per_principal,
        )
        watches = Watches(core.policies, self.drain, clock=self.clock, metrics=self.metrics.rpcs, settings=watching)
        hubs = Hubs(reads, core.feed, explainer, self.clock)
        placer = Placer(core.locations.storage, core.locations.tables)
        return UseCases(
            create=CreateBatchJob(core.policies, reads, creates, placer, explainer, self.metrics.jobs),
            get=GetBatchJob(core.policies, reads, explainer),
            list=ListBatchJobs(core.policies, reads, explainer),
            cancel=CancelBatchJob(core.policies, changes, reads, explainer),
            delete=DeleteBatchJob(core.policies, changes, reads),
            watch=WatchBatchJob(watches, Herald(reads, core.feed), explainer),
            watch_team=WatchBatchJobs(watches, hubs, core.feed),
            usage=GetTeamUsage(core.policies, reads, explainer),
        )

    def _warm_rest(self, stack: AsyncExitStack, core: Core) -> None:
        """Load what else look-ups need while callers are served already: what asks for the sizes of objects, and
        BigQuery's client, the latter only where a team may name tables at all.

        A policy that allows tables later has it loaded by the first create that names one.
        """
        warming = [asyncio.create_task(core.locations.warm_sizes())]
        if core.policies.current.names_bigquery:
            warming.append(asyncio.create_task(core.locations.warm_tables()))
        stack.push_async_callback(asyncio.wait, warming)

    def _start_controller(self, stack: AsyncExitStack, core: Core, config: ControllerConfig) -> None:
        target = VertexConfig(
            emulator_target=self.settings.vertex_emulator or "",
            tcp_user_timeout=self.settings.tcp_user_timeout.total_seconds(),
        )
        clients = VertexClients(target, clock=self.clock, metrics=self.metrics, traces=self.traces)
        stack.push_async_callback(clients.close)
        store = StoreParts.of(core.database, config=config, clock=self.clock, holder=holder(), observer=core.observer)
        self.controller = Controller(
            config=config,
            store=store,
            vertex=clients,
            policy=core.policies,
            hints=core.feed,
            clock=self.clock,
            metrics=self.metrics,
            traces=self.traces,
        )
        self.background.run("controller", _load_and_run(self.controller))


async def _load_and_run(controller: Controller) -> None:
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


def share_of(settings: Settings) -> Share:
    """The settings' part about teams that call at the same time."""
    return Share(
        creates=settings.team_creates_at_once,
        others=settings.team_calls_at_once,
        waiting=settings.calls_waiting,
        alone=settings.team_calls_alone,
        watch_seconds=1 / settings.team_watches_per_second,
    )


def traces_of(settings: Settings) -> Traces:
    """Where spans go; raises SettingsError."""
    return open_traces(
        settings.traces_endpoint,
        installation=settings.name,
        version=version(DISTRIBUTION),
        share=settings.traces_share,
    )


def holder() -> str:
    """How this replica is called in the lease row and the logs."""
    return f"{socket.gethostname()}:{os.getpid()}"
