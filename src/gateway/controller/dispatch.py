"""Decides who takes the free slots, takes them one commit at a time, and hands each to submit."""

import secrets
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final

import structlog

from gateway.controller import gate
from gateway.controller.bells import Bell
from gateway.controller.flights import Flights
from gateway.controller.gate import Access
from gateway.controller.submit import Submit
from gateway.controller.term import Term
from gateway.domain import fair_share
from gateway.domain.batch_job import PoolId, job_name
from gateway.domain.fair_share import Choice, Contender, PoolSnapshot, TeamSnapshot
from gateway.domain.level import level
from gateway.policy.model import Counts, Mode, Policy, Pool, TeamPolicy
from gateway.store.errors import CommitUnknownError, StoreBusyError
from gateway.store.model import Changed, Snapshot, Take

_ATTEMPT_BYTES: Final = 8


@dataclass(frozen=True, slots=True)
class Room:
    """One pool as this pass sees it. `ours`: how many of ours may be active there, others' and strays taken off."""

    snapshot: PoolSnapshot
    ours: int
    access: Access


class Dispatch:
    """One pass looks at every pool, in a fixed order: limits are over all of them."""

    def __init__(self, term: Term, submit: Submit, flights: Flights) -> None:
        self._term, self._submit, self._flights = term, submit, flights
        self._log = structlog.get_logger(__name__)

    async def run_once(self) -> None:
        """Fill the free slots of the pools whose gate is open, and send one probe through each that may try."""
        term, policy = self._term, self._term.policy.current
        ours = {pool.id: self._ours(pool) for pool in policy.pools.values()}
        snapshot = await term.store.dispatches.snapshot(ours)
        teams = team_snapshots(policy, snapshot)
        levelled = level(teams, snapshot.contenders)
        if levelled.shifts:
            await term.fenced(lambda fence: term.store.dispatches.level(fence, levelled.shifts))
        rooms = {pool: self._room(policy.pools[pool], ours[pool], snapshot) for pool in ours}
        contenders = [self._without_blocked(each) for each in levelled.contenders]
        for choice in fair_share.plan([room.snapshot for room in rooms.values()], teams, contenders):
            await self._take(choice, policy, rooms[choice.pool])
        for room in rooms.values():
            if room.access is Access.PROBE:
                await self._probe(room, policy, teams)

    async def _probe(self, room: Room, policy: Policy, teams: Mapping[str, TeamSnapshot]) -> None:
        heads = await self._term.store.dispatches.probes(room.snapshot.id)
        choice = fair_share.probe(room.snapshot, teams, [self._without_blocked(each) for each in heads])
        if choice is not None:
            await self._take(choice, policy, room)

    async def _take(self, choice: Choice, policy: Policy, room: Room) -> None:
        """Step 1 of a submit. Its time counts from before the commit."""
        term = self._term
        began = term.clock.boottime()
        if began >= term.leadership.submits_until or self._waits(choice.pool, choice.head.id):
            return
        with self._flights.boarding(choice.head.id):
            await self._board(choice, policy, room, began)

    async def _board(self, choice: Choice, policy: Policy, room: Room, began: float) -> None:
        term = self._term
        order = _order(choice, policy, room, term.leadership.term)
        try:
            with term.traces.span("dispatch", about=job_name(choice.team, choice.head.id), pool=str(choice.pool)):
                taken = await term.fenced(lambda _: term.store.dispatches.take(order))
        except StoreBusyError:
            return  # Whoever holds the lock is quick: the next pass meets it again.
        except CommitUnknownError as error:
            # It may be SUBMITTING now. It is not sent; resolve finds it so and settles it like any ambiguous create.
            self._log.warning("dispatch_unknown", team=choice.team, id=choice.head.id, error=str(error))
            return
        if isinstance(taken, Changed):
            deadline = began + term.config.create_deadline.total_seconds()
            load = room.snapshot.active + self._flights.in_pool(choice.pool)
            self._submit.begin(taken.after, deadline=deadline, load=load)

    def _ours(self, pool: Pool) -> int:
        """How many of ours may be active: the policy's capacity, less what else Vertex showed to be running there."""
        state = self._term.state(pool.id)
        return pool.capacity - state.strays - (state.others if pool.counts is Counts.ALL else 0)

    def _room(self, pool: Pool, ours: int, snapshot: Snapshot) -> Room:
        state, active = self._term.state(pool.id), snapshot.active_in(pool.id)
        waits = any(each.backlogged for each in snapshot.contenders if each.pool == pool.id)
        waits = waits and self._term.may_submit_at(snapshot.time)
        access = self._access(pool, gate.access(state, snapshot.time)) if waits else Access.CLOSED
        # No more may be begun at once than are sent at once: the deadline of the rest would run out in the queue.
        flying = self._flights.in_pool(pool.id)
        room = min(ours, active + self._term.config.submits_in_flight - flying)
        seen = PoolSnapshot(pool.id, capacity=room, active=active, gate_open=access is Access.OPEN)
        return Room(seen, ours, access)

    def _access(self, pool: Pool, access: Access) -> Access:
        term = self._term
        if not term.scans.ready(pool.id):
            # A new leader's first submit in a pool comes after a scan. One that failed has closed the gate: then the
            # next one comes in its own time.
            if access is Access.OPEN:
                term.bells.ring(Bell.RESOLVE, pool.id)
            return Access.CLOSED
        if pool.counts is Counts.ALL and term.list_age(pool.id) > term.config.poll_interval.total_seconds():
            term.bells.ring(Bell.POLL, pool.id)
            return Access.CLOSED
        if access is Access.PROBE and self._flights.in_pool(pool.id):
            return Access.CLOSED
        return access

    def _without_blocked(self, contender: Contender) -> Contender:
        """Heads whose next attempt waits for a scan are passed over until it is done.

        So are those whose last attempt is still being recorded: a commit that was not answered may have put them back.
        """
        free = (head for head in contender.heads if not self._waits(contender.pool, head.id))
        return replace(contender, heads=tuple(free))

    def _waits(self, pool: PoolId, job_id: int) -> bool:
        return self._term.scans.blocks(pool, job_id) or self._flights.under_way(job_id)


def team_snapshots(policy: Policy, snapshot: Snapshot) -> dict[str, TeamSnapshot]:
    """The teams of the policy; one that it no longer names is missing, and its queue is held."""
    return {
        name: TeamSnapshot(name, team.weight, snapshot.active_of(name), active_limit(team), team.paused)
        for name, team in policy.teams.items()
    }


def active_limit(team: TeamPolicy) -> int | None:
    """The team's `active_jobs`, where it is enforced."""
    quota = team.quotas.active_jobs
    return quota.limit if quota is not None and quota.mode is Mode.ENFORCE else None


def _order(choice: Choice, policy: Policy, room: Room, term: str) -> Take:
    team = policy.teams[choice.team]
    return Take(
        term=term,
        pool=choice.pool,
        team=choice.team,
        id=choice.head.id,
        attempt_id=secrets.token_hex(_ATTEMPT_BYTES),
        policy_hash=policy.hash,
        capacity=room.ours,
        limit=active_limit(team),
        charge=choice.charge,
        weight=team.weight,
    )
