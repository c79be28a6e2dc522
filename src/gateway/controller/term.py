"""What the loops of one term share: the fence before every write, the way to Vertex, and the state of the pools."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import TypeVar

from gateway.clock import Clock
from gateway.cloud.vertex import VertexPool
from gateway.cloud.vertex_errors import TooLateError, VertexError
from gateway.controller import gate
from gateway.controller.bells import Bells
from gateway.controller.config import ControllerConfig
from gateway.controller.leadership import Leadership
from gateway.controller.ours import Lost
from gateway.controller.parts import PolicyInForce, StoreParts, Vertex
from gateway.controller.reach import Reach
from gateway.controller.scans import Scans
from gateway.domain.batch_job import BatchJob, PoolId
from gateway.domain.vertex_job import VertexJob
from gateway.policy.model import DEFAULT_RETENTION
from gateway.store.errors import LeaseLostError
from gateway.store.model import Change, Changed, PoolState
from gateway.telemetry.metrics import Metrics
from gateway.telemetry.tracing import OFF, Traces

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Setting:
    """What the controller is made of, whether it leads or not."""

    config: ControllerConfig
    store: StoreParts
    vertex: Vertex
    policy: PolicyInForce
    clock: Clock
    metrics: Metrics
    traces: Traces = OFF


class Term:
    """One leadership, as its loops see it. Everything in it is forgotten when the term is over."""

    def __init__(self, setting: Setting, leadership: Leadership) -> None:
        self.config, self.store, self.clock = setting.config, setting.store, setting.clock
        self.policy, self.metrics, self.traces = setting.policy, setting.metrics, setting.traces
        self.leadership = leadership
        self.bells = Bells()
        self.reach = Reach(setting.clock)
        self.scans = Scans(setting.config.settle_after, setting.config.clock_slack)
        self._vertex = setting.vertex
        self._states: dict[PoolId, PoolState] = {}
        self._endpoints: dict[PoolId, str] = {}
        self._listed: dict[PoolId, float] = {}
        self.lost: tuple[Lost, ...] = ()
        """The stretches of time whose attempts a restore has made the store forget."""
        self.submits_from: datetime | None = None
        """No create is sent, and no scan opens a pool, before T has passed since the latest restore."""

    async def load(self) -> None:
        """Read what leaders before this one wrote about the pools, and what the store has lost."""
        self._states = dict(await self.store.pools.all())
        restores = await self.store.scanning.restores()
        settle_after, slack = self.config.settle_after, self.config.clock_slack
        self.lost = tuple(Lost.by(each, settle_after, slack) for each in restores)
        self.submits_from = max((each.declare_time + settle_after for each in restores), default=None)

    def may_submit_at(self, now: datetime) -> bool:
        """Whether a create that was sent before a restore would have been shown by then, on the store's clock."""
        return self.submits_from is None or now >= self.submits_from

    # The store.

    async def fenced(self, write: Callable[[str], Awaitable[T]]) -> T:
        """Run one write under this term's fence.

        Raises:
            LeaseLostError: the term is over, by this process's clock or by the store's word.

        """
        self.leadership.require()
        try:
            return await write(self.leadership.term)
        except LeaseLostError:
            self.leadership.lose()
            raise

    async def change(self, job: BatchJob, change: Change) -> Changed | None:
        return await self.fenced(lambda term: self.store.changes.change(job.team, job.id, change, term=term))

    async def write_pool(self, pool: PoolId, change: Callable[[PoolState, datetime], PoolState]) -> PoolState:
        """Change what every replica may read about a pool; the capacity in force goes along."""
        held = self.policy.current.pools.get(pool)
        capacity = held.capacity if held else 0

        def with_capacity(state: PoolState, now: datetime) -> PoolState:
            return replace(change(state, now), capacity=capacity)

        state = await self.fenced(lambda term: self.store.pools.write(term, pool, with_capacity))
        self._states[pool] = state
        return state

    def state(self, pool: PoolId) -> PoolState:
        """What was last written about a pool."""
        return self._states.get(pool, PoolState(pool))

    @property
    def states(self) -> Mapping[PoolId, PoolState]:
        return self._states

    # Vertex.

    async def ask(self, pool: PoolId, call: Callable[[VertexPool], Awaitable[T]]) -> T:
        """One call to a pool's Vertex; whether it was heard there decides whether this replica is fit to lead."""
        began = self.clock.boottime()
        try:
            vertex = await self._vertex.pool(pool, self._endpoint(pool))
            result = await call(vertex)
        except TooLateError:
            raise
        except VertexError as error:
            if error.from_server:
                self.reach.heard()
            else:
                self.reach.missed(began)
            raise
        self.reach.heard()
        return result

    async def list(
        self, pool: PoolId, call: Callable[[VertexPool], Awaitable[tuple[VertexJob, ...]]]
    ) -> tuple[VertexJob, ...]:
        """A complete list of a pool; one that fails closes the pool's gate until one succeeds."""
        try:
            return await self.ask(pool, call)
        except VertexError:
            if self.state(pool).gate_open:
                await self.write_pool(pool, gate.unreachable)
            raise

    def _endpoint(self, pool: PoolId) -> str:
        """The policy's endpoint; for a pool that the policy no longer holds, the one it had."""
        held = self.policy.current.pools.get(pool)
        if held is not None:
            self._endpoints[pool] = held.endpoint
        return self._endpoints.get(pool, "")

    # What several loops go by.

    async def pools(self) -> frozenset[PoolId]:
        """The pools with anything open, and those where something may yet appear after an ambiguous submit."""
        now = await self.store.scanning.now()
        watched = 2 * self.config.settle_after
        ambiguous = {
            pool
            for pool, state in self._states.items()
            if state.last_ambiguous_time is not None and now < state.last_ambiguous_time + watched
        }
        return frozenset(await self.store.sweeps.open_pools()) | ambiguous

    def retention(self, team: str) -> timedelta:
        policy = self.policy.current.teams.get(team)
        return policy.retention if policy else DEFAULT_RETENTION

    def listed(self, pool: PoolId, began: float) -> None:
        """Note that a list of the pool's running Vertex jobs, begun then on the clock's boottime, is complete."""
        self._listed[pool] = began

    def list_age(self, pool: PoolId) -> float:
        """Seconds since this leader's latest list of the pool began; infinite where there is none."""
        return self.clock.boottime() - self._listed.get(pool, float("-inf"))
