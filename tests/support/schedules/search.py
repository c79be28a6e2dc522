"""Which schedules to play: each race of each run the other way round, but for what a run before contains already."""

from collections import defaultdict, deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from random import Random
from typing import NamedTuple

from support.schedules.scheduler import Step


@dataclass(frozen=True, slots=True)
class Planned:
    """A prefix to be played; `reversals` is how many races were turned round on the way to it."""

    actors: tuple[str, ...]
    reversals: int = 0
    marks: frozenset[int] = frozenset()


class Order(NamedTuple):
    """The happens-before order of a run: for each step, as bits, the steps before it; and a mark of all its past."""

    before: list[int]
    marks: list[int]


def order(steps: Sequence[Step]) -> Order:
    """Two runs that differ in the order of independent steps alone have the same marks."""
    before: list[int] = []
    marks: list[int] = []
    for j, step in enumerate(steps):
        past, direct = 0, []
        for i in range(j - 1, -1, -1):
            if not past >> i & 1 and (steps[i].actor == step.actor or steps[i].footprint.orders(step.footprint)):
                past |= before[i] | 1 << i
                direct.append(marks[i])
        before.append(past)
        marks.append(hash((step.actor, step.label, frozenset(direct))))
    return Order(before, marks)


def races(steps: Sequence[Step], known: Order) -> Iterator[tuple[int, int]]:
    """Pairs of dependent steps of two actors, the later of which nothing before it had made wait for the earlier."""
    last: dict[str, int] = {}
    for j, step in enumerate(steps):
        own = last.get(step.actor)
        past = 0 if own is None else known.before[own] | 1 << own
        for i in range(j):
            other = steps[i]
            if other.actor != step.actor and not past >> i & 1 and other.footprint.races(step.footprint):
                yield i, j
        last[step.actor] = j


@dataclass
class Search:
    """One reversal before two, and those in a fixed random order.

    `most` bounds the runs, `reversals` how deep it goes.
    """

    reversals: int
    most: int = 10**9
    played: int = 0
    pruned: int = 0
    impossible: int = 0
    """Prefixes that could not be played: a step that was asked to come first waits for the other."""
    _open: deque[Planned] = field(default_factory=lambda: deque([Planned(())]))
    _chance: Random = field(default_factory=lambda: Random(0))
    _runs: dict[int, set[int]] = field(default_factory=lambda: defaultdict(set))
    _asked: set[frozenset[int]] = field(default_factory=set)

    def plans(self) -> Iterator[Planned]:
        """Plan after plan; `learn` is to be called with each run before the next is asked for."""
        while self._open and self.played < self.most:
            if self._open[0].reversals > 1:  # Where the bound will cut, take them from everywhere.
                self._open.rotate(-self._chance.randrange(len(self._open)))
            plan = self._open.popleft()
            if plan.marks and self._contained(plan.marks):
                self.pruned += 1
                continue
            self.played += 1
            yield plan

    @property
    def left(self) -> int:
        """Plans that the bound on the runs kept from being played."""
        return len(self._open)

    def learn(self, plan: Planned, steps: Sequence[Step]) -> None:
        """Note what a run contains, and ask for each of its races the other way round."""
        known = order(steps)
        for mark in known.marks:
            self._runs[mark].add(self.played)
        if plan.reversals < self.reversals:
            for i, j in races(steps, known):
                self._ask(steps, known, i, j, plan.reversals + 1)

    def _ask(self, steps: Sequence[Step], known: Order, i: int, j: int, reversals: int) -> None:
        kept = [k for k in range(j) if k < i or (k != i and not known.before[k] >> i & 1)]
        prefix = [*(steps[k] for k in kept), steps[j]]
        marks = frozenset(order(prefix).marks)
        if marks in self._asked or self._contained(marks):
            self.pruned += 1
            return
        self._asked.add(marks)
        self._open.append(Planned(tuple(step.actor for step in prefix), reversals, marks))

    def _contained(self, marks: frozenset[int]) -> bool:
        """Whether one run that was played has all of these steps, each with the same past."""
        runs: set[int] | None = None
        for mark in marks:
            of_mark = self._runs.get(mark, set())
            runs = set(of_mark) if runs is None else runs & of_mark
            if not runs:
                return False
        return bool(runs)
