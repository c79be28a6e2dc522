"""What answers calls, and what stands around all of them, whichever listener they come to."""

import asyncio
from collections.abc import Callable, Sequence
from functools import partial

from gateway.api.batch_jobs.servicer import SERVICE, BatchJobs, UseCases
from gateway.api.interceptors import layers
from gateway.api.interceptors.chain import Layer
from gateway.api.interceptors.receiving import Receiving
from gateway.api.interceptors.shedding import Shedding
from gateway.api.interceptors.turns import Share, Turns, whose_turns
from gateway.api.rest.twins import batch_jobs_twin, vertex_twin
from gateway.api.services import Service, Services
from gateway.api.vertex.servicer import JobService
from gateway.cloud import vertex_messages
from gateway.policy.source import PolicySource
from gateway.service.drain import Drain
from gateway.settings import Settings
from gateway.telemetry.metrics import Metrics
from gateway.telemetry.tracing import Traces

Around = Callable[..., Sequence[Layer]]
"""Makes the layers of a listener, given its `authenticator`: in this alone listeners differ."""


async def services_of(settings: Settings, use_cases: UseCases, policies: PolicySource) -> Services:
    """What is served under a caller's name. Google's messages are imported only where they are spoken."""
    batch_jobs = BatchJobs(use_cases)
    direct: list[Service] = [(SERVICE, batch_jobs.handler())]
    by_proxy: list[Service] = [batch_jobs_twin().served(batch_jobs.methods())]
    if settings.vertex_api:
        messages = await asyncio.to_thread(vertex_messages.load)
        compatible = settings.compatible_end_states
        spoken = JobService(use_cases, policies, messages, compatible_end_states=compatible)
        direct.append((messages.service, spoken.handler()))
        by_proxy.append(vertex_twin().served(spoken.methods()))
    return Services(direct, by_proxy)


def around_calls(
    settings: Settings, services: Services, policies: PolicySource, *, metrics: Metrics, drain: Drain, traces: Traces
) -> Around:
    """The layers around these services, with one bound and one order of turns for all listeners."""
    shedding = Shedding(settings.calls_in_flight, services.guarded)
    metrics.rpcs.read_in_flight(lambda: shedding.in_flight)
    turns = Turns(
        Share(
            creates=settings.team_creates_at_once,
            others=settings.team_calls_at_once,
            waiting=settings.calls_waiting,
            alone=settings.team_calls_alone,
            watch_seconds=1 / settings.team_watches_per_second,
        ),
        lambda principal: whose_turns(policies.current, principal),
        at_rest=shedding.at_rest,
    )
    metrics.rpcs.read_waiting(lambda: turns.waiting)
    return partial(
        layers,
        metrics=metrics,
        drain=drain,
        shedding=shedding,
        receiving=Receiving(settings.message_bytes, shedding.at_rest),
        turns=turns,
        guarded=services.guarded,
        forwarded=services.forwarded,
        traces=traces,
    )
