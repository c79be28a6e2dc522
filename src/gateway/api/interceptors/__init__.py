"""What stands around every call, in the one order that counts."""

from gateway.api.interceptors.chain import Layer
from gateway.api.interceptors.counting import Counting
from gateway.api.interceptors.deadline import Deadline
from gateway.api.interceptors.draining import Draining
from gateway.api.interceptors.identity import Identity
from gateway.api.interceptors.logging import Logging
from gateway.api.interceptors.refusals import Refusals
from gateway.identity.principal import Authenticator
from gateway.service.drain import Drain
from gateway.telemetry.metrics import Metrics


def layers(
    *, metrics: Metrics, drain: Drain, authenticator: Authenticator, guarded: frozenset[str]
) -> tuple[Layer, ...]:
    """The layers from the outside in. `guarded` are the services that have callers with names.

    Counting is outermost, so refusals of every layer count. What stands inside Refusals may raise; what stands outside
    sees the code that went over the wire.
    """
    return (
        Counting(metrics.rpcs),
        Logging(),
        Refusals(),
        Draining(drain, guarded),
        Deadline(),
        Identity(authenticator, guarded),
    )
