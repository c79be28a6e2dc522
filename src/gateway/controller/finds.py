"""What to do with Vertex jobs that carry our labels and that no row names: adopt, cancel, or leave alone."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import Enum, auto, unique
from typing import Final

import structlog

from gateway.controller import moves
from gateway.controller.bells import Bell
from gateway.controller.flights import Flights
from gateway.controller.guard import Guard
from gateway.controller.ours import belongs, best, claims, same_vertex_job
from gateway.controller.term import Term
from gateway.domain.batch_job import BatchJob, PoolId
from gateway.domain.states import ENDS, State
from gateway.domain.vertex_job import VertexJob

_REMEMBERED: Final = 10_000


@unique
class Find(Enum):
    """What a Vertex job is to us."""

    OTHERS = auto()  # not made by this installation, or changed by someone who cloned one of ours
    NAMED = auto()  # the one that its batch job names
    UNDER_WAY = auto()  # its create is still being answered
    LOST = auto()  # made for a batch job that has no Vertex job: to be adopted
    EXTRA = auto()  # made for a batch job that has another one, or has ended: to be cancelled
    STRAY = auto()  # labelled as ours, and no row is there to say more


_NOT_A_ROWS: Final = frozenset({Find.OTHERS, Find.STRAY})


@dataclass(frozen=True, slots=True)
class Sorted:
    """What one list showed: rows that something was found for, and how many live Vertex jobs no row accounts for."""

    matched: frozenset[int]
    strays: int
    others: int


class Finds:
    """Sorts what lists show, and acts on it."""

    def __init__(self, term: Term, guard: Guard, flights: Flights) -> None:
        self._term, self._guard, self._flights = term, guard, flights
        self._gateway = term.config.gateway
        self._counted: dict[str, None] = {}
        """The Vertex jobs that were told of."""
        self._log = structlog.get_logger(__name__)

    async def sort(self, pool: PoolId, found: Collection[VertexJob]) -> Sorted:
        """Adopt what is lost, cancel what is extra, count the rest.

        Raises:
            StoreError: the rows could not be read: then the list proves nothing.
            LeaseLostError: the term is over.

        """
        claimed = {each.name: claims(each, self._gateway) for each in found}
        shown = _oldest(found, claimed)
        # From here on, with nothing awaited since the list came, no later attempt goes out past what it shows.
        self._flights.show(shown.keys())
        with self._term.scans.sorting(pool, shown):
            rows = await self._term.store.sweeps.by_id(shown.keys()) if shown else {}
            kinds = {each.name: self.judge(each, rows.get(claimed[each.name] or 0)) for each in found}
            await self._adopt([each for each in found if kinds[each.name] is Find.LOST], rows)
        self._tell_of_strays(pool, [each for each in found if kinds[each.name] is Find.STRAY])
        extras = [each for each in found if kinds[each.name] is Find.EXTRA]
        for extra in extras:
            await self._guard.run("duplicates", extra.name, self.cancel_extra(pool, extra))
        alive = [each for each in found if each.state not in ENDS]
        return Sorted(
            matched=frozenset(claimed[each.name] or 0 for each in found if kinds[each.name] not in _NOT_A_ROWS),
            strays=sum(kinds[each.name] in {Find.EXTRA, Find.STRAY} for each in alive),
            others=sum(kinds[each.name] is Find.OTHERS and "publishers/" in each.model for each in alive),
        )

    def judge(self, found: VertexJob, row: BatchJob | None) -> Find:
        """What a Vertex job is, by the row of the batch job that it claims."""
        if claims(found, self._gateway) is None:
            return Find.OTHERS
        if row is None:
            return Find.STRAY
        if same_vertex_job(row.vertex_name, found.name):
            # A row may have ended before its Vertex job was known, and without having seen it end.
            return Find.EXTRA if row.ended and row.vertex_end_time is None else Find.NAMED
        if not belongs(found, row, self._gateway, self._term.lost):
            return Find.OTHERS
        if self._flights.under_way(row.id):
            return Find.UNDER_WAY
        waits = row.state in {State.QUEUED, State.SUBMITTING} and not row.vertex_name
        return Find.LOST if waits else Find.EXTRA

    def _tell_of_strays(self, pool: PoolId, strays: Iterable[VertexJob]) -> None:
        """Once of each: whether it may go, and whose its results are, is for an operator to decide."""
        for stray in strays:
            if stray.name not in self._counted:
                self._remember(stray.name)
                labels = dict(stray.labels)
                self._log.warning(
                    "vertex_job_without_row",
                    pool=str(pool),
                    vertex_job=stray.name,
                    state=stray.state.value,
                    labels=labels,
                )

    async def cancel_extra(self, pool: PoolId, extra: VertexJob) -> None:
        """Cancel a Vertex job that should not be there, and count it once in a term."""
        # One that is found cancelled was found before, by this leader or by another. One that ended otherwise may have
        # ended while nobody led: to count it once more than it is says more than to count it never.
        if extra.name not in self._counted and extra.state is not State.CANCELLED:
            self._remember(extra.name)
            self._term.metrics.vertex.duplicate()
            labels = dict(extra.labels)
            self._log.error("duplicate_vertex_job", pool=str(pool), vertex_job=extra.name, labels=labels)
        if extra.state not in ENDS | {State.CANCELLING}:
            await self._term.ask(pool, lambda vertex: vertex.cancel(extra.name))

    async def _adopt(self, lost: Iterable[VertexJob], rows: Mapping[int, BatchJob]) -> None:
        """Adopt the best of what was found for each batch job; what is left over is extra when it is seen again.

        A row that cannot be changed now, for its team is locked, is held back until it can: it must not be sent again.
        """
        by_row: defaultdict[int, list[VertexJob]] = defaultdict(list)
        for each in lost:
            by_row[claims(each, self._gateway) or 0].append(each)
        for job_id, candidates in by_row.items():
            row = rows[job_id]
            if not await self._guard.run("adopt", row.name, self._adopt_one(row, best(candidates))):
                self._term.scans.hold(row)

    async def _adopt_one(self, row: BatchJob, found: VertexJob) -> None:
        adopt = moves.adopt(found, self._gateway, self._term.retention(row.team), self._term.lost)
        with self._term.traces.span("adopt", about=row.name, pool=str(row.pool)):
            changed = await self._term.change(row, adopt)
        if changed is None:
            return
        self._term.scans.forget(row)
        if row.state is State.SUBMITTING:
            self._term.metrics.vertex.resolved("found")
        self._log.info("vertex_job_adopted", batch_job=row.name, vertex_job=found.name, was=row.state)
        self._term.bells.ring(Bell.CANCEL, row.pool)

    def _remember(self, name: str) -> None:
        self._counted[name] = None
        if len(self._counted) > _REMEMBERED:
            del self._counted[next(iter(self._counted))]


def _oldest(found: Iterable[VertexJob], claimed: Mapping[str, int | None]) -> dict[int, datetime]:
    """The batch jobs that are claimed, each with when the oldest Vertex job was made that claims it."""
    oldest: dict[int, datetime] = {}
    for each in found:
        if (job_id := claimed[each.name]) is not None:
            oldest[job_id] = min(oldest.get(job_id, each.create_time), each.create_time)
    return oldest
