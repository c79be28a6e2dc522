"""Carries out what is planned: each kind by a function of its own, which returns when the fault is over."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Final

import aiohttp

from chaos import history
from chaos.callers import Callers
from chaos.fleet import Fleet, Replica
from chaos.plan import Kind, Planned
from chaos.policies import PolicyFile
from chaos.sizes import CREATE_DEADLINE, SETTLE
from chaos.vertex import CREATE, LIST, Vertex
from chaos.wire import Trap, When, Wire
from gateway.store.embedded import EmbeddedPostgres, Shutdown


def _parameter(text: bytes) -> bytes:
    """A text as a statement's parameter stands behind its length; in SQL and in JSON the same word does not."""
    return len(text).to_bytes(4) + text


DISPATCHED: Final = (_parameter(b"SUBMITTING"),)
"""Passes to PostgreSQL in the transaction that takes a slot."""
COMMITTED: Final = (*DISPATCHED, b"COMMIT\0")
RECORDED: Final = (b"VERTEX_ACCEPTED", b"COMMIT\0")
"""Passes to PostgreSQL in the transaction that records what Vertex has answered."""
SENT: Final = (b"batchjobs_attempt",)
"""Passes to Vertex in a create, and back in its answer."""
ACT_SECONDS: Final = 60.0
TRAP_SECONDS: Final = 8.0
"""How long a fault waits for its moment. Where none comes it did not happen, and says so."""


@dataclass
class Stage:
    """What faults befall."""

    postgres: EmbeddedPostgres
    fleet: Fleet
    vertex: Vertex
    policy: PolicyFile
    callers: Callers
    database: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def leader(self) -> Replica | None:
        """Whoever holds the lease, waited for a little."""
        until = time.monotonic() + TRAP_SECONDS
        while time.monotonic() < until:
            if found := self.fleet.led_by(await history.holder(self.postgres.tcp_url)):
                return found
            await asyncio.sleep(0.2)
        return None


@dataclass(frozen=True)
class Happened:
    """A fault that was carried out; times are seconds since the epoch."""

    planned: Planned
    began: float
    over: float
    really: bool


async def carry_out(stage: Stage, planned: Planned) -> Happened:
    """Do it and wait until it is over."""
    began = time.time()
    try:
        really = await _CARRIERS[planned.kind](stage, planned)
    except (OSError, aiohttp.ClientError):
        really = False
    return Happened(planned, began, time.time(), really)


Carrier = Callable[[Stage, Planned], Awaitable[bool]]


async def _kill(replica: Replica) -> bool:
    async with replica.busy:
        await replica.kill()
        await replica.replace()
    return True


async def _kill_replica(stage: Stage, planned: Planned) -> bool:
    return await _kill(stage.fleet.replicas[planned.replica])


async def _kill_leader(stage: Stage, _: Planned) -> bool:
    leader = await stage.leader()
    return leader is not None and await _kill(leader)


def _at(pieces: tuple[bytes, ...], when: When, what: Callable[[Replica, Planned], Awaitable[None]]) -> Carrier:
    """Do `what` to the leader at the moment at which the pieces pass: to PostgreSQL, or to Vertex for a create."""

    async def carry(stage: Stage, planned: Planned) -> bool:
        leader = await stage.leader()
        if leader is None:
            return False
        wire = leader.vertex if pieces is SENT else leader.database
        async with leader.busy:
            over = asyncio.Event()

            async def act() -> None:
                try:
                    await what(leader, planned)
                finally:
                    over.set()

            return await _sprung(wire, Trap(pieces, when, act, answer=SENT[0] if pieces is SENT else b""), over)

    return carry


async def _sprung(wire: Wire, trap: Trap, over: asyncio.Event) -> bool:
    wire.set_trap(trap)
    with suppress(TimeoutError):
        async with asyncio.timeout(TRAP_SECONDS):
            await over.wait()
    wire.take_back(trap)
    if trap.sprung and not over.is_set():
        # It is under way, or waits for an answer whose connection has broken meanwhile.
        with suppress(TimeoutError):
            async with asyncio.timeout(ACT_SECONDS):
                await over.wait()
    return over.is_set()


async def _die(replica: Replica, _: Planned) -> None:
    await replica.kill()
    await replica.replace()


async def _stand_by(_replica: Replica, _: Planned) -> None:
    """The connection breaks, and nothing else happens."""


async def _freeze(replica: Replica, planned: Planned) -> None:
    await replica.freeze(planned.seconds)


async def _freeze_leader(stage: Stage, planned: Planned) -> bool:
    leader = await stage.leader()
    if leader is None:
        return False
    async with leader.busy:
        await leader.freeze(planned.seconds)
    return True


async def _postgres_crash(stage: Stage, _: Planned) -> bool:
    async with stage.database:
        await asyncio.to_thread(stage.postgres.restart, Shutdown.IMMEDIATE)
    return True


async def _postgres_cut(stage: Stage, _: Planned) -> bool:
    for replica in stage.fleet.replicas:
        replica.database.cut()
    return True


async def _postgres_away(stage: Stage, planned: Planned) -> bool:
    await stage.fleet.replicas[planned.replica].database.away(planned.seconds)
    return True


async def _commit_unknown(stage: Stage, planned: Planned) -> bool:
    """The answer to a dispatch's commit, or to any replica's next one."""
    leader = await stage.leader()
    replica = leader if leader and planned.pick < 0.5 else stage.fleet.replicas[planned.replica]  # noqa: PLR2004 - half
    over = asyncio.Event()

    async def act() -> None:
        over.set()

    pieces = COMMITTED if replica is leader else COMMITTED[-1:]
    return await _sprung(replica.database, Trap(pieces, When.LOSE_ANSWER, act), over)


async def _vertex_away(stage: Stage, planned: Planned) -> bool:
    await stage.fleet.replicas[planned.replica].vertex.away(planned.seconds)
    return True


async def _vertex_held(stage: Stage, planned: Planned) -> bool:
    leader = await stage.leader()
    if leader is None:
        return False
    await leader.vertex.hold(planned.seconds)
    return True


def _creates(kind: str, **values: Any) -> Carrier:
    """The next creates, of every region, meet a fault of the emulator; the fault's own time goes along."""

    async def carry(stage: Stage, planned: Planned) -> bool:
        timed = {"seconds": planned.seconds} if kind in {"in_flight", "late_answer"} else {}
        number = await stage.vertex.fault(CREATE, kind, times=1 + int(planned.pick * 3), **timed, **values)
        await asyncio.sleep(max(planned.seconds, CREATE_DEADLINE))
        await stage.vertex.heal(number)
        return True

    return carry


async def _create_refused(stage: Stage, planned: Planned) -> bool:
    await stage.vertex.during(planned.seconds, CREATE, "status", code="RESOURCE_EXHAUSTED")
    return True


async def _region_down(stage: Stage, planned: Planned) -> bool:
    await stage.vertex.during(
        planned.seconds, "*BatchPredictionJob*", "status", code="UNAVAILABLE", region=planned.region
    )
    return True


async def _list_lags(stage: Stage, planned: Planned) -> bool:
    await stage.vertex.during(5.0, LIST, "list_lag", seconds=planned.seconds)
    return True


async def _list_lags_long(stage: Stage, planned: Planned) -> bool:
    """Lists that show nothing young, for longer than T, while answers are lost: absence is concluded, and wrong."""
    number = await stage.vertex.fault(CREATE, "drop_answer", times=2, region=planned.region)
    await stage.vertex.during(
        planned.seconds - SETTLE + 20.0, LIST, "list_lag", seconds=planned.seconds, region=planned.region
    )
    await stage.vertex.heal(number)
    return True


async def _vertex_job_gone(stage: Stage, planned: Planned) -> bool:
    live = [job for job in await stage.vertex.jobs() if job.get("state") in {"JOB_STATE_PENDING", "JOB_STATE_RUNNING"}]
    if not live:
        return False
    await stage.vertex.delete_by_hand(live[int(planned.pick * len(live))]["id"])
    return True


async def _policy_shrinks(stage: Stage, planned: Planned) -> bool:
    await stage.policy.change(stage.policy.shrunk(), planned.seconds)
    return True


async def _pool_removed(stage: Stage, planned: Planned) -> bool:
    await stage.policy.change(stage.policy.without(planned.region), planned.seconds)
    return True


async def _team_removed(stage: Stage, planned: Planned) -> bool:
    team = stage.policy.teams[int(planned.pick * len(stage.policy.teams))]
    await stage.policy.change(stage.policy.without(team), planned.seconds)
    return True


async def _roll(stage: Stage, _: Planned) -> bool:
    for replica in stage.fleet.replicas:
        async with replica.busy:
            await replica.leave()
            await replica.start()
    return True


async def _caller_dies(stage: Stage, planned: Planned) -> bool:
    await stage.callers.kill(int(planned.pick * stage.callers.count))
    return True


_CARRIERS: Final[Mapping[Kind, Carrier]] = {
    Kind.KILL_REPLICA: _kill_replica,
    Kind.KILL_LEADER: _kill_leader,
    Kind.KILL_BEFORE_COMMIT: _at(COMMITTED, When.BEFORE, _die),
    Kind.KILL_AFTER_COMMIT: _at(COMMITTED, When.LOSE_ANSWER, _die),
    Kind.KILL_BEFORE_SEND: _at(SENT, When.BEFORE, _die),
    Kind.KILL_AFTER_SEND: _at(SENT, When.AFTER, _die),
    Kind.KILL_BEFORE_ANSWER: _at(SENT, When.LOSE_ANSWER, _die),
    Kind.KILL_BEFORE_RECORD: _at(RECORDED, When.BEFORE, _die),
    Kind.KILL_AFTER_RECORD: _at(RECORDED, When.LOSE_ANSWER, _die),
    Kind.CUT_BEFORE_SEND: _at(SENT, When.BEFORE, _stand_by),
    Kind.FREEZE_LEADER: _freeze_leader,
    Kind.FREEZE_BEFORE_SEND: _at(COMMITTED, When.AFTER, _freeze),
    Kind.FREEZE_IN_TRANSACTION: _at(DISPATCHED, When.AFTER, _freeze),
    Kind.POSTGRES_CRASH: _postgres_crash,
    Kind.POSTGRES_CUT: _postgres_cut,
    Kind.POSTGRES_AWAY: _postgres_away,
    Kind.COMMIT_UNKNOWN: _commit_unknown,
    Kind.VERTEX_AWAY: _vertex_away,
    Kind.VERTEX_HELD: _vertex_held,
    Kind.VERTEX_HELD_LONG: _vertex_held,
    Kind.CREATE_HANGS: _creates("hang"),
    Kind.CREATE_IN_FLIGHT: _creates("in_flight"),
    Kind.CREATE_ANSWER_LOST: _creates("drop_answer"),
    Kind.CREATE_ANSWER_LATE: _creates("late_answer"),
    Kind.CREATE_REFUSED: _create_refused,
    Kind.REGION_DOWN: _region_down,
    Kind.LIST_LAGS: _list_lags,
    Kind.VERTEX_JOB_GONE: _vertex_job_gone,
    Kind.POLICY_SHRINKS: _policy_shrinks,
    Kind.POOL_REMOVED: _pool_removed,
    Kind.TEAM_REMOVED: _team_removed,
    Kind.ROLL: _roll,
    Kind.CALLER_DIES: _caller_dies,
    Kind.CREATE_LANDS_LATE: _creates("in_flight", code="UNAVAILABLE"),
    Kind.LIST_LAGS_LONG: _list_lags_long,
}
"""Every kind has one; a kind without is a KeyError at its first use, and a test's finding before that."""
