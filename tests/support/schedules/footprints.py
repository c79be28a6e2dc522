"""What a step reads, writes and locks, and so which steps must be tried in both orders."""

import sys
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Final

JOBS, TEAMS, POOLS, SHARES, LEASE = "jobs", "teams", "pools", "shares", "lease"
STORE: Final = frozenset({JOBS, TEAMS, POOLS, SHARES, LEASE})
VERTEX, CLOCK = "vertex", "clock"


@dataclass(frozen=True, slots=True)
class Footprint:
    """`locks` are taken (the name and PostgreSQL's row lock mode), `frees` are let go.

    `writes` counts from the commit on: until then nobody can see it.
    """

    reads: frozenset[str] = frozenset()
    writes: frozenset[str] = frozenset()
    locks: frozenset[tuple[str, str]] = frozenset()
    frees: frozenset[str] = frozenset()

    def with_clock(self) -> "Footprint":
        return replace(self, reads=self.reads | {CLOCK})

    def races(self, other: "Footprint") -> bool:
        """Whether the two may be done in either order, and the order can matter."""
        touched = self.writes & (other.reads | other.writes) or self.reads & other.writes
        return bool(touched) or any(clash(mine, theirs) for mine in self.locks for theirs in other.locks)

    def orders(self, later: "Footprint") -> bool:
        """Whether `later` comes after this one and not the other way round: a race, or the release of its lock."""
        return self.races(later) or any(name in self.frees for name, _ in later.locks)


NOTHING: Final = Footprint()

LOCK_ORDER: Final = ("lease", "pool", "team", "share")

_COMPATIBLE: Final = {("KEY SHARE", "KEY SHARE"), ("KEY SHARE", "NO KEY UPDATE"), ("NO KEY UPDATE", "KEY SHARE")}


def clash(mine: tuple[str, str], theirs: tuple[str, str]) -> bool:
    """Whether two locks exclude each other."""
    return mine[0] == theirs[0] and (mine[1], theirs[1]) not in _COMPATIBLE


def reads(*names: str) -> Footprint:
    return Footprint(reads=frozenset(names))


def writes(*names: str) -> Footprint:
    return Footprint(writes=frozenset(names))


def locks(name: str, mode: str = "NO KEY UPDATE", *read: str) -> Footprint:
    return Footprint(reads=frozenset(read), locks=frozenset({(name, mode)}))


_KNOWN: Final[Mapping[str, Footprint]] = {
    "lease.expired": reads(LEASE),
    "lease.lock_for_takeover": locks("lease", "UPDATE", LEASE),
    "lease.take_over": writes(LEASE),
    "lease.lock_for_renewal": locks("lease", "NO KEY UPDATE", LEASE),
    "lease.renew": writes(LEASE),
    "lease.release": Footprint(writes=frozenset({LEASE}), locks=frozenset({("lease", "NO KEY UPDATE")})),
    "locks.fence": locks("lease", "KEY SHARE", LEASE, CLOCK),
    "locks.lock_team": locks("team"),
    "locks.make_team": locks("team"),
    "locks.lock_pool": locks("pool"),
    "locks.make_pool": locks("pool"),
    "changes.read_locked": reads(JOBS, TEAMS),
    "changes.read": reads(JOBS),
    "changes.write": writes(JOBS),
    "changes.take_revision": writes(TEAMS),
    "changes.read_share": locks("share", "NO KEY UPDATE", SHARES),
    "changes.write_share": writes(SHARES),
    "changes.make_share": writes(SHARES),
    # The first statement of dispatch's snapshot fixes what the others see; the controller's `now` has the same text.
    "dispatches.now": reads(JOBS, SHARES),
    "dispatches.counts": NOTHING,
    "dispatches.shares": NOTHING,
    "dispatches.heads": NOTHING,
    "dispatches.count_pool": reads(JOBS),
    "dispatches.count_team": reads(JOBS),
    "dispatches.shift_shares": Footprint(writes=frozenset({SHARES}), locks=frozenset({("share", "NO KEY UPDATE")})),
    "pools.all": reads(POOLS),
    "pools.one": reads(POOLS),
    "pools.write": writes(POOLS),
    "sweeps.open_pools": reads(JOBS),
    "sweeps.active": reads(JOBS),
    "sweeps.by_id": reads(JOBS),
    "sweeps.horizon": reads(JOBS),
}

_names: dict[str, str] = {}


def name_of(query: str) -> str:
    """`file.query` for a statement of the store's, its first words for any other."""
    if query not in _names:
        for module in [module for name, module in sys.modules.items() if name.startswith("gateway.store.")]:
            kept = getattr(module, "SQL", None)
            if isinstance(kept, Mapping):
                file = {"scans": "sweeps", "contenders": "dispatches", "writes": "changes"}.get(
                    module.__name__.rsplit(".", 1)[-1], module.__name__.rsplit(".", 1)[-1]
                )
                _names.update({text: f"{file}.{name}" for name, text in kept.items()})
        _names.setdefault(query, " ".join(query.split()[:3]))
    return _names[query]


def of_statement(query: str) -> Footprint:
    """A statement that is not known by name is taken to depend on everything in the store."""
    found = _KNOWN.get(name_of(query), Footprint(reads=STORE, writes=STORE))
    return found.with_clock() if "store_clock" in query else found


@dataclass(slots=True)
class Held:
    """What an open transaction has written and locked so far; its end writes and frees it."""

    writes: set[str] = field(default_factory=set)
    locks: list[str] = field(default_factory=list)

    def add(self, footprint: Footprint) -> None:
        self.writes |= footprint.writes
        self.locks += [name for name, _ in footprint.locks]

    @property
    def in_order(self) -> bool:
        """Lease, pool, team, and what a team's row guards after it: else two transactions could wait for each other."""
        return self.locks == sorted(self.locks, key=LOCK_ORDER.index)

    def end(self, *, kept: bool) -> Footprint:
        return Footprint(writes=frozenset(self.writes) if kept else frozenset(), frees=frozenset(self.locks))
