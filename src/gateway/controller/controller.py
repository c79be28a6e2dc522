"""The controller of one replica: campaigns for the lease, and while it holds it runs every loop."""

from gateway.clock import Clock
from gateway.controller.config import ControllerConfig
from gateway.controller.parts import ChangeHints, PolicyInForce, StoreParts, Vertex
from gateway.telemetry.metrics import Metrics


class Controller:
    """Everything comes from outside; nothing happens before `run`.

    Call `gateway.cloud.vertex.load` in a thread before `run`: a replica that may lead needs Google's client.
    """

    def __init__(
        self,
        *,
        config: ControllerConfig,
        store: StoreParts,
        vertex: Vertex,
        policy: PolicyInForce,
        hints: ChangeHints,
        clock: Clock,
        metrics: Metrics,
    ) -> None:
        raise AssertionError

    async def run(self) -> None:
        """Campaign, lead, campaign again, until `stop`. Survives the database's and Vertex's absence."""
        raise AssertionError

    async def stop(self) -> None:
        """Release the lease at once, then give creates under way `shutdown_grace` to be recorded. Safe to call twice."""
        raise AssertionError

    @property
    def leading(self) -> bool:
        """Whether this replica leads now."""
        raise AssertionError
