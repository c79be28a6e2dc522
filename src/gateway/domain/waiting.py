"""Why a queued batch job waits, judged by the very pass of dispatch that comes next. Pure rules, as `fair_share.py`."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum, unique

from gateway.domain.contention import Contender, PoolSnapshot, TeamSnapshot
from gateway.domain.fair_share import plan


@unique
class WaitingReason(StrEnum):
    """What keeps a queued batch job from being submitted. The names are part of the API."""

    POOL_FULL = "POOL_FULL"
    TEAM_LIMIT = "TEAM_LIMIT"
    GATE_CLOSED = "GATE_CLOSED"
    OTHERS_HOLD_POOL = "OTHERS_HOLD_POOL"
    TEAM_PAUSED = "TEAM_PAUSED"
    POOL_DRAINING = "POOL_DRAINING"
    TEAM_REMOVED = "TEAM_REMOVED"
    NO_LEADER = "NO_LEADER"
    DISPATCHING = "DISPATCHING"


@dataclass(frozen=True, slots=True)
class NextPass:
    """What the next pass of dispatch takes from one pool, by id, and how it leaves the pool and the teams."""

    taken: frozenset[int]
    pool: PoolSnapshot
    teams: Mapping[str, TeamSnapshot]


def next_pass(
    pool: PoolSnapshot,
    teams: Mapping[str, TeamSnapshot],
    contenders: Iterable[Contender],
    elsewhere: Iterable[PoolSnapshot] = (),
) -> NextPass:
    """The pass over this pool alone, as if nothing moved `elsewhere`: what a team may yet take in other pools is not
    counted against its limit here.
    """
    choices = plan([pool], teams, contenders, elsewhere)
    started = Counter(choice.team for choice in choices)
    return NextPass(
        taken=frozenset(choice.head.id for choice in choices),
        pool=replace(pool, active=pool.active + len(choices)),
        teams={name: replace(team, active=team.active + started[name]) for name, team in teams.items()},
    )


def waiting_reason(
    pool: PoolSnapshot | None, team: TeamSnapshot | None, *, taken: bool = False, has_leader: bool = True
) -> WaitingReason:
    """Why a queued batch job waits; None stands for what the policy no longer holds.

    `pool` and `team` are as the next pass leaves them: what that pass has `taken` waits for nothing but the pass, and
    whatever it has not waits for what it finds then. Where that is nothing, as for one that came after the others were
    counted, a slot stays free for it. What does not pass by itself is said before what does, and nothing that the
    leader reports is believed without one.
    """
    if team is None:
        return WaitingReason.TEAM_REMOVED
    if pool is None or pool.capacity <= 0:
        return WaitingReason.POOL_DRAINING
    causes = (
        (team.paused, WaitingReason.TEAM_PAUSED),
        (not has_leader, WaitingReason.NO_LEADER),
        (taken, WaitingReason.DISPATCHING),
        (not pool.gate_open, WaitingReason.GATE_CLOSED),
        (not team.has_room, WaitingReason.TEAM_LIMIT),
        (pool.free <= 0 < pool.free + pool.others, WaitingReason.OTHERS_HOLD_POOL),
        (pool.free <= 0, WaitingReason.POOL_FULL),
    )
    return next((reason for holds, reason in causes if holds), WaitingReason.DISPATCHING)
