"""One scan of a pool: list all that was created since, deal with what is found, and only then let it count."""

from datetime import datetime

from gateway.controller import gate
from gateway.controller.bells import Bell
from gateway.controller.finds import Finds
from gateway.controller.scans import Scan
from gateway.controller.term import Term
from gateway.domain.batch_job import PoolId


class Scanner:
    """Used by resolve and by sweep."""

    def __init__(self, term: Term, finds: Finds) -> None:
        self._term, self._finds = term, finds

    async def scan(self, pool: PoolId, *reaches: datetime) -> Scan:
        """Scan so far back that every one of `reaches` and, the first time, every row without a Vertex job is covered.

        Raises:
            VertexError: a page failed; half a scan is none.
            StoreError: what was found could not be dealt with.

        """
        term = self._term
        number = term.scans.begin()
        horizon = await term.store.scanning.horizon(pool)
        oldest = horizon.oldest_unnamed - term.config.clock_slack if horizon.oldest_unnamed else horizon.now
        whole = not term.scans.ready(pool)
        conclusive = term.may_submit_at(horizon.now)
        since = min([*reaches, *term.scans.reaches(pool), *([oldest] if whole else [])], default=oldest)
        found = await term.list(pool, lambda vertex: vertex.list_created_since(since))
        outcome = await self._finds.sort(pool, found)
        scan = Scan(horizon.now, since, outcome.matched, number)
        await term.write_pool(pool, lambda state, _: gate.scanned(gate.listed(state, begun=scan.begun), scan.begun))
        term.scans.note(pool, scan, whole=whole and conclusive)
        term.bells.ring(Bell.DISPATCH)
        return scan
