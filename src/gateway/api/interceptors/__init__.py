"""What stands around every call, in the one order that counts."""

from gateway.api.interceptors.chain import Layer
from gateway.api.interceptors.counting import Counting
from gateway.api.interceptors.deadline import Deadline
from gateway.api.interceptors.draining import Draining
from gateway.api.interceptors.identity import Identity
from gateway.api.interceptors.logging import Logging
from gateway.api.interceptors.receiving import Receiving
from gateway.api.interceptors.refusals import Refusals
from gateway.api.interceptors.shedding import Shedding
from gateway.api.interceptors.tracing import Tracing
from gateway.api.interceptors.turns import Turns
from gateway.api.interceptors.unread import Unread
from gateway.identity.principal import Authenticator
from gateway.service.drain import Drain
from gateway.telemetry.metrics import Metrics
from gateway.telemetry.tracing import OFF, Traces


def layers(
    *,
    metrics: Metrics,
    drain: Drain,
    shedding: Shedding,
    receiving: Receiving,
    turns: Turns,
    authenticator: Authenticator,
    guarded: frozenset[str],
    forwarded: frozenset[str] = frozenset(),
    traces: Traces = OFF,
) -> tuple[Layer, ...]:
    """The layers from the outside in. `guarded` are the services that have callers with names, `forwarded` those of
    them that a proxy calls for others; `shedding`, `receiving` and `turns` are those of the whole process.

    Counting is outermost, so refusals of every layer count. What stands inside Refusals may raise; what stands outside
    sees the code that went over the wire.
    """
    return (
        Counting(metrics.rpcs),
        Logging(),
        *([Tracing(traces, guarded)] if traces.on else ()),
        Refusals(),
        Draining(drain, guarded),
        shedding,
        Deadline(),
        Identity(authenticator, guarded, forwarded, turns.nameless, shedding.at_rest),
        Unread(),
        receiving,
        turns,
    )
