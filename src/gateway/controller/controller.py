"""The controller of one replica: campaigns for the lease, and while it holds it runs every loop."""

from gateway.clock import Clock
from gateway.controller.bells import Bell
from gateway.controller.config import ControllerConfig
from gateway.controller.flights import Flights
from gateway.controller.guard import Guard, first_of
from gateway.controller.leader import Leader
from gateway.controller.loops import Loops
from gateway.controller.parts import ChangeHints, PolicyInForce, StoreParts, Vertex
from gateway.controller.term import Setting, Term
from gateway.telemetry.metrics import Metrics
from gateway.telemetry.tracing import OFF, Traces


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
        traces: Traces = OFF,
    ) -> None:
        setting = Setting(
            config=config, store=store, vertex=vertex, policy=policy, clock=clock, metrics=metrics, traces=traces
        )
        self._config, self._policy, self._hints, self._clock = config, policy, hints, clock
        self._guard = Guard(metrics)
        self._flights = Flights()
        self._leader = Leader(setting, self._lead)

    async def run(self) -> None:
        """Campaign, lead, campaign again, until `stop`. Survives the database's and Vertex's absence."""
        unsubscribe = (self._hints.subscribe(self._changed), self._policy.subscribe(lambda _: self._changed()))
        try:
            await self._leader.run()
        finally:
            for each in unsubscribe:
                each()

    async def stop(self) -> None:
        """Release the lease at once, then give creates under way `shutdown_grace` to be recorded.

        Safe to call twice, and before `run` has begun.
        """
        await self._leader.stop()
        await first_of(self._flights.landed(), self._clock.sleep(self._config.shutdown_grace.total_seconds()))
        await self._flights.abandon()

    @property
    def leading(self) -> bool:
        """Whether this replica leads now."""
        return self._leader.term is not None

    async def _lead(self, term: Term) -> None:
        await Loops(term, self._guard, self._flights).run()

    def _changed(self) -> None:
        """Something was committed, or the policy has changed: whoever may have to act looks now."""
        term = self._leader.term
        if term is not None:
            for bell in (Bell.DISPATCH, Bell.CANCEL, Bell.DELETE):
                term.bells.ring(bell)
