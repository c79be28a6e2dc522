"""The schedule of faults: a pure function of the seed, so that a seed repeats the schedule (not the interleaving)."""

import random
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum, unique
from typing import Final

from chaos.sizes import CREATE_DEADLINE, LEASE, LIST_LAG, REGIONS, REPLICAS, SETTLE, TCP_USER_TIMEOUT, Regime, Size


@unique
class Kind(StrEnum):
    """What goes wrong."""

    KILL_REPLICA = "kill a replica"
    KILL_LEADER = "kill the leader"
    KILL_BEFORE_COMMIT = "kill a leader that is about to commit a dispatch"
    KILL_AFTER_COMMIT = "kill a leader whose dispatch has just been committed"
    KILL_BEFORE_SEND = "kill a leader whose create is about to leave"
    KILL_AFTER_SEND = "kill a leader whose create has just left"
    KILL_BEFORE_ANSWER = "kill a leader to whom the answer to its create is on its way"
    KILL_BEFORE_RECORD = "kill a leader that is about to commit a Vertex job's name"
    KILL_AFTER_RECORD = "kill a leader that has just committed a Vertex job's name, and does not know it"
    CUT_BEFORE_SEND = "break the connection on which a create is about to leave"
    FREEZE_LEADER = "freeze the leader for longer than its lease"
    FREEZE_BEFORE_SEND = "freeze a leader whose dispatch has just been committed, for longer than its lease"
    FREEZE_IN_TRANSACTION = "freeze a replica inside a transaction"
    POSTGRES_CRASH = "stop PostgreSQL in immediate mode and start it again"
    POSTGRES_CUT = "cut every connection to PostgreSQL"
    POSTGRES_AWAY = "cut a replica off from PostgreSQL"
    COMMIT_UNKNOWN = "lose the answer to a commit"
    VERTEX_AWAY = "cut a replica off from Vertex"
    VERTEX_HELD = "hold what passes between the leader and Vertex, inside T"
    CREATE_HANGS = "let creates hang past their deadline, undone"
    CREATE_IN_FLIGHT = "delay creates in flight, inside T"
    CREATE_ANSWER_LOST = "do creates and lose their answers"
    CREATE_ANSWER_LATE = "do creates and answer them late"
    CREATE_REFUSED = "refuse creates for want of capacity"
    REGION_DOWN = "let one region fail"
    LIST_LAGS = "let lists lag, inside the allowance"
    VERTEX_JOB_GONE = "delete a running Vertex job by hand"
    POLICY_SHRINKS = "shrink capacity and limits, then grow them again"
    POOL_REMOVED = "remove a pool from the policy, then put it back"
    TEAM_REMOVED = "remove a team from the policy, then put it back"
    ROLL = "replace every replica, one after another"
    CALLER_DIES = "kill a caller, which then repeats what it does not know"
    VERTEX_HELD_LONG = "hold what passes between the leader and Vertex, beyond T"
    CREATE_LANDS_LATE = "delay creates in flight, beyond T"
    LIST_LAGS_LONG = "let lists lag for longer than the allowance, with answers lost"


BEYOND: Final = frozenset({Kind.CREATE_LANDS_LATE, Kind.LIST_LAGS_LONG, Kind.VERTEX_HELD_LONG})
"""What only the regime beyond T has."""


@dataclass(frozen=True, slots=True)
class Planned:
    """One fault. `at` and `seconds` count from the run's start and the fault's; `replica`, `region` and `pick` say
    whom it befalls, as far as that is known beforehand.
    """

    number: int
    at: float
    kind: Kind
    seconds: float
    replica: int
    region: str
    pick: float


def plan(seed: int, regime: Regime, size: Size) -> tuple[Planned, ...]:
    """Every kind of the regime in turn, shuffled anew each round, spread over the run with some jitter."""
    chance = random.Random(f"{seed} {regime}")
    kinds = [kind for kind in Kind if regime is Regime.BEYOND or kind not in BEYOND]
    step = size.seconds / size.faults
    return tuple(
        Planned(
            number=number,
            at=(number + chance.random()) * step,
            kind=kind,
            seconds=_seconds(kind, chance),
            replica=chance.randrange(REPLICAS),
            region=chance.choice(REGIONS),
            pick=chance.random(),
        )
        for number, kind in enumerate(_rounds(kinds, size.faults, chance))
    )


def _rounds(kinds: Sequence[Kind], count: int, chance: random.Random) -> list[Kind]:
    drawn: list[Kind] = []
    while len(drawn) < count:
        drawn += chance.sample(kinds, len(kinds))
    return drawn[:count]


def _seconds(kind: Kind, chance: random.Random) -> float:
    low, high = _BOUNDS.get(kind, (1.0, 4.0))
    return chance.uniform(low, high)


_BOUNDS: Final = {
    Kind.FREEZE_LEADER: (LEASE + 1, LEASE + 4),
    Kind.FREEZE_BEFORE_SEND: (LEASE + 1, LEASE + 4),
    Kind.FREEZE_IN_TRANSACTION: (4.0, 8.0),
    Kind.CREATE_HANGS: (CREATE_DEADLINE + 0.5, CREATE_DEADLINE + 2),
    Kind.CREATE_IN_FLIGHT: (CREATE_DEADLINE, CREATE_DEADLINE + TCP_USER_TIMEOUT - 0.5),
    Kind.CREATE_ANSWER_LATE: (CREATE_DEADLINE + 0.5, CREATE_DEADLINE + 3),
    Kind.LIST_LAGS: (3.0, LIST_LAG - 2),
    Kind.POLICY_SHRINKS: (4.0, 8.0),
    Kind.POOL_REMOVED: (4.0, 8.0),
    Kind.TEAM_REMOVED: (4.0, 8.0),
    Kind.VERTEX_HELD: (0.5, TCP_USER_TIMEOUT - 0.5),
    Kind.VERTEX_HELD_LONG: (SETTLE + 1, SETTLE + 4),
    Kind.CREATE_LANDS_LATE: (SETTLE + 3, SETTLE + 12),
    Kind.LIST_LAGS_LONG: (SETTLE + LIST_LAG, SETTLE + LIST_LAG + 10),
}
