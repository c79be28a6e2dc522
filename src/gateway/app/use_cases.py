"""The use cases of the service, over the core."""

from contextlib import AsyncExitStack

from gateway.admission.place import Placer
from gateway.api.batch_jobs.servicer import UseCases
from gateway.app.core import Core, holder
from gateway.clock import Clock
from gateway.service.cancel import CancelBatchJob
from gateway.service.create import CreateBatchJob
from gateway.service.delete import DeleteBatchJob
from gateway.service.drain import Drain
from gateway.service.get import GetBatchJob
from gateway.service.herald import Herald
from gateway.service.hubs import Hubs
from gateway.service.list import ListBatchJobs
from gateway.service.usage import GetTeamUsage
from gateway.service.waiting import Explainer
from gateway.service.watch import WatchBatchJob
from gateway.service.watch_team import WatchBatchJobs
from gateway.service.watching import Watches, WatchSettings
from gateway.settings import Settings
from gateway.store.changes import Changes
from gateway.store.creates import Creates
from gateway.store.lease import Lease
from gateway.store.pools import Pools
from gateway.store.reads import Reads
from gateway.telemetry.metrics import Metrics


def use_cases_of(
    stack: AsyncExitStack, settings: Settings, core: Core, *, clock: Clock, metrics: Metrics, drain: Drain
) -> UseCases:
    """All of them. Creates that wait when the stack ends are still written."""
    connections = core.database.api
    reads = Reads(connections)
    changes = Changes(connections, core.observer)
    creates = Creates(core.database, core.observer, max_waiting=settings.waiting_creates)
    stack.push_async_callback(creates.close)
    lease = Lease(connections, clock, holder=holder(), duration=settings.lease)
    explainer = Explainer(core.policies, reads, Pools(connections), lease, clock)
    watching = WatchSettings(
        heartbeat=settings.watch_heartbeat.total_seconds(),
        age=settings.watch_age.total_seconds(),
        most=settings.watches,
        most_of_one=settings.watches_per_principal,
    )
    watches = Watches(core.policies, drain, clock=clock, metrics=metrics.rpcs, settings=watching)
    hubs = Hubs(reads, core.feed, explainer, clock)
    placer = Placer(core.locations.storage, core.locations.tables)
    return UseCases(
        create=CreateBatchJob(core.policies, reads, creates, placer, explainer, metrics.jobs),
        get=GetBatchJob(core.policies, reads, explainer),
        list=ListBatchJobs(core.policies, reads, explainer),
        cancel=CancelBatchJob(core.policies, changes, reads, explainer),
        delete=DeleteBatchJob(core.policies, changes, reads),
        watch=WatchBatchJob(watches, Herald(reads, core.feed), explainer),
        watch_team=WatchBatchJobs(watches, hubs, core.feed),
        usage=GetTeamUsage(core.policies, reads, explainer),
    )
