"""Who gets the next slot of a pool: fair share over slot time. Pure rules over snapshots of the store.

The controller decides by `level` and then `plan` (or `choose`, slot by slot; `probe` at a closed gate). The service
explains by `order`, and by what `plan` leaves (`waiting.py`). All times are seconds; `service` is slot-seconds divided
by the team's weight.
"""

from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import replace

from gateway.domain.contention import Choice, Contender, Head, PoolSnapshot, TeamSnapshot
from gateway.domain.lines import Lines
from gateway.domain.shares import charge

__all__ = [
    "Choice",
    "Contender",
    "Head",
    "PoolSnapshot",
    "TeamSnapshot",
    "choose",
    "order",
    "plan",
    "probe",
]


def choose(
    pools: Iterable[PoolSnapshot], teams: Mapping[str, TeamSnapshot], contenders: Iterable[Contender]
) -> Choice | None:
    """What takes the next free slot; None where no slot is free behind an open gate, or nobody is eligible for one."""
    return _lines(pools, teams, contenders).take()


def plan(
    pools: Iterable[PoolSnapshot],
    teams: Mapping[str, TeamSnapshot],
    contenders: Iterable[Contender],
    elsewhere: Iterable[PoolSnapshot] = (),
) -> tuple[Choice, ...]:
    """One pass over all pools: every choice that fills a slot, as `choose` after `choose`.

    In the pools `elsewhere` nothing moves; a team's limit may leave it no more room than it has use for there.
    """
    return tuple(iter(_lines(pools, teams, contenders, elsewhere).take, None))


def probe(pool: PoolSnapshot, teams: Mapping[str, TeamSnapshot], contenders: Iterable[Contender]) -> Choice | None:
    """The one batch job that tries a closed gate: the least refused; among equals as `choose`. Limits hold."""
    if pool.free <= 0:
        return None
    fit = [c for c in contenders if c.pool == pool.id and c.heads and c.team in teams]
    fit = [c for c in fit if teams[c.team].has_room and not teams[c.team].paused]
    tries = [(min(c.heads, key=lambda head: (head.refusals, head.rank)), c) for c in fit]
    if not tries:
        return None
    head, contender = min(tries, key=lambda t: (t[0].refusals, t[1].share.service, t[0].create_time, t[0].id))
    return Choice(pool.id, contender.team, head, charge(contender.share, teams[contender.team].weight))


def order(
    pool: PoolSnapshot,
    teams: Mapping[str, TeamSnapshot],
    contenders: Iterable[Contender],
    elsewhere: Iterable[PoolSnapshot] = (),
) -> tuple[Choice, ...]:
    """The order in which `choose` takes the queue if slots free one by one and nothing arrives: `position` by index.

    What runs is assumed to end in turn over the teams, and what is taken meanwhile to end in the order of taking; in
    the pools `elsewhere` nothing moves. A closed gate counts as open. Left out is what no freed slot of this pool lets
    in: paused and removed teams, teams that fill their limit elsewhere, and everything in a pool of capacity 0.
    """
    if pool.capacity <= 0:
        return ()
    everyone = tuple(contenders)
    lines = Lines((replace(pool, gate_open=True), *elsewhere), teams, everyone, {pool.id: pool.free})
    running, taken = deque(_in_turn(pool, everyone)), list[Choice]()
    while lines.waits(pool.id):
        if choice := lines.take():
            taken.append(choice)
            running.append(choice.team)
        elif running:
            lines.release(pool.id, running.popleft())
        else:
            break
    return tuple(taken)


def _lines(
    pools: Iterable[PoolSnapshot],
    teams: Mapping[str, TeamSnapshot],
    contenders: Iterable[Contender],
    elsewhere: Iterable[PoolSnapshot] = (),
) -> Lines:
    here = tuple(pools)
    return Lines((*here, *elsewhere), teams, contenders, {pool.id: pool.free for pool in here if pool.gate_open})


def _in_turn(pool: PoolSnapshot, contenders: Iterable[Contender]) -> list[str]:
    """Who holds the pool's slots, one team after the other; `""` holds what is not a contender's."""
    held = {c.team: c.active for c in contenders if c.pool == pool.id}
    held[""] = max(0, pool.capacity - pool.free - sum(held.values()))
    return [team for _, team in sorted((turn, team) for team, count in held.items() for turn in range(count))]
